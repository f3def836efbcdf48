"""Where bars come from, by the name in MARKET_SOURCE."""

from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from market.feeds.base import PlayedFeed
from market.models import Market


def market_key() -> tuple[str, str]:
    """Return (key, source) of the configured market; two settings with the same key play the same bars."""
    name, _, folder = settings.MARKET_SOURCE.partition(":")
    if name == "simulated" and not folder:
        return f"simulated:{settings.SIMULATED_SEED}", "simulated"
    if name == "replay" and folder:
        symbols = ",".join(sorted(s.upper() for s in settings.REPLAY_SYMBOLS)) or "*"
        start = settings.REPLAY_START if settings.REPLAY_START is not None else "default"
        return f"replay:{Path(folder).expanduser().resolve()}|{symbols}|{start}"[:500], "replay"
    raise ImproperlyConfigured(
        f"MARKET_SOURCE: must be 'simulated' or 'replay:<folder>', was {settings.MARKET_SOURCE!r}"
    )


def current_market() -> Market:
    """Return the row of the configured market, made at its first use."""
    key, source = market_key()
    return Market.objects.get_or_create(key=key, defaults={"source": source})[0]


def open_feed(market: Market, timeframes: list[str]) -> PlayedFeed:
    """Open the feed of ``market``; ``timeframes`` decide where a replay without REPLAY_START begins.

    Raises FeedError naming file, row and value if its data cannot be used.
    """
    if market.source == "simulated":
        from market.feeds.simulated import SimulatedFeed

        return SimulatedFeed(settings.SIMULATED_SEED, market.state)
    from market.feeds.replay import ReplayFeed

    folder = Path(settings.MARKET_SOURCE.partition(":")[2]).expanduser()
    return ReplayFeed(folder, settings.REPLAY_SYMBOLS, settings.REPLAY_START, timeframes)


def speed(market: Market) -> float:
    """Return market seconds per second; 0 is as fast as the agent keeps up."""
    return settings.SIMULATED_SPEED if market.source == "simulated" else settings.REPLAY_SPEED
