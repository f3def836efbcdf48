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
from engine.score import Policy, call_of, confidence_of, enough, evidence_of, lean_of, merge, spread
from engine.timeframes import shares

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NO_SCORE, NO_BAR = -1, -1
STRIP = 256  # rows whose sums stay in the first-level cache while one detector after the other is added
for function in (evidence_of, confidence_of, spread, lean_of, call_of, enough, merge, verdict):
    usable_in_kernels(function)


class Scores(NamedTuple):
    """One series on one policy, (n,) each: a row for every closed bar, oldest first.

    closes: ms. score, confidence 0..1, atr in log units, low, high: ln price of the last confirmed swings. All but
    closes are NaN where the bar has no score (too little before it, or a hole).
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
    ``rules.BECAUSE``, or NO_SCORE. atr, low, high: of the longest timeframe that has a score, in log units.
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

    def swings(self) -> tuple[FloatArray, FloatArray]:
        """Return the prices of the last confirmed swing low and high, quote asset."""
        return np.exp(self.low), np.exp(self.high)

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
    columns = np.full((len(Scores._fields) - 1, len(open_times)), np.nan)
    _combine(evidence.score[:, :, 0], evidence.confidence[:, :, 0], weights, scored, usable, columns)
    for column, values in zip(columns[2:], (evidence.atr, evidence.swing_low, evidence.swing_high), strict=True):
        _lay(values[:, 0], scored, usable, column)
    return Scores(open_times + interval_ms, *columns)


@kernel
def _combine(scores, confidences, weights, bars, usable, out):
    """Write score and confidence of evidence (detector, row) to the ``bars`` of out[0] and out[1] that are usable.

    Sums run over detectors as in ``engine.score.weigh``, on many rows at a time.
    """
    x, size, certainty = np.empty(STRIP), np.empty(STRIP), np.empty(STRIP)
    for first in range(0, bars.size, STRIP):
        count = min(STRIP, bars.size - first)
        x[:], size[:], certainty[:] = 0.0, 0.0, 0.0
        for detector in range(weights.size):
            said, sure = scores[detector, first : first + count], confidences[detector, first : first + count]
            weight = weights[detector]
            for k in range(count):
                e = evidence_of(weight, sure[k], said[k])
                x[k] += e
                size[k] += abs(e)
                certainty[k] += weight * sure[k]
        for k in range(count):
            bar = bars[first + k]
            if usable[bar]:
                out[0, bar] = spread(x[k])
                out[1, bar] = confidence_of(x[k], size[k], certainty[k])


@kernel
def _lay(values, bars, usable, out):
    """Write values (row,) to the ``bars`` of out that are usable."""
    for row in range(bars.size):
        if usable[bars[row]]:
            out[bars[row]] = values[row]


def decide_history(
    as_of: IntArray, series: Mapping[str, Scores], valid_ms: Mapping[str, int], policy: Policy, given: Rules
) -> Decisions:
    """Return the decision at each of ``as_of`` (ms, (n,), rising), the first without a signal before it.

    series: by timeframe, all that are configured (without bars where there are none). A timeframe counts with its
    newest bar while that closed less than ``valid_ms`` ago.
    """
    share = shares(list(series))
    rows = len(as_of)
    scores, confidences = np.empty((len(share), rows)), np.empty((len(share), rows))
    longest = np.full((3, rows), np.nan)
    for i, timeframe in enumerate(share):  # shortest first: the longest with a score has the last word
        one = series[timeframe]
        at = _newest(as_of, one.closes, valid_ms[timeframe])
        _join(at, (one.score, one.confidence), (one.atr, one.low, one.high), scores[i], confidences[i], longest)
    limits = (given.hysteresis, given.step, given.cooldown_s * 1000.0, given.min_score)
    thresholds = (policy.band, policy.act, policy.min_confidence)
    decided = _decide(as_of, scores, confidences, np.array(list(share.values())), thresholds, limits)
    return Decisions(as_of, *decided, *longest)


@kernel
def _newest(as_of, closes, valid_ms):
    """Return the newest of ``closes`` at each of ``as_of`` (ms, both rising) that is younger than ``valid_ms``.

    As an index, NO_BAR where there is none.
    """
    at = np.empty(as_of.size, np.int64)
    last = NO_BAR
    for row in range(as_of.size):
        while last + 1 < closes.size and closes[last + 1] <= as_of[row]:
            last += 1
        at[row] = last if last >= 0 and as_of[row] - closes[last] < valid_ms else NO_BAR
    return at


@kernel
def _join(at, known, beside, score, confidence, longest):
    """Write a series' score and confidence, NaN where it has no bar, and over ``longest`` where it has a score."""
    for row in range(at.size):
        bar = at[row]
        score[row] = known[0][bar] if bar != NO_BAR else np.nan
        confidence[row] = known[1][bar] if bar != NO_BAR else np.nan
        if not np.isnan(score[row]):
            longest[0, row], longest[1, row], longest[2, row] = beside[0][bar], beside[1][bar], beside[2][bar]


@kernel
def _decide(as_of, scores, confidences, share, thresholds, limits):
    """Return score, confidence, consensus, lean, call, code of each row; scores: (timeframe, row), NaN where none."""
    rows = as_of.size
    band, act, min_confidence = thresholds
    hysteresis, step, cooldown_ms, min_score = limits
    score, confidence, consensus = np.full(rows, np.nan), np.zeros(rows), np.zeros(rows)
    lean, call = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    code = np.full(rows, NO_SCORE)
    own, sure = np.empty(share.size), np.empty(share.size)
    begun = False
    last = Numeric(0.5, 0, 0, 0)
    for row in range(rows):
        held = 0.0
        for t in range(share.size):
            own[t], sure[t] = scores[t, row], confidences[t, row]
            held += share[t] if not np.isnan(own[t]) else 0.0
        if not enough(held):
            continue
        score[row], confidence[row], consensus[row] = merge(own, sure, share, band)
        lean[row] = lean_of(score[row], band)
        call[row] = call_of(score[row], confidence[row], act, min_confidence)
        current = Numeric(score[row], lean[row], call[row], as_of[row])
        code[row] = verdict(last, current, hysteresis, step, cooldown_ms, min_score) if begun else FIRST
        if code[row] >= ADVICE:
            last, begun = current, True
    return score, confidence, consensus, lean, call, code
