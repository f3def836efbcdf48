"""How alike returns move: correlation with holes, its shrinkage, clusters, beta.

Returns are simple, price[i] / price[i - 1] - 1, (symbols, n), aligned in time, NaN where a symbol has no bar; a pair
is measured on the bars that both have. Sums run in time's order on every processor, so equal returns give equal bits.
"""

import numpy as np
import numpy.typing as npt

from engine.bars import FloatArray
from engine.jit import kernel

MINIMUM_OVERLAP = 100  # common returns; the standard error of a correlation of 0 is then 0.1
STILL = 1e-24  # a variance below it is rounding: returns below 1e-12 are none

IntArray = npt.NDArray[np.int64]


def correlation(returns: FloatArray, minimum_overlap: int = MINIMUM_OVERLAP) -> FloatArray:
    """Return Pearson's correlation of each pair, (symbols, symbols), symmetric.

    NaN where a pair has fewer than ``minimum_overlap`` common returns, or one of them never moves on these. The
    diagonal is 1, or NaN likewise. Raises ValueError for another shape, an infinite return, or an overlap below 3.
    """
    if minimum_overlap < 3:
        raise ValueError(f"minimum_overlap must be at least 3, was {minimum_overlap}")
    return _correlation(*_centred(_checked(returns)), minimum_overlap)


def overlaps(returns: FloatArray) -> IntArray:
    """Return how many common returns each pair has, (symbols, symbols)."""
    known = np.isfinite(returns).astype(np.float64)
    return (known @ known.T).astype(np.int64)  # sums of ones are exact in any order


def shrunk(matrix: FloatArray, overlap: IntArray | int) -> FloatArray:
    """Return the correlations drawn towards their mean, by how much of their spread is chance.

    (1 - a) x r + a x mean(r), a = the sum of the pairs' sampling variances (1 - r^2)^2 / (overlap - 1) over the sum of
    their squared distances from the mean, at most 1; a pair without a correlation stays NaN. overlap: common returns,
    one number or (symbols, symbols). Sources: O. Ledoit and M. Wolf, "Honey, I Shrunk the Sample Covariance Matrix",
    Journal of Portfolio Management, 2004 (the target); J. Schäfer and K. Strimmer, "A Shrinkage Approach to Large-Scale
    Covariance Matrix Estimation", 2005 (the intensity, here without the covariance of target and estimate).
    """
    pairs = np.isfinite(matrix) & ~np.eye(len(matrix), dtype=bool)
    if not pairs.any():
        return matrix.copy()
    share, mean = shrinkage(matrix, overlap)
    return np.where(pairs, (1.0 - share) * matrix + share * mean, matrix)


def shrinkage(matrix: FloatArray, overlap: IntArray | int) -> tuple[float, float]:
    """Return the share 0..1 that ``shrunk`` gives to the mean correlation, and that mean. NaN without any pair."""
    above = np.triu(np.isfinite(matrix), 1)
    values, common = matrix[above], np.broadcast_to(overlap, matrix.shape)[above]
    if not len(values):
        return np.nan, np.nan
    mean = float(values.mean())
    spread = float(((values - mean) ** 2).sum())
    chance = float(((1.0 - values**2) ** 2 / (common - 1)).sum())
    return (min(1.0, chance / spread) if spread > 0.0 else 1.0), mean


def clusters(matrix: FloatArray, threshold: float) -> IntArray:
    """Return each symbol's cluster, (symbols,): the lowest index of those it is tied to, by pairs or chains of pairs.

    Two are tied by a correlation of ``threshold`` or more (single linkage); an unknown correlation ties nothing.
    """
    tied = matrix >= threshold  # false for NaN
    label = np.arange(len(matrix))
    while True:
        lowest = np.where(tied, label[None, :], label[:, None]).min(axis=1)
        lowest = np.minimum(label, lowest)
        if (lowest == label).all():
            return label
        label = lowest


