"""A random search over preset weights: features and what every entry would have become are computed once.

It ranks only. What a found preset is worth is said by ``walk_forward``, on bars that the search never saw and through
the functions that live calls.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtest.candles import History
from engine.catalogue import DETECTORS
from engine.evidence import Evidence, history
from engine.jit import formula, kernel
from engine.lanes import zeros
from engine.outcomes import Course, follow_all
from engine.presets_batch import Arranged, arranged, features, products
from engine.score import spread
from engine.timeframes import INTERVAL_MS
from market.scoreable import scoreable
from presets.defaults import DEFAULTS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FEWEST = 20  # trades in a training window: a mean of fewer ranks luck
BEST = 10  # trials whose weights are averaged
AT_ONCE = 16  # trials: what they say of a window stays in the second-level cache
SPARSE = 0.35  # of Dirichlet draws: below 1 a few detectors carry most of the weight, as in presets made by hand


class Material(NamedTuple):
    """One symbol on one timeframe. closes, usable: (n,) ms, and whether no hole forbids a score.

    scored: (m,) indices of the bars with evidence. product: c s, (detector, m). r, last: (2, m), what entering long
    [0] or short [1] behind each bar became (R after costs, NaN where the bars end first), and the bar it ended at.
    """

    name: str
    past: History
    evidence: Evidence
    closes: IntArray
    scored: IntArray
    product: FloatArray
    usable: BoolArray
    r: FloatArray
    last: IntArray

    def rows(self, start: int, end: int) -> slice:
        """Return the rows of bars that close in (start, end], ms."""
        first, stop = np.searchsorted(self.closes[self.scored], (start, end), side="right")
        return slice(int(first), int(stop))


def material(name: str, past: History, timeframe: str, course: Course) -> Material | None:
    """Return what a search needs of a symbol, None where no bar has a score."""
    interval = INTERVAL_MS[timeframe]
    if not len(past.window.open_times):
        return None
    scored, evidence = history(past.window, interval)
    if not len(scored):
        return None
    usable = scoreable(past.window.open_times, past.holes, past.first_open, interval)
    opened, high, low = (np.ascontiguousarray(values) for values in past.window.values[:3])
    atr = evidence.atr[:, 0].copy()
    ends = [
        follow_all((opened, high, low), scored + 1, np.full(len(scored), side), atr, course) for side in (1.0, -1.0)
    ]
    return Material(
        name,
        past,
        evidence,
        past.window.open_times + interval,
        scored,
        features(evidence.score, evidence.confidence),
        usable,
        np.stack([one.r for one in ends]),
        np.stack([one.last for one in ends]),
    )


class Found(NamedTuple):
    """What a search found: weights, the ``act`` for its share of bars, and how it did where it was found.

    quality: t-value of its mean R. trades, mean_r: in training. sharpes: mean / deviation of R of all trials that
    traded enough.
    """

    weights: dict[str, float]
    act: float
    quality: float
    trades: int
    mean_r: float
    moments: tuple[float, float]
    sharpes: FloatArray


def trial_weights(trials: int, alive: BoolArray, generator: np.random.Generator) -> FloatArray:
    """Return weights (trial, detector): the defaults, each living detector alone, then random ones.

    alive: (detector,), who says anything at all; the others get no weight, as it would only lower every score.
    """
    known = [[DEFAULTS[name].weights.get(d, 0.0) for d in DETECTORS] for name in DEFAULTS]
    alone = np.eye(len(DETECTORS))[alive]
    random = np.zeros((max(trials - len(known) - len(alone), 0), len(DETECTORS)))
    random[:, alive] = generator.dirichlet(np.full(int(alive.sum()), SPARSE), len(random))
    chosen = np.concatenate([np.array(known) * alive, alone, random])[:trials]
    chosen = chosen[chosen.sum(axis=1) > 0.0]
    rounded: FloatArray = np.round(chosen / chosen.sum(axis=1, keepdims=True), 6)
    return rounded / rounded.sum(axis=1, keepdims=True)


def search(
    members: Sequence[Material], start: int, end: int, share: float, trials: int, generator: np.random.Generator
) -> Found | None:
    """Return what ``trials`` presets on closes in (start, end] lead to, or None where none traded often enough.

    The mean of the best few, not the best one: the top of many is mostly luck, what the best have in common is less so.
    share: which part of bars ``act`` lets pass. A trade counts when it ended by ``end`` too.
    """
    parts = [(one, one.rows(start, end)) for one in members]
    parts = [(one, rows) for one, rows in parts if rows.stop > rows.start]
    alive = np.zeros(len(DETECTORS), np.bool_)
    for one, rows in parts:
        alive |= np.any(one.product[:, rows] != 0.0, axis=1)
    if not alive.any():
        return None
    product = arranged([one.product[alive, rows] for one, rows in parts])
    weights = trial_weights(trials, alive, generator)
    sums, _ = tried(parts, product, weights[:, alive], end, share)
    enough = np.flatnonzero(sums[:, 0] >= FEWEST)
    if not len(enough):
        return None
    sharpe, _ = _quality(sums[enough])
    best = enough[np.argsort(-sharpe * np.sqrt(sums[enough, 0]), kind="stable")[:BEST]]
    mean = weights[best].mean(axis=0)
    own, act = tried(parts, product, mean[None, alive], end, share)
    if own[0, 0] < 2:
        return None
    return _found(mean, float(act[0]), own, sharpe)


def tried(
    parts: Sequence[tuple[Material, slice]], product: Arranged, weights: FloatArray, end: int, share: float
) -> tuple[FloatArray, FloatArray]:
    """Return the number of trades and the sums of powers of R, (trial, 5), and each trial's ``act``.

    product: c s of the living detectors on the parts' bars; weights: of the same detectors. A few trials at a time. The
    spread from x to a score is odd and rises, so bars rank alike by |x|.
    """
    bars = len(product.places)
    at = min(int((1.0 - share) * bars), bars - 1)
    sums, act = np.zeros((len(weights), 5)), np.empty(len(weights))
    memory, sizes = zeros(AT_ONCE, product.features.shape[1]), np.empty((AT_ONCE, bars))
    for first in range(0, len(weights), AT_ONCE):
        trials = slice(first, min(first + AT_ONCE, len(weights)))
        x = products(weights[trials], product, memory[: trials.stop - first])[:, :bars]
        size = np.abs(x, out=sizes[: len(x)])
        size.partition(at, axis=1)
        act[trials] = size[:, at]
        begin = 0
        for one, rows in parts:
            until, scored = int(np.searchsorted(one.closes, end, side="right")), one.scored[rows]
            places = product.places[begin : begin + len(scored)]
            begin += len(scored)
            _trade(
                x,
                places,
                act[trials],
                one.usable[scored],
                one.r[:, rows],
                one.last[:, rows],
                scored,
                until,
                sums[trials],
            )
    return sums, np.array([spread(value) - 0.5 for value in act])


def _quality(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean / deviation and the deviation of each trial's R."""
    mean = sums[:, 1] / sums[:, 0]
    deviation = np.sqrt(np.maximum(sums[:, 2] / sums[:, 0] - mean**2, 1e-12))
    return mean / deviation, deviation


