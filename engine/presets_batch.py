"""Scores of many presets over one history: the features once, then one matrix product. To search and rank with.

A number that is stored or shown never comes from here. Product and sum are rounded once where the processor can, so
the last bits change from machine to machine; a stored score must be the same bits everywhere, and comes from the
ordered sum of ``engine.score.combine``. The two differ by rounding alone, below 1e-12.

The spread is odd and strictly increasing: who ranks compares x and needs no score.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.catalogue import DETECTORS, weight_problem
from engine.jit import kernel, ranked
from engine.lanes import zeros
from engine.score import SPREAD

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
GROUP, TERMS = 4, 3  # presets and detectors of one pass: their weights and the sums stay in registers
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


class Arranged(NamedTuple):
    """Features in an order in which bars stand beside bars that the same detectors speak of.

    features: (detector, bar), filled up with silent bars so that each row begins at a line of the cache (see
    ``engine.jit``). places: (bar,), where each bar went. speaking: (block, detector), who says anything in a block of
    BARS bars, first those who do, -1 behind them.
    """

    features: FloatArray
    places: IntArray
    speaking: IntArray


def arranged(parts: Sequence[FloatArray]) -> Arranged:
    """Return features of several stretches one behind the other, arranged: most detectors are silent on most bars.

    A product then multiplies what is said alone, about half of it.
    """
    whole = np.concatenate(parts, axis=1)
    bars = whole.shape[1]
    order = np.argsort(_who(whole), kind="stable")
    features = zeros(len(whole), -(-bars // LINE) * LINE)
    features[:, :bars] = whole[:, order]
    places = np.empty_like(order)
    places[order] = np.arange(bars)
    return Arranged(features, places, _speaking(features))


def _who(features: FloatArray) -> npt.NDArray[np.uint16]:
    """Return of each bar which detectors speak, a bit each; of more than 16 the last 16 decide, which will do."""
    bits = np.zeros(features.shape[1], np.uint16)
    for feature in features:
        bits = bits << 1 | (feature != 0.0)  # so short that they are sorted by their digits
    return bits


def _speaking(features: FloatArray) -> IntArray:
    starts = np.arange(0, features.shape[1], BARS)
    loud = np.logical_or.reduceat(features != 0.0, starts, axis=1).T
    detectors = np.argsort(~loud, axis=1, kind="stable")
    return np.where(np.take_along_axis(loud, detectors, axis=1), detectors, -1)


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


def products(weights: FloatArray, over: Arranged, out: FloatArray | None = None) -> FloatArray:
    """Return x = weights @ features of every preset at every bar, (preset, place), -1..1; see ``Arranged``.

    weights: (preset, detector), as from ``weight_matrix``. out: where to put them; who goes from a few presets to the
    next uses the same memory again and finds it in the cache. Raises ValueError where shapes or types misfit.
    """
    out = _place(weights, over.features, out)
    _multiply(np.ascontiguousarray(weights), over.features, over.speaking, out)
    return out


def scores(weights: FloatArray, features: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Return the score 0..1 of every preset at every bar, (preset, bar): the spread ``products``, as there."""
    out = _place(weights, features, out)
    everyone = np.arange(len(features))[None].repeat(-(-features.shape[1] // BARS), axis=0)
    plain = Arranged(np.ascontiguousarray(features), np.arange(features.shape[1]), everyone)
    for first in range(0, len(weights), PRESETS):
        _spread(products(weights[first : first + PRESETS], plain, out[first : first + PRESETS]))
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
def _multiply(weights, features, speaking, out):
    presets = weights.shape[0]
    whole = presets - presets % GROUP
    for block in range(speaking.shape[0]):
        bars = slice(block * BARS, min((block + 1) * BARS, features.shape[1]))
        count = 0
        while count < speaking.shape[1] and speaking[block, count] >= 0:
            count += 1
        chosen = speaking[block, :count]
        for row in range(presets):
            out[row, bars] = 0.0
        for top in range(0, whole, GROUP):
            _add_to_four(weights, features, chosen, top, bars, out)
        for row in range(whole, presets):
            for d in chosen:
                _add(weights[row, d], features[d, bars], out[row, bars])


@ranked
def _add_to_four(weights, features, chosen, top, bars, out):
    """Add weights @ features of the chosen detectors to four rows of ``out`` from ``top`` on, three at a time."""
    # Rows are cut one by one: of a block that is cut out, a row is not known to lie in one piece.
    x0, x1, x2, x3 = out[top, bars], out[top + 1, bars], out[top + 2, bars], out[top + 3, bars]
    w = weights[top : top + GROUP]
    whole = chosen.size - chosen.size % TERMS
    for i in range(0, whole, TERMS):
        d, e, f = chosen[i], chosen[i + 1], chosen[i + 2]
        f0, f1, f2 = features[d, bars], features[e, bars], features[f, bars]
        a0, a1, a2 = w[0, d], w[0, e], w[0, f]
        b0, b1, b2 = w[1, d], w[1, e], w[1, f]
        c0, c1, c2 = w[2, d], w[2, e], w[2, f]
        g0, g1, g2 = w[3, d], w[3, e], w[3, f]
        for k in range(x0.size):
            x0[k] = x0[k] + a0 * f0[k] + a1 * f1[k] + a2 * f2[k]
            x1[k] = x1[k] + b0 * f0[k] + b1 * f1[k] + b2 * f2[k]
            x2[k] = x2[k] + c0 * f0[k] + c1 * f1[k] + c2 * f2[k]
            x3[k] = x3[k] + g0 * f0[k] + g1 * f1[k] + g2 * f2[k]
    for i in range(whole, chosen.size):
        for row in range(GROUP):
            _add(w[row, chosen[i]], features[chosen[i], bars], out[top + row, bars])


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
