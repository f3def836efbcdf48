"""How much may be lost in one bar, and on average beyond that: value at risk and expected shortfall, three methods.

Returns are simple, price[i] / price[i - 1] - 1, (n,), oldest first, one per bar without holes; a loss comes out as a
positive share of the value, for a horizon of one bar. Sums are exactly rounded, so equal returns give equal bits.

- historical: the empirical quantile of the returns (linear between order statistics) and the mean beyond it.
- parametric: as if returns were normal with their mean and sample standard deviation.
- filtered: historical on returns divided by the volatility that was known before each, times the one known now. The
  variance is the mean of two EWMA variances, one fast, one slow.

Sources: P. Jorion, "Value at Risk", 3rd ed., 2006; J.P. Morgan/Reuters, "RiskMetrics - Technical Document", 4th ed.,
1996 (EWMA, decay 0.94); G. Zumbach, "The RiskMetrics 2006 methodology", 2007 (a sum of several EWMAs); J. Hull and
A. White, "Incorporating volatility updating into the historical simulation method for value-at-risk", Journal of Risk,
1998 (filtered); C. Acerbi and D. Tasche, "On the coherence of expected shortfall", J. of Banking & Finance, 2002.
"""

from collections.abc import Callable
from math import ceil, fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from engine.bars import FloatArray
from engine.jit import kernel

# An hour's storm and a week's weather: the slow one alone lets exceedances cluster, the fast one alone guesses worse.
FAST, SLOW = 0.5, 0.94
SEED = 30  # returns whose mean square starts both; they are not scaled themselves
TAIL = 5  # returns that must be expected beyond the quantile for it to rest on something
NORMAL = NormalDist()


class InsufficientData(ValueError):
    """Raised where there are too few bars to say anything: ``have`` of the ``needed``."""

    def __init__(self, have: int, needed: int) -> None:
        self.have, self.needed = have, needed
        super().__init__(f"insufficient data ({have} bars, {needed} needed)")


class Risk(NamedTuple):
    """var, shortfall: positive shares of the value, 0 where the tail holds no loss; window: returns used."""

    var: float
    shortfall: float
    method: str
    confidence: float
    window: int


def needed_returns(confidence: float, method: str) -> int:
    """Return how many returns a method needs: TAIL expected beyond the quantile, and the EWMA's seed before them."""
    return ceil(round(TAIL / (1.0 - confidence), 6)) + (SEED if method == "filtered" else 0)


def value_at_risk(returns: FloatArray, confidence: float, method: str) -> Risk:
    """Return value at risk and expected shortfall of the next bar.

    confidence: at least 0.5 and below 1, such as 0.95. method: "historical", "parametric" or "filtered". Raises
    InsufficientData for too few returns, ValueError naming an unknown method, a confidence out of range, or the place
    of a return that is not finite or loses more than all.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, was {method!r}")
    if not 0.5 <= confidence < 1.0:
        raise ValueError(f"confidence must be at least 0.5 and below 1, was {confidence}")
    window, needed = len(returns), needed_returns(confidence, method)
    if window < needed:
        raise InsufficientData(window, needed)
    unusable = np.flatnonzero(~(np.isfinite(returns) & (returns >= -1.0)))
    if len(unusable):
        raise ValueError(f"return {unusable[0]} of {window} is {returns[unusable[0]]}: finite and at least -1 expected")
    var, shortfall = METHODS[method](returns, confidence)
    return Risk(max(0.0, var), max(0.0, shortfall), method, confidence, window)


def _historical(returns: FloatArray, confidence: float) -> tuple[float, float]:
    quantile = float(np.quantile(returns, 1.0 - confidence))
    beyond = returns[returns <= quantile]
    return -quantile, -fsum(beyond) / len(beyond)


def _parametric(returns: FloatArray, confidence: float) -> tuple[float, float]:
    n = len(returns)
    mean = fsum(returns) / n
    deviation = sqrt(fsum((returns - mean) ** 2) / (n - 1))
    z = NORMAL.inv_cdf(confidence)
    return deviation * z - mean, deviation * NORMAL.pdf(z) / (1.0 - confidence) - mean


def _filtered(returns: FloatArray, confidence: float) -> tuple[float, float]:
    volatility = ewma_volatility(returns)
    known, now = volatility[SEED:-1], volatility[-1]
    moving = known > 0.0  # a price that never moved yet has no volatility to divide by
    scaled = returns[SEED:][moving] / known[moving]
    if not now > 0.0:
        return 0.0, 0.0
    if len(scaled) < needed_returns(confidence, "historical"):
        raise InsufficientData(len(scaled) + SEED, needed_returns(confidence, "filtered"))
    var, shortfall = _historical(scaled, confidence)
    return float(now * var), float(now * shortfall)


METHODS: dict[str, Callable[[FloatArray, float], tuple[float, float]]] = {
    "historical": _historical,
    "parametric": _parametric,
    "filtered": _filtered,
}


@kernel
def ewma_volatility(returns: FloatArray) -> FloatArray:
    """Return the volatility known before each return and after the last, (n + 1,), of SEED returns or more."""
    n = returns.size
    volatility = np.empty(n + 1)
    seed = 0.0
    for i in range(SEED):
        seed += returns[i] * returns[i] / SEED
    fast = slow = seed
    for i in range(n):
        volatility[i] = np.sqrt(0.5 * fast + 0.5 * slow)
        square = returns[i] * returns[i]
        fast = FAST * fast + (1.0 - FAST) * square
        slow = SLOW * slow + (1.0 - SLOW) * square
    volatility[n] = np.sqrt(0.5 * fast + 0.5 * slow)
    return volatility
