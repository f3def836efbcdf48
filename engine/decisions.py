"""What a history would have decided: ``engine.score`` and ``engine.rules``, compiled, over every bar.

Live takes one close at a time through ``combine``, ``consensus`` and ``decide``; here the very same functions of
numbers run in a loop, so a replay and a backtest of the same bars give the same signals bit for bit.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.evidence import Evidence
from engine.jit import kernel, usable_in_kernels
from engine.plan import ENTER_LONG, ENTER_SHORT, LEAVE, LEAVE_LONG, LEAVE_SHORT
from engine.rules import ADVICE, FIRST, Numeric, Rules, verdict
from engine.score import Policy, call_of, confidence_of, enough, lean_of, merge, spread, weigh
from engine.timeframes import shares

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NO_SCORE = -1
for function in (weigh, confidence_of, spread, lean_of, call_of, enough, merge, verdict):
    usable_in_kernels(function)


class Scores(NamedTuple):
    """One series on one policy, (n,) each: a row for every closed bar, oldest first.

    closes: ms. score, confidence 0..1, atr in log units, low, high: price of the last confirmed swings. All but closes
    are NaN where the bar has no score (too little before it, or a hole).
    """

    closes: IntArray
    score: FloatArray
    confidence: FloatArray
    atr: FloatArray
    low: FloatArray
    high: FloatArray

    def between(self, start_ms: int, end_ms: int) -> "Scores":
        """Return the bars that close in [start_ms, end_ms)."""
        first, last = np.searchsorted(self.closes, (start_ms, end_ms))
        return Scores._make(values[first:last] for values in self)


class Decisions(NamedTuple):
    """A symbol's decisions, (n,) each, by time.

    as_of: ms. score, confidence, consensus: 0..1. lean: 1 BULLISH, -1 BEARISH. call: 1 BUY, -1 SELL. code: index of
    ``rules.BECAUSE``, or NO_SCORE. atr, low, high: of the longest timeframe that has a score.
    """

    as_of: IntArray
    score: FloatArray
    confidence: FloatArray
    consensus: FloatArray
    lean: IntArray
    call: IntArray
    code: IntArray
    atr: FloatArray
    low: FloatArray
    high: FloatArray

    def signals(self) -> "Decisions":
        """Return the decisions that are emitted: what live would have stored."""
        emitted = np.flatnonzero(self.code >= ADVICE)
        return Decisions._make(values[emitted] for values in self)

    def intents(self) -> IntArray:
        """Return what each decision asks of a position, as ``engine.plan.intent_of`` has it."""
        held = np.where(self.lean > 0, LEAVE_SHORT, np.where(self.lean < 0, LEAVE_LONG, LEAVE))
        return np.where(self.call > 0, ENTER_LONG, np.where(self.call < 0, ENTER_SHORT, held))


def score_series(
    open_times: IntArray, interval_ms: int, scored: IntArray, evidence: Evidence, usable: BoolArray, policy: Policy
) -> Scores:
    """Return the scores of a series' bars from ``evidence.history`` (``scored``: indices of its rows' bars, (m,)).

    usable: (n,), false where a hole forbids a score.
    """
    weights = np.array(policy.weight_vector())
    kept = usable[scored]
    combined = _combine(evidence.score[:, :, 0], evidence.confidence[:, :, 0], weights)
    rows = (*combined, evidence.atr[:, 0], np.exp(evidence.swing_low[:, 0]), np.exp(evidence.swing_high[:, 0]))
    columns = np.full((len(rows), len(open_times)), np.nan)
    for column, values in zip(columns, rows, strict=True):
        column[scored[kept]] = values[kept]
    return Scores(open_times + interval_ms, *columns)


@kernel
def _combine(scores: FloatArray, confidences: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return score and confidence, (row,) each, of evidence (detector, row)."""
    rows = scores.shape[1]
    score, confidence = np.empty(rows), np.empty(rows)
    for row in range(rows):
        x, size, certainty = weigh(scores[:, row], confidences[:, row], weights)
        score[row] = spread(x)
        confidence[row] = confidence_of(x, size, certainty)
    return score, confidence


def decide_history(
    as_of: IntArray, series: Mapping[str, Scores], valid_ms: Mapping[str, int], policy: Policy, given: Rules
) -> Decisions:
    """Return the decision at each of ``as_of`` (ms, (n,), rising), the first without a signal before it.

    series: by timeframe, all that are configured (without bars where there are none). A timeframe counts with its
    newest bar while that closed less than ``valid_ms`` ago.
    """
    share = shares(list(series))
    joined = [_at(as_of, series[t], valid_ms[t]) for t in share]
    scores = np.stack([one.score for one in joined])
    confidences = np.stack([one.confidence for one in joined])
    limits = (given.hysteresis, given.step, given.cooldown_s * 1000.0, given.min_score)
    thresholds = (policy.band, policy.act, policy.min_confidence)
    decided = _decide(as_of, scores, confidences, np.array(list(share.values())), thresholds, limits)
    longest = [np.full(len(as_of), np.nan) for _ in range(3)]
    for one in joined:  # shortest first: the longest with a score has the last word
        present = np.isfinite(one.score)
        for values, own in zip(longest, (one.atr, one.low, one.high), strict=True):
            values[present] = own[present]
    return Decisions(as_of, *decided, *longest)


def _at(as_of: IntArray, one: Scores, valid_ms: int) -> Scores:
    """Return a series as known at each of ``as_of``: its newest closed bar, NaN where that is too old."""
    newest = np.searchsorted(one.closes, as_of, side="right") - 1
    known = newest >= 0
    if not known.any():
        return Scores(as_of, *np.full((5, len(as_of)), np.nan))
    at = np.maximum(newest, 0)
    known &= as_of - one.closes[at] < valid_ms
    return Scores(one.closes[at], *[np.where(known, values[at], np.nan) for values in one[1:]])


@kernel
def _decide(as_of, scores, confidences, share, thresholds, limits):
    """Return score, confidence, consensus, lean, call, code of each row; scores: (timeframe, row), NaN where none."""
    rows = as_of.size
    band, act, min_confidence = thresholds
    hysteresis, step, cooldown_ms, min_score = limits
    score, confidence, consensus = np.full(rows, np.nan), np.zeros(rows), np.zeros(rows)
    lean, call = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    code = np.full(rows, NO_SCORE)
    own, sure, weight = np.empty(share.size), np.empty(share.size), np.empty(share.size)
    begun = False
    last = Numeric(0.5, 0, 0, 0)
    for row in range(rows):
        present = 0
        for t in range(share.size):
            if not np.isnan(scores[t, row]):
                own[present], sure[present], weight[present] = scores[t, row], confidences[t, row], share[t]
                present += 1
        if not enough(weight[:present]):
            continue
        score[row], confidence[row], consensus[row] = merge(own[:present], sure[:present], weight[:present], band)
        lean[row] = lean_of(score[row], band)
        call[row] = call_of(score[row], confidence[row], act, min_confidence)
        current = Numeric(score[row], lean[row], call[row], as_of[row])
        code[row] = verdict(last, current, hysteresis, step, cooldown_ms, min_score) if begun else FIRST
        if code[row] >= ADVICE:
            last, begun = current, True
    return score, confidence, consensus, lean, call, code
