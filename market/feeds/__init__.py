"""Where bars come from, by the name in MARKET_SOURCE."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from market.feeds.base import FeedError, PlayedFeed
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
    if name in ("simulated", "replay") or folder:
        raise ImproperlyConfigured(
            f"MARKET_SOURCE: must be 'simulated', 'replay:<folder>' or an exchange such as binance, "
            f"was {settings.MARKET_SOURCE!r}"
        )
    _require_exchange(name)
    place = f"@{settings.EXCHANGE_URL}" if settings.EXCHANGE_URL else ""
    return f"exchange:{name}{place}"[:500], name


@cache
def _require_exchange(name: str) -> None:
    from market.feeds.exchange.venue import require_exchange

    try:
        require_exchange(name)
    except FeedError as error:
        raise ImproperlyConfigured(str(error)) from error


def is_live(market: Market) -> bool:
    """Whether the market's clock is an exchange's and not a player's."""
    return market.key.startswith("exchange:")


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
    if is_live(market):
        return 1.0
    return settings.SIMULATED_SPEED if market.source == "simulated" else settings.REPLAY_SPEED
