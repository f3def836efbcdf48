"""Did a value at risk hold what it said? Tests of a series of exceedances, each of one degree of freedom.

An exceedance is a bar that lost more than the value at risk told before it. Good forecasts are exceeded as often as
they say (Kupiec), and an exceedance says nothing of the next bar (Christoffersen). Sources: P. Kupiec, "Techniques for
Verifying the Accuracy of Risk Measurement Models", Journal of Derivatives, 1995; P. Christoffersen, "Evaluating
Interval Forecasts", International Economic Review, 1998.
"""

from math import erfc, log, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


class Likelihood(NamedTuple):
    """A likelihood ratio, chi-squared with one degree of freedom, and its p-value: in the 95 % band from 0.05 on."""

    ratio: float
    p: float


def kupiec(exceeded: BoolArray, expected: float) -> Likelihood:
    """Test whether the share of exceedances, (n,), is ``expected`` (0.05 for a confidence of 0.95)."""
    n, hits = len(exceeded), int(np.count_nonzero(exceeded))
    if not n or not 0.0 < expected < 1.0:
        raise ValueError(f"{n} forecasts and an expected share of {expected}: at least one, and a share within 0..1")
    return _likelihood(_bernoulli(hits, n, expected), _bernoulli(hits, n, hits / n))


def christoffersen(exceeded: BoolArray) -> Likelihood:
    """Test whether an exceedance is as likely after one as after none. Two bars or more, (n,), in time's order."""
    if len(exceeded) < 2:
        raise ValueError(f"{len(exceeded)} forecasts: at least two follow one another")
    before, after = exceeded[:-1], exceeded[1:]
    calm, hit = int(np.count_nonzero(~before)), int(np.count_nonzero(before))
    after_calm, after_hit = int(np.count_nonzero(after & ~before)), int(np.count_nonzero(after & before))
    pooled = _bernoulli(after_calm + after_hit, calm + hit, (after_calm + after_hit) / (calm + hit))
    apart = sum(_bernoulli(k, n, k / n) for k, n in ((after_calm, calm), (after_hit, hit)) if n)
    return _likelihood(pooled, apart)


def _bernoulli(hits: int, n: int, p: float) -> float:
    """Return the log-likelihood of ``hits`` in ``n``; 0 ln 0 is 0."""
    return (hits * log(p) if hits else 0.0) + ((n - hits) * log(1.0 - p) if n > hits else 0.0)


def _likelihood(null: float, free: float) -> Likelihood:
    ratio = max(0.0, 2.0 * (free - null))  # rounding may put an exact fit below 0
    return Likelihood(ratio, erfc(sqrt(ratio / 2.0)))
