"""Which symbols are watched: by name, or the most traded that pass the filters."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from market.feeds.base import FeedError
from market.feeds.exchange.venue import Listing

DAY_MS = 86_400_000
WELL_KNOWN = (
    "ADAUSDT", "AVAXUSDT", "BNBUSDT", "BTCUSDT", "DOGEUSDT", "ETHUSDT", "LINKUSDT", "LTCUSDT", "SOLUSDT", "XRPUSDT",
)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """symbols: by name, empty for the rule. top: how many of the most traded, 0 for ``WELL_KNOWN``.

    quote: quote asset. min_volume: quote asset, 24 h. min_age_days: since the listing, where the exchange tells it.
    """

    symbols: tuple[str, ...] = ()
    top: int = 0
    quote: str = "USDT"
    min_volume: float = 0.0
    min_age_days: int = 0

    @property
    def needs_volumes(self) -> bool:
        return self.top > 0 and not self.symbols


def choose(
    selection: Selection, listings: dict[str, Listing], volumes: dict[str, float], now: int
) -> tuple[list[str], list[str]]:
    """Return the symbols to watch, sorted, and those asked for by name that the exchange does not trade."""
    if selection.needs_volumes:
        return _most_traded(selection, listings.values(), volumes, now), []
    wanted = selection.symbols or WELL_KNOWN
    known = [s for s in wanted if s in listings and listings[s].active]
    unknown = sorted(set(selection.symbols) - set(known))
    return sorted(set(known)), unknown


def _most_traded(selection: Selection, listings: Iterable[Listing], volumes: dict[str, float], now: int) -> list[str]:
    oldest = now - selection.min_age_days * DAY_MS
    fit = [
        one.symbol
        for one in listings
        if one.active
        and one.quote == selection.quote
        and volumes.get(one.symbol, 0.0) >= selection.min_volume
        and (one.created is None or one.created <= oldest)
    ]
    fit.sort(key=lambda symbol: (-volumes.get(symbol, 0.0), symbol))
    return sorted(fit[: selection.top])


def require_known(symbols: Iterable[str], listings: dict[str, Listing], setting: str) -> None:
    """Raise FeedError naming each symbol that the exchange does not have, with the nearest that it has."""
    unknown = sorted(s for s in symbols if s not in listings)
    if unknown:
        told = [_with_nearest(symbol, listings) for symbol in unknown]
        raise FeedError(f"{setting}: the exchange does not have {', '.join(told)}")


def _with_nearest(symbol: str, listings: dict[str, Listing]) -> str:
    near = difflib.get_close_matches(symbol, listings, n=2)
    return f"{symbol} (nearest: {', '.join(near)})" if near else symbol
