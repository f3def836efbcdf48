"""Statistics of an equity series and of trades. Annualised for a market without closed days: a year is 365 days.

equity: quote asset, (n,), one value per bar, oldest first, the first being the capital before the first bar.
A return is equity[i] / equity[i - 1] - 1. Risk-free rate 0. What has no value (no spread, no loss, too few bars) is
NaN. Sums run in blocks in a fixed order, so a stored statistic has the same bits on every processor.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import FloatArray
from engine.jit import kernel

YEAR_MS = 365 * 86_400_000
BLOCK = 1024  # a block's sums, then the sum of blocks: the error grows with the square root of n at most
LANES = 8

IntArray = npt.NDArray[np.int64]


class Equity(NamedTuple):
    """Statistics of an equity series; ``drawdown_bars`` runs from the peak to its recovery, or to the end."""

    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown: float
    drawdown_bars: int


class Trades(NamedTuple):
    """Statistics of closed trades."""

    closed: int
    win_rate: float
    profit_factor: float
    expectancy: float
    average_win: float
    average_loss: float


def periods_per_year(interval_ms: int) -> float:
    """Return how many bars a year has."""
    return YEAR_MS / interval_ms


@kernel
def _with_block(values, about, total, squares, below):
    """Return the sums of v, (v - about)^2 and min(v, 0)^2, those of one more block added.

    LANES sums run side by side: one waits for the processor's adder at each value, eight in SIMD do not.
    """
    a, b, c = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    whole = values.size - values.size % LANES
    for i in range(0, whole, LANES):
        for k in range(LANES):  # a constant: unrolled
            v = values[i + k]
            a[k] += v
            b[k] += (v - about) * (v - about)
            c[k] += v * v if v < 0.0 else 0.0
    for i in range(whole, values.size):
        v = values[i]
        a[i - whole] += v
        b[i - whole] += (v - about) * (v - about)
        c[i - whole] += v * v if v < 0.0 else 0.0
    for k in range(LANES):
        total += a[k]
        squares += b[k]
        below += c[k]
    return total, squares, below


@kernel
def _sums_of_returns(equity, about):
    """Return the sums of ``_with_block`` over the returns, which are written into one block that stays in cache."""
    total = squares = below = 0.0
    returns = np.empty(BLOCK)
    for first in range(0, equity.size - 1, BLOCK):
        size = min(BLOCK, equity.size - 1 - first)
        for i in range(size):
            returns[i] = equity[first + i + 1] / equity[first + i] - 1.0
        total, squares, below = _with_block(returns[:size], about, total, squares, below)
    return total, squares, below


@kernel
def _mean(values):
    """Return the mean: the first sum of ``_with_block`` alone, in a third of the time of all three."""
    total = 0.0
    for first in range(0, values.size, BLOCK):
        end = min(first + BLOCK, values.size)
        sums = np.zeros(LANES)
        whole = end - (end - first) % LANES
        for i in range(first, whole, LANES):
            for k in range(LANES):
                sums[k] += values[i + k]
        for i in range(whole, end):
            sums[i - whole] += values[i]
        for k in range(LANES):
            total += sums[k]
    return total / values.size


@kernel
def _drawdown(equity):
    """Return the deepest fall from a peak as a share of it (0 or below), and the longest stay below a peak, in bars."""
    peak = trough = equity[0]
    deepest, longest, at = 0.0, 0, 0
    for i in range(equity.size):
        if equity[i] >= peak:
            if trough < peak:
                deepest, longest = min(deepest, trough / peak - 1.0), max(longest, i - 1 - at)
            peak = trough = equity[i]
            at = i
        elif equity[i] < trough:
            trough = equity[i]
    if trough < peak:
        deepest, longest = min(deepest, trough / peak - 1.0), max(longest, equity.size - 1 - at)
    return deepest, longest


def sharpe(equity: FloatArray, per_year: float) -> float:
    """Return mean / sample standard deviation of returns, times sqrt(per_year).

    Source: W. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994.
    """
    mean, deviation, _ = _mean_and_deviations(equity)
    return _ratio(mean, deviation) * sqrt(per_year)


def sortino(equity: FloatArray, per_year: float) -> float:
    """Return mean / downside deviation (target 0, over all returns), times sqrt(per_year).

    Source: F. Sortino and L. Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing, 1994.
    """
    mean, _, downside = _mean_and_deviations(equity)
    return _ratio(mean, downside) * sqrt(per_year)


def volatility(equity: FloatArray, per_year: float) -> float:
    """Return the sample standard deviation of returns, times sqrt(per_year)."""
    return _mean_and_deviations(equity)[1] * sqrt(per_year)


def cagr(equity: FloatArray, per_year: float) -> float:
    """Return the compound annual growth: (last / first) ^ (per_year / returns) - 1; -1 once equity is used up."""
    if len(equity) < 2:
        return np.nan
    growth = float(equity[-1] / equity[0])
    return float(growth ** (per_year / (len(equity) - 1))) - 1.0 if growth > 0.0 else -1.0


def max_drawdown(equity: FloatArray) -> float:
    """Return the deepest fall from a peak, a share of the peak: 0 or below."""
    return float(_drawdown(equity)[0]) if len(equity) else np.nan


def drawdown_bars(equity: FloatArray) -> int:
    """Return the longest stay below a peak, in bars, from the peak until it is reached again or the series ends."""
    return int(_drawdown(equity)[1]) if len(equity) else 0


def calmar(equity: FloatArray, per_year: float) -> float:
    """Return CAGR / |maximum drawdown|. Source: T. Young, "Calmar Ratio: A Smoother Tool", Futures, 1991."""
    return _ratio(cagr(equity, per_year), -max_drawdown(equity))


def of_equity(equity: FloatArray, per_year: float) -> Equity:
    """Return all statistics of an equity series (above 0, at least one value) at once."""
    mean, deviation, downside = _mean_and_deviations(equity)
    deepest, longest = _drawdown(equity)
    growth = cagr(equity, per_year)
    return Equity(
        total_return=float(equity[-1] / equity[0]) - 1.0,
        cagr=growth,
        volatility=deviation * sqrt(per_year),
        sharpe=_ratio(mean, deviation) * sqrt(per_year),
        sortino=_ratio(mean, downside) * sqrt(per_year),
        calmar=_ratio(growth, -float(deepest)),
        max_drawdown=float(deepest),
        drawdown_bars=int(longest),
    )


def _mean_and_deviations(equity: FloatArray) -> tuple[float, float, float]:
    """Return the returns' mean, sample standard deviation, and downside deviation.

    Squares are taken about the geometric mean, which is known beforehand and so near the mean (half a variance below)
    that nothing cancels: one walk over the series instead of two.
    """
    n = len(equity) - 1
    if n < 1:
        return np.nan, np.nan, np.nan
    growth = float(equity[-1] / equity[0])
    about = growth ** (1.0 / n) - 1.0 if growth > 0.0 else 0.0
    total, squares, below = _sums_of_returns(equity, about)
    mean = total / n
    squares = max(squares - n * (mean - about) ** 2, 0.0)
    return mean, sqrt(squares / (n - 1)) if n > 1 else np.nan, sqrt(below / n)


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0.0 else np.nan


@kernel
def _wins(profits):
    won = lost = total = 0.0
    wins = losses = 0
    for i in range(profits.size):
        total += profits[i]
        if profits[i] > 0.0:
            won += profits[i]
            wins += 1
        elif profits[i] < 0.0:
            lost -= profits[i]
            losses += 1
    return total, won, lost, wins, losses


def of_trades(profits: FloatArray) -> Trades:
    """Return the statistics of closed trades from their profits after fees, quote asset, (n,).

    win_rate: share above 0. profit_factor: sum of wins / sum of losses, NaN without a loss. expectancy: mean profit.
    average_win above 0, average_loss below. Source: V. Tharp, "Trade Your Way to Financial Freedom", 1998.
    """
    count = len(profits)
    total, won, lost, wins, losses = _wins(profits)
    return Trades(
        closed=count,
        win_rate=_ratio(float(wins), float(count)),
        profit_factor=_ratio(won, lost),
        expectancy=total / count if count else np.nan,
        average_win=_ratio(won, float(wins)),
        average_loss=-_ratio(lost, float(losses)),
    )


def turnover(notional: float, equity: FloatArray, per_year: float) -> float:
    """Return how often a year the mean equity is traded: ``notional`` (of all fills) / mean equity / years."""
    years = (len(equity) - 1) / per_year
    return _ratio(notional, _mean(equity) * years)


def exposure(held: npt.NDArray[np.bool_]) -> float:
    """Return the share of bars, (n,), during which a position was open."""
    return np.count_nonzero(held) / len(held) if len(held) else np.nan


def buy_and_hold(opened: float, closed: float, fee: float, slippage: float) -> float:
    """Return what buying at the first open and marking at the last close returns, the entry's costs included."""
    return closed / (opened * (1.0 + slippage) * (1.0 + fee)) - 1.0


def monthly(closes_ms: IntArray, equity: FloatArray) -> dict[str, float]:
    """Return the return of each calendar month (UTC), ``{"2024-02": 0.031}``.

    closes_ms: (n - 1,), the close of each bar of ``equity`` after the first value. A month ends with its last close;
    a bar that closes at midnight belongs to the month it opened in.
    """
    if not len(closes_ms):
        return {}
    first, last = ((closes_ms[[0, -1]] - 1).astype("datetime64[ms]").astype("datetime64[M]")).tolist()
    months = np.arange(first, np.datetime64(last, "M") + 2, dtype="datetime64[M]")
    begins = np.searchsorted(closes_ms, months.astype("datetime64[ms]").astype(np.int64), side="right")
    held = begins[1:] > begins[:-1]  # a month without a bar has no return
    ends = equity[begins[1:][held]]
    starts = np.append(equity[0], ends[:-1])
    return {str(m): float(e / s) - 1.0 for m, s, e in zip(months[:-1][held], starts, ends, strict=True)}
