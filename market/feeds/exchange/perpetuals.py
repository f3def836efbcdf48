"""An exchange's perpetuals: funding rate, open interest and long/short ratio, by the symbol of the spot market."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

from engine.side import HOUR_MS, KINDS
from market.feeds.base import FeedError
from market.feeds.exchange.bars import AHEAD_MS
from market.feeds.exchange.budget import Budget
from market.feeds.exchange.clock import Clock
from market.feeds.exchange.faults import ExchangeFault, fault_of
from market.feeds.exchange.guard import Door, Traffic, opened
from market.feeds.exchange.kinds import Derivatives, PlainRows

PERIOD, PERIOD_MS = "1h", HOUR_MS
FUNDING_HOURS = (1, 2, 4, 8)  # exchanges settle in such steps; another distance is a settlement that was left out
# Of cheap coins a thousand are one unit of the perpetual: 1000PEPEUSDT.
UNITS = (("", 1.0), ("1000", 1000.0))
CCXT_NAMES = {
    "funding_rate": "fetchFundingRateHistory",
    "open_interest": "fetchOpenInterestHistory",
    "long_short_ratio": "fetchLongShortRatioHistory",
}

Values = list[tuple[int, float]]


class DatedRows(PlainRows):
    """A row without a time is another shape: ccxt would leave it out without a word."""

    def parse_funding_rate_history(self, contract: Any, market: Any = None) -> Any:
        return _dated(super().parse_funding_rate_history(contract, market))  # type: ignore[misc]

    def parse_open_interest(self, interest: Any, market: Any = None) -> Any:
        return _dated(super().parse_open_interest(interest, market))  # type: ignore[misc]

    def parse_long_short_ratio(self, info: Any, market: Any = None) -> Any:
        return _dated(super().parse_long_short_ratio(info, market))  # type: ignore[misc]


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("timestamp") is None:
        raise ExchangeFault("bad_answer", f"a value without a time: {str(row.get('info'))[:120]}")
    return row


class Perpetual(NamedTuple):
    """name: ccxt's. contract: the base asset in a contract. units: coins of the spot market in its base asset."""

    name: str
    contract: float
    units: float


