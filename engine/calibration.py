"""From scores to probabilities: isotonic regression, and how well probabilities were kept.

x: what is calibrated, (n,); y: what came, 0 or 1, (n,); p: probabilities, (n,).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import FloatArray
from engine.jit import kernel

Z_95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
BINS = 10


class Fit(NamedTuple):
    """A rising step function, (k,) each: from each of ``edges`` on the probability is that of ``values``."""

    edges: FloatArray
    values: FloatArray

    def probability(self, x: npt.ArrayLike) -> FloatArray:
        """Return the probability at each x; below the first edge the first value."""
        at = np.searchsorted(self.edges, x, side="right") - 1
        return np.asarray(self.values[np.maximum(at, 0)])


def isotonic(x: FloatArray, y: FloatArray) -> Fit:
    """Return the rising function of x with the least squared distance to y. Raises ValueError without a value.

    Equal x share one value. Source: pool adjacent violators (M. Ayer et al., "An Empirical Distribution Function for
    Sampling with Incomplete Information", 1955).
    """
    if not len(x):
        raise ValueError("there is nothing to fit")
    edges, group = np.unique(x, return_inverse=True)
    weight = np.bincount(group).astype(np.float64)
    starts, means = _pool(np.bincount(group, weights=y) / weight, weight)
    return Fit(edges[starts], means)


@kernel
def _pool(means, weights):
    """Return where each block of equal values starts, and its value."""
    starts, values, sizes = np.empty(means.size, np.int64), np.empty(means.size), np.empty(means.size)
    blocks = 0
    for i in range(means.size):
        starts[blocks], values[blocks], sizes[blocks] = i, means[i], weights[i]
        blocks += 1
        while blocks > 1 and values[blocks - 2] >= values[blocks - 1]:
            size = sizes[blocks - 2] + sizes[blocks - 1]
            total = values[blocks - 2] * sizes[blocks - 2] + values[blocks - 1] * sizes[blocks - 1]
            values[blocks - 2], sizes[blocks - 2] = total / size, size
            blocks -= 1
    return starts[:blocks], values[:blocks]


def brier(p: FloatArray, y: FloatArray) -> float:
    """Return the mean of (p - y)^2: 0 is perfect, 0.25 is a coin. Source: G. Brier, Monthly Weather Review, 1950."""
    return float(np.mean((p - y) ** 2))


class Bin(NamedTuple):
    """Outcomes of about one probability: how many, their mean probability, and the share that came."""

    count: int  # type: ignore[assignment]  # the wire's name hides tuple.count
    said: float
    came: float


def reliability(p: FloatArray, y: FloatArray, bins: int = BINS) -> list[Bin]:
    """Return the reliability table in bins of equal counts, by rising probability. Ties stay in the order given."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [Bin(len(part), float(p[part].mean()), float(y[part].mean())) for part in parts]


def calibration_error(table: list[Bin]) -> float:
    """Return the expected calibration error: the mean of |said - came|, by count.

    Source: M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning",
    AAAI 2015; with equal-count bins.
    """
    count = sum(one.count for one in table)
    return sum(one.count * abs(one.said - one.came) for one in table) / count


def error_of_perfect(p: FloatArray, bins: int = BINS, draws: int = 200, seed: int = 0) -> float:
    """Return the mean calibration error that p would have if every probability were exactly true: its noise."""
    generator = np.random.default_rng(seed)
    came = (generator.random((draws, len(p))) < p).astype(np.float64)
    return float(np.mean([calibration_error(reliability(p, one, bins)) for one in came]))


def wilson(hits: int, count: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval of a share of independent trials. Source: E. Wilson, JASA 22, 1927."""
    if count == 0:
        return 0.0, 1.0
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2.0) / (1.0 + spread)
    half = z / (1.0 + spread) * np.sqrt(share * (1.0 - share) / count + spread / (4.0 * count))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)
