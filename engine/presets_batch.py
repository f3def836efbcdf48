"""Scores of many presets over one history: the features once, then one matrix product. To search and rank with.

A number that is stored or shown never comes from here. BLAS chooses the order of a product's sums by shape, threads
and processor, so the last bits change from machine to machine and even with the number of presets; a stored score
must be the same bits everywhere, and comes from the ordered sum of ``engine.score.combine``. The two differ by
rounding alone, below 1e-12.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine.catalogue import DETECTORS, weight_problem
from engine.jit import kernel
from engine.score import SPREAD

FloatArray = npt.NDArray[np.float64]
# Of a block: its numbers stay in the second-level cache, and BLAS takes so small a product on one thread. (Its threads
# wait by spinning: where the processor is shared, large products have taken 20 times as long.)
PRESETS, BARS = 16, 1024


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


def scores(weights: FloatArray, features: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Return the score 0..1 of every preset at every bar, (preset, bar): x = weights @ features, then the spread.

    weights: (preset, detector), as from ``weight_matrix``. features: (detector, bar), as from ``features``.
    out: where to put them; a search that ranks slice after slice uses the same memory again.
    Raises ValueError where shapes or types do not fit.
    """
    if weights.ndim != 2 or features.ndim != 2 or weights.shape[1] != features.shape[0]:
        raise ValueError(f"weights have shape {weights.shape}, features {features.shape}; (n, d) and (d, m) fit")
    for name, values in (("weights", weights), ("features", features)):
        if values.dtype != np.float64:
            raise ValueError(f"{name} are {values.dtype}, expected float64")
    shape = (weights.shape[0], features.shape[1])
    if out is None:
        out = np.empty(shape)
    elif out.shape != shape or out.dtype != np.float64:
        raise ValueError(f"out is {out.dtype} {out.shape}, expected float64 {shape}")
    # Block by block, so that the formula's passes find in the cache what the product has just written.
    block = np.empty((PRESETS, BARS))
    for top in range(0, shape[0], PRESETS):
        chosen = weights[top : top + PRESETS]
        for first in range(0, shape[1], BARS):
            bars = features[:, first : first + BARS]
            x = np.matmul(chosen, bars, out=block[: len(chosen), : bars.shape[1]])
            _spread(x, out[top : top + PRESETS, first : first + BARS])
    return out


@kernel
def _spread(x: FloatArray, out: FloatArray) -> None:
    """Put 0.5 + sign(x) (1 + g) / 2g (1 - 1 / (1 + g |x|)), within 0..1, into ``out``; see ``engine.score.spread``."""
    for row in range(x.shape[0]):
        source, target = x[row], out[row]
        for k in range(source.size):
            distance = (1.0 + SPREAD) / (2.0 * SPREAD) * (1.0 - 1.0 / (1.0 + SPREAD * abs(source[k])))
            target[k] = min(max(0.5 + (distance if source[k] >= 0.0 else -distance), 0.0), 1.0)
