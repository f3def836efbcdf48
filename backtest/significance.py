"""Whether a result is more than luck: against random entries on the same bars, and against the number of trials."""

from collections.abc import Sequence
from math import e, isfinite, nan, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.jit import kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

EULER = 0.5772156649015329
NORMAL = NormalDist()


class Entries(NamedTuple):
    """One window of all its symbols on one grid of bars: side, (symbol, bar), 1, -1 or 0 for no entry.

    r, last: (symbol, 2, bar), what entering long [0] or short [1] behind each bar became, NaN where unknown, and the
    grid's bar it ended at.
    """

    side: npt.NDArray[np.int8]
    r: FloatArray
    last: IntArray


@kernel
def shifted_r(side, r, last, shift):
    """Return (number, sum of R) of the trades when all entries of a window come ``shift`` bars later, around its end.

    An entry while the symbol's last trade is open is no trade.
    """
    symbols, bars = side.shape
    count, total = 0, 0.0
    for s in range(symbols):
        free = -1
        for k in range(bars):
            wanted = side[s, (k - shift) % bars]
            if wanted == 0 or k < free:
                continue
            row = 0 if wanted > 0 else 1
            if np.isnan(r[s, row, k]):
                continue
            free = last[s, row, k]
            count += 1
            total += r[s, row, k]
    return count, total


class Test(NamedTuple):
    """trades, mean_r: of the entries as they are. random_r: mean of random ones. p: one-sided; NaN without trades."""

    trades: int
    mean_r: float
    random_r: float
    p: float


def against_random(windows: Sequence[Entries], draws: int, generator: np.random.Generator) -> Test:
    """Compare the mean R of entries with the same entries at random times.

    Within each window all entries of all symbols move together around its end by a random number of bars: sides,
    clusters and what symbols have in common stay, only their place in the market is by chance. p counts the draws that
    are at least as good, the entries themselves among them, so it is never 0 and never too small by chance.
    Source: B. Phipson and G. Smyth, "Permutation P-values Should Never Be Zero", 2010.
    """
    own = [shifted_r(*window, 0) for window in windows]
    trades, total = sum(n for n, _ in own), sum(r for _, r in own)
    if not trades:
        return Test(0, nan, nan, nan)
    drawn = []
    for _ in range(draws):
        moved = [shifted_r(*window, int(generator.integers(window.side.shape[1]))) for window in windows]
        n = sum(n for n, _ in moved)
        drawn.append(sum(r for _, r in moved) / n if n else 0.0)
    as_good = sum(value >= total / trades - 1e-12 for value in drawn)
    return Test(trades, total / trades, float(np.mean(drawn)), (1 + as_good) / (1 + draws))


def deflated_sharpe(sharpe: float, count: int, skew: float, kurtosis: float, trials: int, spread: float) -> float:
    """Return the probability that a Sharpe ratio is above what the best of ``trials`` worthless ones would show.

    sharpe: per trade, not annualised; count: trades; kurtosis: 3 for a normal; spread: standard deviation of the
    trials' ratios. NaN where it is not defined. Source: D. Bailey and M. Lopez de Prado, "The Deflated Sharpe Ratio",
    Journal of Portfolio Management, 2014.
    """
    if count < 2 or trials < 1 or not isfinite(spread):
        return nan
    best = 0.0
    if trials > 1:
        best = spread * ((1 - EULER) * NORMAL.inv_cdf(1 - 1 / trials) + EULER * NORMAL.inv_cdf(1 - 1 / (trials * e)))
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    return NORMAL.cdf((sharpe - best) * sqrt(count - 1) / sqrt(variance)) if variance > 0.0 else nan
