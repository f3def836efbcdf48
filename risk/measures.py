"""Returns of symbols from stored candles, aligned on one grid, and what they say of a portfolio.

Read from the candle table once a bar; what was read is kept in this process, so that asking again costs nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.timeframes import INTERVAL_MS
from market.models import Candle, Instrument, Market, Series

if TYPE_CHECKING:
    from engine.value_at_risk import Risk

FloatArray = npt.NDArray[np.float64]

# An hour is long enough for symbols to move together, and short enough that three weeks of it say something.
PREFERRED = ("1h", "30m", "15m", "5m", "1m", "4h", "1d")
WINDOW = 500  # returns
METHOD, METHODS = "filtered", ("historical", "parametric", "filtered")
CONFIDENCE = 0.95
MOST_KEPT = 4000  # series, 4 KB each

_kept: dict[tuple[int, int, int], FloatArray] = {}


class Returns(NamedTuple):
    """Simple returns, (symbols, WINDOW), oldest first, NaN where a symbol lacks a bar. until: ms, the last close."""

    symbols: tuple[str, ...]
    timeframe: str
    values: FloatArray
    until: int

    def only(self, symbols: Sequence[str]) -> "Returns":
        rows = [self.symbols.index(symbol) for symbol in symbols]
        return self._replace(symbols=tuple(symbols), values=self.values[rows])


def returns_of(market: Market, instruments: Sequence[Instrument], now: int) -> Returns:
    """Return the last WINDOW returns of each instrument at market time ``now`` (ms), in the order given."""
    symbols = tuple(one.symbol for one in instruments)
    series = {(one.instrument_id, one.timeframe): one for one in Series.objects.filter(instrument__in=instruments)}
    for timeframe in PREFERRED:
        members = [series.get((one.pk, timeframe)) for one in instruments]
        found = [one for one in members if one is not None]
        if found and len(found) == len(members):
            closes = _closes(market, found, now)
            if np.isfinite(closes).any():
                with np.errstate(invalid="ignore"):
                    values = closes[:, 1:] / closes[:, :-1] - 1.0
                return Returns(symbols, timeframe, values, now // INTERVAL_MS[timeframe] * INTERVAL_MS[timeframe])
    return Returns(symbols, PREFERRED[0], np.full((len(symbols), WINDOW), np.nan), now)


def _closes(market: Market, series: Sequence[Series], now: int) -> FloatArray:
    """Return the closes of the last WINDOW + 1 intervals of series of one timeframe, (series, WINDOW + 1)."""
    interval = series[0].interval_ms
    end = now // interval * interval
    keys = {one.pk: (one.pk, end, market.corrections) for one in series}
    grid = {pk: _kept[key] for pk, key in keys.items() if key in _kept}
    lacking = [one.pk for one in series if one.pk not in grid]
    if lacking:
        if len(_kept) + len(lacking) > MOST_KEPT:
            _kept.clear()
        first = end - (WINDOW + 1) * interval
        rows = Candle.objects.filter(series__in=lacking).opening(first, end)
        found = np.array(rows.order_by().values_list("series_id", "open_time", "close"), dtype=np.float64)
        found = found.reshape(-1, 3)
        for pk in lacking:
            own = found[found[:, 0] == pk]
            grid[pk] = np.full(WINDOW + 1, np.nan)
            grid[pk][((own[:, 1] - first) // interval).astype(np.int64)] = own[:, 2]
            if np.isfinite(grid[pk][-1]):  # else the newest bar may still be on its way
                _kept[keys[pk]] = grid[pk]
    return np.stack([grid[one.pk] for one in series])


def correlations_with(returns: Returns, symbol: str) -> dict[str, float | None]:
    """Return the correlation of ``symbol`` with every other one; None where too few returns are common."""
    from engine.correlation import correlation

    row = correlation(returns.values)[returns.symbols.index(symbol)]
    return {
        other: float(value) if np.isfinite(value) else None
        for other, value in zip(returns.symbols, row, strict=True)
        if other != symbol
    }


def common_returns(returns: Returns) -> int:
    """Return how many bars all symbols have a return on."""
    return int(np.isfinite(returns.values).all(axis=0).sum())


def portfolio_returns(returns: Returns, weights: Mapping[str, float]) -> FloatArray:
    """Return what a portfolio of today's weights (signed shares of the equity) would have earned on each common bar."""
    held = [symbol for symbol in returns.symbols if weights.get(symbol)]
    values = returns.only(held).values
    common = values[:, np.isfinite(values).all(axis=0)]
    # Added up in one order: equal returns give equal bits. More than everything cannot be lost.
    total = np.zeros(common.shape[1])
    for symbol, row in zip(held, common, strict=True):
        total += weights[symbol] * row
    return np.maximum(total, -1.0)


def value_at_risk_of(
    returns: Returns, weights: Mapping[str, float], confidence: float = CONFIDENCE, method: str = METHOD
) -> "Risk":
    """Return value at risk and shortfall of a portfolio for the next bar. Raises InsufficientData."""
    from engine.value_at_risk import Risk, value_at_risk

    if not any(weights.values()):
        return Risk(0.0, 0.0, method, confidence, 0)  # nothing is held: nothing can be lost
    return value_at_risk(portfolio_returns(returns, weights), confidence, method)


def benchmark_of(market: Market) -> Instrument | None:
    """Return bitcoin's instrument of a market, None where it has none."""
    return Instrument.objects.filter(market=market, symbol__startswith="BTC").order_by("symbol").first()