def beta(returns: FloatArray, benchmark: FloatArray, minimum_overlap: int = MINIMUM_OVERLAP) -> FloatArray:
    """Return covariance with the benchmark, (n,), over the benchmark's variance, (symbols,), on the common bars.

    NaN where there are fewer than ``minimum_overlap`` or the benchmark does not move on them. Raises ValueError for
    unequal lengths. Source: W. Sharpe, "Capital Asset Prices", Journal of Finance, 1964.
    """
    both = _checked(np.vstack([returns, benchmark[None, :]]))
    return _beta(*_centred(both), minimum_overlap)


def _checked(returns: FloatArray) -> FloatArray:
    if returns.ndim != 2:
        raise ValueError(f"returns have shape {returns.shape}, expected (symbols, n)")
    wrong = np.argwhere(np.isinf(returns))
    if len(wrong):
        symbol, bar = wrong[0]
        raise ValueError(f"return {bar} of symbol {symbol} is {returns[symbol, bar]}: a number or NaN expected")
    return returns


def _centred(returns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the returns less each symbol's mean, 0 in holes, and 1 where there is a return, (symbols, n) each."""
    known = np.isfinite(returns)
    filled = np.where(known, returns, 0.0)
    counts = np.maximum(known.sum(axis=1), 1)
    # The mean need not be exact: it only keeps the sums of squares small beside their own size.
    means = np.add.accumulate(filled, axis=1)[:, -1:] / counts[:, None] if returns.shape[1] else 0.0
    return np.where(known, filled - means, 0.0), known.astype(np.float64)


@kernel
def _correlation(x: FloatArray, known: FloatArray, minimum_overlap: int) -> FloatArray:
    """Return the matrix from centred returns. Bars go one after the other, symbols side by side: that vectorises."""
    symbols = x.shape[0]
    result = np.full((symbols, symbols), np.nan)
    by_bar, known_by_bar = np.ascontiguousarray(x.T), np.ascontiguousarray(known.T)
    for i in range(symbols):
        count, xs, ys, xx, yy, xy = _sums(x[i], known[i], by_bar, known_by_bar, i + 1)
        for j in range(i + 1):
            n = count[j]
            if n < minimum_overlap:
                continue
            var_x, var_y = xx[j] - xs[j] * xs[j] / n, yy[j] - ys[j] * ys[j] / n
            if var_x > n * STILL and var_y > n * STILL:
                r = (xy[j] - xs[j] * ys[j] / n) / np.sqrt(var_x * var_y)
                result[i, j] = result[j, i] = 1.0 if i == j else min(1.0, max(-1.0, r))
    return result


@kernel
def _beta(x: FloatArray, known: FloatArray, minimum_overlap: int) -> FloatArray:
    """Return each row's beta to the last row."""
    symbols = x.shape[0] - 1
    result = np.full(symbols, np.nan)
    by_bar, known_by_bar = np.ascontiguousarray(x.T), np.ascontiguousarray(known.T)
    count, xs, ys, xx, _, xy = _sums(x[-1], known[-1], by_bar, known_by_bar, symbols)
    for j in range(symbols):
        n = count[j]
        variance = xx[j] - xs[j] * xs[j] / n if n > 0.0 else 0.0
        if n >= minimum_overlap and variance > n * STILL:
            result[j] = (xy[j] - xs[j] * ys[j] / n) / variance
    return result


@kernel
def _sums(x, known, by_bar, known_by_bar, columns):
    """Return count and the sums of x, y, x^2, y^2, x y over the bars that x and each of ``columns`` columns have."""
    count, xs, ys = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    xx, yy, xy = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for bar in range(x.size):
        if known[bar] == 0.0:
            continue
        a = x[bar]
        for j in range(columns):
            b, k = by_bar[bar, j], known_by_bar[bar, j]
            count[j] += k
            xs[j] += a * k
            ys[j] += b
            xx[j] += a * a * k
            yy[j] += b * b
            xy[j] += a * b
    return count, xs, ys, xx, yy, xy
