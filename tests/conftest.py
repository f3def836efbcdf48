"""Fixtures of the whole suite."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from channels.layers import channel_layers
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from agent.runner import MarketRunner
from market.feeds import current_market
from signals import history, hub
from signals.publish import mark_published
from tests.databases import empty_database, postgres_answers
from tests.playing import FIVE, START, walk, without, write_csv

ROOT = Path(__file__).resolve().parent.parent


def absent(what: str) -> None:
    """Skip a test that lacks something, in one line; where CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture
def candles_dir() -> Path:
    """The folder of real candles."""
    folder = os.environ.get("CANDLES_DIR")
    if not folder:
        absent("CANDLES_DIR is not set: real candles are not tested")
    return Path(folder)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    if not postgres_answers():
        absent("PostgreSQL does not answer: TEST_DATABASE_URL")
    with empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> Path:
    """A migrated database file, made once."""
    folder = tmp_path_factory.mktemp("migrated")
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | {"DATA_DIR": str(folder)}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    return folder / "agent.sqlite3"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """End the sessions of threads that a cancelled socket left behind: PostgreSQL drops no database that is in use."""
    yield
    if connection.vendor == "postgresql":
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(others + "pg_backend_pid()")


@pytest.fixture(autouse=True)
def fresh_channel_layer(settings):
    """Give each test a channel layer and a hub of its own; on Redis, under a prefix that no other test has."""
    layer = settings.CHANNEL_LAYERS["default"]
    if "prefix" in layer["CONFIG"]:
        own = layer["CONFIG"] | {"prefix": f"test-{uuid.uuid4()}"}
        settings.CHANNEL_LAYERS = {"default": layer | {"CONFIG": own}}
    channel_layers.backends = {}
    hub._hubs.clear()
    history.ring.clear()
    yield
    channel_layers.backends = {}
    hub._hubs.clear()


@pytest.fixture(autouse=True)
def no_worker(settings):
    """No worker runs beside these tests; those of tests/faults start some."""
    settings.SCORE_UNWATCHED = "signals.states.computed"
    settings.RUN_BACKTESTS = "backtest.jobs.here"


@pytest.fixture(scope="session")
def replay_folder(tmp_path_factory) -> Path:
    """Three symbols of 4,000 made-up 5-minute candles, one of them with an outage of two hours."""
    folder = tmp_path_factory.mktemp("candles")
    write_csv(folder, "AAAUSDT", walk(4000, seed=1))
    write_csv(folder, "BBBUSDT", walk(4000, seed=2, price=0.00001))
    write_csv(folder, "CCCUSDT", without(walk(4000, seed=3), [(3300, 3324)]))
    return folder


def replay_settings(folder: Path) -> dict:
    """Return the settings of a replay of ``folder`` at speed 0 that begins at bar 3,250."""
    start = START + 3250 * FIVE
    return {"MARKET_SOURCE": f"replay:{folder}", "REPLAY_SPEED": 0.0, "REPLAY_START": start, "REPLAY_SYMBOLS": []}


@pytest.fixture
def replay(settings, replay_folder: Path):
    """Configure a replay of ``replay_folder``."""
    for name, value in replay_settings(replay_folder).items():
        setattr(settings, name, value)
    return settings


@pytest.fixture(scope="module")
def played_market(django_db_setup, django_db_blocker, replay_folder: Path):
    """A market played for 60 ticks, once for a module; each test's own changes are rolled back."""
    with django_db_blocker.unblock(), override_settings(**replay_settings(replay_folder)):
        runner = MarketRunner(current_market())
        for _ in range(60):
            mark_published(runner.step().signals)
    yield
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def play(replay, db) -> Callable[[int], list]:
    """Return a function that plays n ticks and returns the signals they stored."""
    runners = []

    def run(ticks: int) -> list:
        if not runners:
            runners.append(MarketRunner(current_market()))
        signals = []
        for _ in range(ticks):
            step = runners[0].step()
            mark_published(step.signals)
            signals += step.signals
        return signals

    return run


@pytest.fixture
def api():
    """A REST client that speaks to this very server."""
    from rest_framework.test import APIClient

    return APIClient(HTTP_HOST="127.0.0.1")
