"""Scores of many presets over one history: the features once, then one matrix product. To search and rank with.

A number that is stored or shown never comes from here. Product and sum are rounded once where the processor can, so
the last bits change from machine to machine; a stored score must be the same bits everywhere, and comes from the
ordered sum of ``engine.score.combine``. The two differ by rounding alone, below 1e-12.

The spread is odd and strictly increasing: who ranks compares x and needs no score.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine.catalogue import DETECTORS, weight_problem
from engine.jit import kernel, ranked
from engine.lanes import zeros
from engine.score import SPREAD

FloatArray = npt.NDArray[np.float64]
GROUP = 4  # presets and detectors of one pass: their 16 weights and the sums stay in registers
LINE = 8  # numbers in a line of the cache
BARS = 256  # of a block: its features and sums stay in the first-level cache
PRESETS = 16  # of a block of scores: x then stays in the second-level cache until it is spread


def features(score: FloatArray, confidence: FloatArray) -> FloatArray:
    """Return c s, (detector, bar), of a history's evidence (detector, bar, 1): all that a preset weighs.

    Raises ValueError where the two differ in shape, lack a detector of the catalogue, or hold a NaN.
    """
    wanted = (len(DETECTORS), score.shape[1] if score.ndim > 1 else 0, 1)
    for name, values in (("score", score), ("confidence", confidence)):
        if values.shape != wanted:
            raise ValueError(f"{name} has shape {values.shape}, expected {wanted}: detector, bar, one lane")
    product: FloatArray = (confidence * score)[:, :, 0]
    if not np.isfinite(product).all():
        detector, bar = np.argwhere(~np.isfinite(product))[0]
        raise ValueError(f"c s of {DETECTORS[detector]} at bar {bar} is {product[detector, bar]}")
    return product


def joined(parts: Sequence[FloatArray]) -> FloatArray:
    """Return features of several stretches one behind the other, (detector, bar).

    Silent bars fill them up, so that each row begins at a line of the cache, see ``engine.jit``.
    """
    bars = sum(part.shape[1] for part in parts)
    out = zeros(len(parts[0]), -(-bars // LINE) * LINE)
    np.concatenate(parts, axis=1, out=out[:, :bars])
    return out


def weight_matrix(presets: Sequence[Mapping[str, float]]) -> FloatArray:
    """Return the weights of presets, (preset, detector), each row divided by its sum.

    Raises ValueError that names preset, detector and value for weights that are not 0..1 with sum 1.
    """
    for i, weights in enumerate(presets):
        problem = weight_problem(weights)
        if problem:
            raise ValueError(f"preset {i}: {problem[1]}")
    matrix = np.array([[weights.get(name, 0.0) for name in DETECTORS] for weights in presets], dtype=np.float64)
    matrix = matrix.reshape(len(presets), len(DETECTORS))
    totals: FloatArray = matrix.sum(axis=1, keepdims=True)
    return matrix / totals


def products(weights: FloatArray, features: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Return x = weights @ features of every preset at every bar, (preset, bar), -1..1.

    weights: (preset, detector), as from ``weight_matrix``. features: (detector, bar), as from ``features``; detectors
    that are silent throughout may be left out of both. out: where to put them; a search that goes from a few presets
    to the next uses the same memory again and finds it in the cache. Raises ValueError where shapes or types misfit.
    """
    out = _place(weights, features, out)
    _multiply(np.ascontiguousarray(weights), np.ascontiguousarray(features), out)
    return out


def scores(weights: FloatArray, features: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Return the score 0..1 of every preset at every bar, (preset, bar): the spread ``products``, as there."""
    out = _place(weights, features, out)
    for first in range(0, len(weights), PRESETS):
        x = products(weights[first : first + PRESETS], features, out[first : first + PRESETS])
        _spread(x)
    return out


def _place(weights: FloatArray, features: FloatArray, out: FloatArray | None) -> FloatArray:
    """Return where a product goes, checked against what it is made of."""
    if weights.ndim != 2 or features.ndim != 2 or weights.shape[1] != features.shape[0]:
        raise ValueError(f"weights have shape {weights.shape}, features {features.shape}; (n, d) and (d, m) fit")
    for name, values in (("weights", weights), ("features", features)):
        if values.dtype != np.float64:
            raise ValueError(f"{name} are {values.dtype}, expected float64")
    shape = (weights.shape[0], features.shape[1])
    if out is None:
        return np.empty(shape)
    if out.shape != shape or out.dtype != np.float64:
        raise ValueError(f"out is {out.dtype} {out.shape}, expected float64 {shape}")
    return out


@ranked
def _multiply(weights, features, out):
    presets = weights.shape[0]
    whole = presets - presets % GROUP
    for first in range(0, features.shape[1], BARS):
        bars = slice(first, min(first + BARS, features.shape[1]))
        for row in range(presets):
            out[row, bars] = 0.0
        for top in range(0, whole, GROUP):
            _add_to_four(weights, features, top, bars, out)
        for row in range(whole, presets):
            for d in range(weights.shape[1]):
                _add(weights[row, d], features[d, bars], out[row, bars])


@ranked
def _add_to_four(weights, features, top, bars, out):
    """Add weights @ features to four rows of ``out`` from ``top`` on, four detectors at a time."""
    # Rows are cut one by one: of a block that is cut out, a row is not known to lie in one piece.
    x0, x1, x2, x3 = out[top, bars], out[top + 1, bars], out[top + 2, bars], out[top + 3, bars]
    w = weights[top : top + GROUP]
    whole = w.shape[1] - w.shape[1] % GROUP
    for d in range(0, whole, GROUP):
        f0, f1, f2, f3 = features[d, bars], features[d + 1, bars], features[d + 2, bars], features[d + 3, bars]
        a0, a1, a2, a3 = w[0, d], w[0, d + 1], w[0, d + 2], w[0, d + 3]
        b0, b1, b2, b3 = w[1, d], w[1, d + 1], w[1, d + 2], w[1, d + 3]
        c0, c1, c2, c3 = w[2, d], w[2, d + 1], w[2, d + 2], w[2, d + 3]
        e0, e1, e2, e3 = w[3, d], w[3, d + 1], w[3, d + 2], w[3, d + 3]
        for k in range(x0.size):
            x0[k] = x0[k] + a0 * f0[k] + a1 * f1[k] + a2 * f2[k] + a3 * f3[k]
            x1[k] = x1[k] + b0 * f0[k] + b1 * f1[k] + b2 * f2[k] + b3 * f3[k]
            x2[k] = x2[k] + c0 * f0[k] + c1 * f1[k] + c2 * f2[k] + c3 * f3[k]
            x3[k] = x3[k] + e0 * f0[k] + e1 * f1[k] + e2 * f2[k] + e3 * f3[k]
    for d in range(whole, w.shape[1]):
        for row in range(GROUP):
            _add(w[row, d], features[d, bars], out[top + row, bars])


@ranked
def _add(weight, feature, x):
    for k in range(x.size):
        x[k] += weight * feature[k]


@kernel
def _spread(x: FloatArray) -> None:
    """Put 0.5 + sign(x) (1 + g) / 2g (1 - 1 / (1 + g |x|)), within 0..1, in the place of x; ``engine.score.spread``."""
    for row in range(x.shape[0]):
        values = x[row]
        for k in range(values.size):
            distance = (1.0 + SPREAD) / (2.0 * SPREAD) * (1.0 - 1.0 / (1.0 + SPREAD * abs(values[k])))
            values[k] = min(max(0.5 + (distance if values[k] >= 0.0 else -distance), 0.0), 1.0)
