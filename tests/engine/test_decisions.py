"""A history's decisions are those of the functions that live calls, one close after the other, bit for bit."""

import numpy as np
import pytest

from engine.decisions import NO_SCORE, decide_history, score_series
from engine.evidence import history
from engine.plan import intent_of
from engine.rules import BECAUSE, CALLS, LEANS, Rules, Scored, decide
from engine.score import Policy, combine, consensus
from engine.timeframes import INTERVAL_MS
from market.aggregate import aggregate
from presets.defaults import DEFAULTS
from tests.playing import FIVE, walk

VALID = {t: 2 * i for t, i in INTERVAL_MS.items()}
AGGRESSIVE = DEFAULTS["aggressive"]
POLICY = Policy(AGGRESSIVE.weights, act=0.15, min_confidence=0.1)


def one_at_a_time(as_of, evidence, timeframes, policy, rules):
    """Decide as live does: combine, consensus, decide."""
    last, decided = None, []
    for at in as_of.tolist():
        scored = {}
        for t in timeframes:
            times, interval, rows, found, usable = evidence[t]
            bar = int(np.searchsorted(times + interval, at, side="right")) - 1
            row = np.flatnonzero(rows == bar)
            if bar < 0 or at - int(times[bar]) - interval >= VALID[t] or not len(row) or not usable[bar]:
                continue
            k = int(row[0])
            columns = found.score[:, k, 0].tolist(), found.confidence[:, k, 0].tolist()
            scored[t] = combine(*columns, float(found.atr[k, 0]), float(found.atr_rank[k, 0]), policy)
        result = consensus(scored, timeframes, policy)
        if result is None:
            decided.append(None)
            continue
        current = Scored(result.score, result.direction, result.advice, at)
        decision = decide(last, current, rules)
        if decision.emit:
            last = current
        decided.append((result, decision))
    return decided


@pytest.mark.parametrize("timeframes", [["5m"], ["5m", "15m", "1h"]])
@pytest.mark.parametrize(
    "rules", [Rules(), Rules(hysteresis=0.01, step=0.03, cooldown_s=0.0), Rules(min_score=0.6, cooldown_s=7200.0)]
)
def test_a_history_decides_as_live_does_one_close_at_a_time(timeframes, rules):
    base = walk(5_000, seed=4)
    evidence = {}
    for t in timeframes:
        bars, _ = aggregate(base, [], FIVE, INTERVAL_MS[t])
        usable = np.ones(len(bars.open_times), dtype=bool)
        usable[400:420] = False
        evidence[t] = (bars.open_times, INTERVAL_MS[t], *history(bars, INTERVAL_MS[t]), usable)
    as_of = base.open_times + FIVE
    scores = {
        t: score_series(times, interval, rows, found, usable, POLICY)
        for t, (times, interval, rows, found, usable) in evidence.items()
    }
    ours = decide_history(as_of, scores, VALID, POLICY, rules)
    expected = one_at_a_time(as_of, evidence, timeframes, POLICY, rules)
    emitted = 0
    for i, one in enumerate(expected):
        if one is None:
            assert ours.code[i] == NO_SCORE
            continue
        result, decision = one
        emitted += decision.emit
        assert (ours.score[i], ours.confidence[i]) == (result.score, result.confidence)
        assert (ours.consensus[i], ours.atr[i]) == (result.consensus, result.atr)
        assert (ours.lean[i], ours.call[i]) == (LEANS[result.direction], CALLS[result.advice])
        assert BECAUSE[ours.code[i]] == decision.because
        assert ours.intents()[i] == intent_of(result.advice, result.direction)
    assert len(ours.signals().as_of) == emitted
    assert emitted > 20
    assert {1, 0, -1} == set(ours.call[ours.code != NO_SCORE].tolist())


def test_without_a_timeframe_that_holds_half_of_the_weight_there_is_no_score():
    base = walk(2_000, seed=5)
    bars, _ = aggregate(base, [], FIVE, INTERVAL_MS["1h"])
    rows, found = history(base, FIVE)
    hours = history(bars, INTERVAL_MS["1h"])
    scores = {
        "5m": score_series(base.open_times, FIVE, rows, found, np.ones(2_000, dtype=bool), POLICY),
        "1h": score_series(
            bars.open_times, INTERVAL_MS["1h"], *hours, np.ones(len(bars.open_times), dtype=bool), POLICY
        ),
    }
    assert np.isfinite(scores["5m"].score).any()
    assert not np.isfinite(scores["1h"].score).any()  # 166 bars are too few
    decided = decide_history(base.open_times + FIVE, scores, VALID, POLICY, Rules())
    assert (decided.code == NO_SCORE).all()
