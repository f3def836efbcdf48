"""The settings of a market that is the simulated exchange."""

import pytest


@pytest.fixture
def exchange(settings, monkeypatch):
    """Make the simulated exchange the configured market; Django may be called beside the test's running loop."""
    settings.MARKET_SOURCE = "binance"
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    return settings