class Perpetuals:
    """Asks one exchange's derivatives host, within a budget of its own. Raises FeedError for an address it has not."""

    def __init__(self, name: str, kind: Derivatives, clock: Clock, traffic: Traffic, url: str) -> None:
        if url and kind.urls is None:
            raise FeedError(f"EXCHANGE_DERIVATIVES_URL: addresses of {name} cannot be set")
        self.kind, self._clock, self._url = kind, clock, url.rstrip("/")
        self._name = kind.name or name
        self._door = Door(lambda _url: kind.weight, traffic)
        self.budget = Budget(clock, kind.limit) if kind.limit else None
        self._known: dict[str, Perpetual] = {}
        self._rest: Any = None

    async def load(self) -> None:
        """Read which perpetuals there are (again). Raises ExchangeFault."""
        try:
            if self._rest is None:
                self._rest = self._open()
            markets = await self._rest.load_markets(True) if self._rest.has.get("swap") else {}
        except Exception as error:
            raise fault_of(error) from error
        # Settled in the quote asset: of one that is settled in the coin a contract is worth another amount each day.
        linear = [m for m in markets.values() if m.get("swap") and m.get("linear") and m.get("active") is not False]
        self._known = {
            m["base"] + m["quote"]: Perpetual(m["symbol"], float(m.get("contractSize") or 1.0), 1.0) for m in linear
        }

    def _open(self) -> Any:
        wanted: dict[str, Any] = {"options": self.kind.options}
        if self._url and self.kind.urls:
            wanted["urls"] = {"api": self.kind.urls(self._url)}
        return opened(self._name, DatedRows, wanted, self._clock, self.budget, self._door)

    @property
    def kinds(self) -> list[str]:
        """Kinds of side series that the exchange has a history of; none before ``load``."""
        has = self._rest.has if self._rest is not None else {}
        return [kind for kind, name in CCXT_NAMES.items() if has.get(name)]

    def of(self, symbol: str) -> Perpetual | None:
        """Return the perpetual of a spot symbol, or None if the exchange has none."""
        found = ((self._known.get(prefix + symbol), units) for prefix, units in UNITS)
        return next((one._replace(units=units) for one, units in found if one), None)

    async def values(self, symbol: str, kind: str, since: int, until: int, counts: Counter[str]) -> tuple[Values, int]:
        """Return sound (time, value) of [since, until], oldest first, and the time (ms) up to which was asked.

        Values as in ``SideValue``. counts: faults of single values are added here. Raises ExchangeFault.
        """
        perpetual = self.of(symbol)
        assert perpetual
        # The rate before the first shows over how many hours that was paid.
        before = max(FUNDING_HOURS) if kind == "funding_rate" else 0
        begin = since - before * HOUR_MS
        end = min(until, begin + PERIOD_MS * (self.kind.page - 1))
        rows = await self._ask(kind, perpetual.name, begin, end)
        try:
            told = [_told(kind, row, perpetual) for row in rows]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ExchangeFault("bad_answer", f"{kind} of {symbol} has another shape: {str(rows)[:120]}") from error
        sound = _sound(kind, told, until, counts)
        if kind == "funding_rate":
            sound = _per_eight_hours(sound, counts)
        return [(time, value) for time, value in sound if since <= time <= end], end

    async def _ask(self, kind: str, name: str, since: int, until: int) -> list[Any]:
        rest, page = self._rest, self.kind.page
        if kind == "funding_rate":
            request = rest.fetch_funding_rate_history(name, since, page, {"until": until})
        elif kind == "open_interest":
            request = rest.fetch_open_interest_history(name, PERIOD, since, page, {"until": until})
        else:
            request = rest.fetch_long_short_ratio_history(name, PERIOD, since, page, {"until": until})
        try:
            rows = await request
        except Exception as error:
            raise fault_of(error) from error
        if not isinstance(rows, list):
            raise ExchangeFault("bad_answer", f"{kind}: the answer has another shape: {str(rows)[:120]}")
        return rows

    async def close(self) -> None:
        if self._rest is not None:
            await self._rest.close()
            self._rest = None


def _told(kind: str, row: dict[str, Any], perpetual: Perpetual) -> tuple[int, float]:
    """Return time and value of ccxt's row; a number that is not there is NaN."""
    time = int(row["timestamp"])
    if kind == "funding_rate":
        return time, _number(row["fundingRate"])
    if kind == "long_short_ratio":
        return time, _number(row["longShortRatio"])
    if row.get("baseVolume") is not None:
        return time, _number(row["baseVolume"]) * perpetual.units
    return time, _number(row["openInterestAmount"]) * perpetual.contract * perpetual.units


def _number(told: Any) -> float:
    return float("nan") if told is None else float(told)


def _sound(kind: str, told: Iterable[tuple[int, float]], now: int, counts: Counter[str]) -> Values:
    """Return what can be true, by time, of equal times the first; the rest is counted by what is wrong with it."""
    low, high = KINDS[kind].low, KINDS[kind].high
    sound: dict[int, float] = {}
    for time, value in told:
        if not isfinite(value):
            counts["not_a_number"] += 1
        elif not low <= value <= high or time <= 0:
            counts["nonsense"] += 1
        elif time > now + AHEAD_MS:
            counts["future"] += 1
        elif time in sound:
            counts["duplicate"] += 1
        else:
            sound[time] = value
    return sorted(sound.items())


def _per_eight_hours(rates: Values, counts: Counter[str]) -> Values:
    """Return rates as shares per 8 h: each was paid over the time since the one before it, which the first lacks."""
    found = []
    for (before, _), (time, rate) in pairwise(rates):
        hours = round((time - before) / HOUR_MS)
        if hours in FUNDING_HOURS:
            found.append((time, rate * 8 / hours))
        else:
            counts["gap"] += 1
    return found
