"""How often a preset would have advised: scores of whole files, and the ``act`` for a share of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.catalogue import DETECTORS
from engine.evidence import Evidence, history
from engine.score import SPREAD, Policy
from engine.timeframes import INTERVAL_MS, shares
from engine.window import Window
from market.feeds.replay import record_file

FloatArray = npt.NDArray[np.float64]
Decisions = tuple[FloatArray, FloatArray]


def evidence_of(path: Path, timeframes: Sequence[str]) -> dict[str, tuple[Window, npt.NDArray[np.int64], Evidence]]:
    """Return, by timeframe, a file's bars, the indices of those that have a score, and their evidence."""
    recording = record_file(path)
    found = {}
    for timeframe in timeframes:
        window, _ = recording.series[timeframe]
        found[timeframe] = (window, *history(window, INTERVAL_MS[timeframe]))
    return found


def decisions(
    evidence: dict[str, tuple[Window, npt.NDArray[np.int64], Evidence]], weights: dict[str, float]
) -> Decisions:
    """Return the symbol's score and confidence, each (n,), at every close of its smallest timeframe.

    Only closes at which each timeframe has a score. Same formulas as ``engine.score``, on arrays.
    """
    policy = Policy(weights, act=0.0, min_confidence=0.0)
    share = shares(list(evidence))
    smallest = next(iter(share))
    window, indices, _ = evidence[smallest]
    closes = window.open_times[indices] + INTERVAL_MS[smallest]
    parts = {t: _at(closes, t, *evidence[t], policy) for t in share}
    complete = np.all([np.isfinite(score) for score, _ in parts.values()], axis=0)
    lean: FloatArray = np.sum([share[t] * (score[complete] - 0.5) for t, (score, _) in parts.items()], axis=0)
    certainty: FloatArray = np.sum([share[t] * sure[complete] for t, (_, sure) in parts.items()], axis=0)
    word = _word(lean, policy.band)
    agree = {t: _word(score[complete] - 0.5, policy.band) == word for t, (score, _) in parts.items()}
    agreeing: FloatArray = np.sum([share[t] * agree[t] for t in share], axis=0)
    return 0.5 + lean, certainty * agreeing


def _at(
    closes: npt.NDArray[np.int64],
    timeframe: str,
    window: Window,
    indices: npt.NDArray[np.int64],
    evidence: Evidence,
    policy: Policy,
) -> Decisions:
    """Return a timeframe's score and confidence at each close: those of its newest closed bar, NaN without one."""
    score, confidence = _series(evidence, policy)
    own = window.open_times[indices] + INTERVAL_MS[timeframe]
    newest = np.searchsorted(own, closes, side="right") - 1
    known = newest >= 0
    at = np.maximum(newest, 0)
    return np.where(known, score[at], np.nan), np.where(known, confidence[at], np.nan)


def _series(evidence: Evidence, policy: Policy) -> Decisions:
    x = certainty = size = np.zeros(evidence.score.shape[1])
    for i, (_, weight) in enumerate(zip(DETECTORS, policy.weight_vector(), strict=True)):
        c = evidence.confidence[i, :, 0]
        e = weight * c * evidence.score[i, :, 0]
        x, size, certainty = x + e, size + np.abs(e), certainty + weight * c
    score = 0.5 + 0.5 * x * (1.0 + SPREAD) / (1.0 + SPREAD * np.abs(x))
    return score, np.divide(certainty * np.abs(x), size, out=np.zeros_like(x), where=size > 0.0)


def _word(lean: FloatArray, band: float) -> npt.NDArray[np.int64]:
    return np.where(lean > band, 1, np.where(-lean > band, -1, 0))


def threshold(scored: Sequence[Decisions], min_confidence: float, share: float) -> float:
    """Return the distance from 0.5 that ``share`` of all decisions exceed while confident enough."""
    distances = np.concatenate([np.where(c >= min_confidence, np.abs(s - 0.5), 0.0) for s, c in scored])
    return float(np.quantile(distances, 1.0 - share))