@formula
def _call(x, act, usable):
    """Return 1 to buy, -1 to sell, 0 to hold."""
    return (1 if x > 0.0 else -1) if usable and abs(x) > act else 0


@kernel
def _trade(x, places, act, usable, r, last, scored, until, sums):
    """Add each trial's number of trades and the sums of R, R^2, R^3, R^4 to ``sums`` (trial, 5).

    What it says of bar k stands in column ``places[k]`` of x. It enters where its advice changes to BUY or SELL and it
    holds nothing, as a signal is.
    """
    for trial in range(x.shape[0]):
        k, before = 0, 0
        while k < scored.size:
            call = _call(x[trial, places[k]], act[trial], usable[k])
            changed, before = call != before, call
            row = 0 if call > 0 else 1
            if call == 0 or not changed or np.isnan(r[row, k]) or last[row, k] >= until:
                k += 1
                continue
            sums[trial, 0] += 1.0
            power = 1.0
            for p in range(1, 5):
                power *= r[row, k]
                sums[trial, p] += power
            k = _next(scored, k, last[row, k])
            before = _call(x[trial, places[k - 1]], act[trial], usable[k - 1])


@formula
def _next(scored, k, bar):
    """Return the first place behind ``k`` whose bar is not before ``bar``: nothing is looked at while it holds."""
    place = min(max(k + bar - scored[k], k + 1), scored.size)
    while place - 1 > k and scored[place - 1] >= bar:
        place -= 1
    return place


def _found(weights: FloatArray, act: float, sums: FloatArray, sharpes: FloatArray) -> Found:
    sharpe, deviation = _quality(sums)
    count, raw = int(sums[0, 0]), sums[0, 1:] / sums[0, 0]
    chosen = {name: float(w) for name, w in zip(DETECTORS, weights, strict=True)}
    shape = _skew_and_kurtosis(raw, float(deviation[0]))
    return Found(chosen, act, float(sharpe[0]) * float(np.sqrt(count)), count, float(raw[0]), shape, sharpes)


def _skew_and_kurtosis(raw: FloatArray, deviation: float) -> tuple[float, float]:
    """Return skewness and kurtosis from the raw moments of order 1 to 4."""
    m = float(raw[0])
    third = raw[2] - 3 * m * raw[1] + 2 * m**3
    fourth = raw[3] - 4 * m * raw[2] + 6 * m * m * raw[1] - 3 * m**4
    return float(third / deviation**3), float(fourth / deviation**4)


def stability(found: Sequence[Mapping[str, float]]) -> float:
    """Return how alike the weights of neighbouring windows are: mean cosine, 1 the same, 0 nothing in common."""
    matrix = np.array([[weights[name] for name in DETECTORS] for weights in found])
    if len(matrix) < 2:
        return float("nan")
    unit = matrix / np.sqrt((matrix**2).sum(axis=1, keepdims=True))
    return float(np.mean((unit[1:] * unit[:-1]).sum(axis=1)))
