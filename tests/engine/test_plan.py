"""The plan of an opportunity: stop, targets, reward, size; what it refuses, and what it makes of the risk level."""

from math import exp, inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan import (
    BY_BOTH,
    BY_STRUCTURE,
    ROUND_TRIP,
    SIGNAL_TERMS,
    STOPS,
    Terms,
    reward_to_risk,
    setup,
    signal_stop,
    size,
)
from engine.score import Levels, Part, Policy, TimeframeScore, consensus, disagreement_of, risk_level_of

FREE = Terms(max_share=inf, max_leverage=inf)
POLICY = Policy({"trend": 1.0}, act=0.2, min_confidence=0.2)


def test_a_setup_states_zone_targets_and_where_its_stop_comes_from():
    made = setup(-1, 100.0, 0.01, 98.0, 101.5, Terms(stop=BY_STRUCTURE))
    assert made.stop_from == "structure"
    assert made.stop == pytest.approx(101.5 * exp(0.001))
    assert made.targets == pytest.approx([100.0 - r * (made.stop - 100.0) for r in (1, 2, 3)])
    assert made.zone == pytest.approx((100.0 * exp(-0.0025), 100.0 * exp(0.0025)))
    assert setup(1, 100.0, 0.01, nan, nan, Terms(stop=BY_BOTH)).stop_from == "atr"


def test_of_atr_and_structure_the_plan_takes_whichever_protects():
    by_atr = 100.0 * exp(-0.02)
    assert signal_stop(1, 100.0, 0.01, 99.0, nan) == pytest.approx(by_atr)
    assert signal_stop(1, 100.0, 0.01, 97.0, nan) == pytest.approx(97.0 * exp(-0.001))
    assert signal_stop(-1, 100.0, 0.01, nan, 103.0) == pytest.approx(103.0 * exp(0.001))
    assert signal_stop(0, 100.0, 0.01, 97.0, 102.5) == pytest.approx(97.0 * exp(-0.001))
    assert signal_stop(0, 100.0, 0.01, 99.0, 105.0) == pytest.approx(105.0 * exp(0.001))


def test_reward_to_risk_counts_what_entering_and_leaving_costs():
    assert reward_to_risk(100.0, 98.0, 104.0) == pytest.approx((4.0 - 0.3) / (2.0 + 0.3))
    assert reward_to_risk(100.0, 99.9, 100.2) < 0.0  # a stop so tight that the costs eat its target
    made = setup(1, 100.0, 0.01, nan, nan, SIGNAL_TERMS)
    assert [ratio < r for ratio, r in zip(made.reward_to_risk, (1, 2, 3), strict=True)] == [True] * 3
    assert ROUND_TRIP == 2 * (0.0005 + 0.001)  # fee and slippage as a backtest's defaults have them


def test_a_shorts_target_below_zero_is_none():
    made = setup(-1, 100.0, 0.25, nan, nan, SIGNAL_TERMS)
    assert made.targets[0] > 0.0
    assert isnan(made.targets[1])
    assert isnan(made.reward_to_risk[1])


def cases(count):
    generator = np.random.default_rng(8)
    entry = 10.0 ** generator.uniform(-6, 5, count)
    side = generator.choice([-1, 1], count)
    stop = entry * (1.0 - side * generator.uniform(0.0005, 0.5, count))
    equity = 10.0 ** generator.uniform(1, 7, count)
    risk = generator.uniform(0.0001, 0.05, count)
    step = np.where(generator.random(count) < 0.2, 0.0, 10.0 ** generator.integers(-8, 3, count))
    yield from zip(side.tolist(), entry.tolist(), stop.tolist(), equity.tolist(), risk.tolist(), step.tolist())  # noqa: B905


def test_size_times_stop_distance_is_the_risk_set_within_one_step_in_10000_cases():
    sized = 0
    for side, entry, stop, equity, risk, step in cases(10_000):
        terms, wanted, distance = FREE._replace(risk=risk, step=step), risk * equity, abs(entry - stop)
        try:
            found = size(side, equity, entry, stop, terms)
        except ValueError as refused:
            assert "below one step" in str(refused)
            assert wanted < step * distance * (1 + 1e-9)
            continue
        sized += 1
        assert found.risk_amount == found.quantity * distance
        assert wanted - step * distance - 1e-9 * wanted <= found.risk_amount <= wanted * (1 + 1e-12)
        if step:
            assert found.quantity / step == pytest.approx(round(found.quantity / step), rel=1e-9)
    assert sized > 6_000


def test_size_is_never_above_a_limit_in_10000_cases():
    generator = np.random.default_rng(9)
    bound = {"risk": 0, "max_share": 0, "max_leverage": 0}
    for side, entry, stop, equity, risk, step in cases(10_000):
        share, leverage = generator.uniform(0.01, 2.0), generator.uniform(0.1, 3.0)
        terms = Terms(risk=risk, max_share=share, max_leverage=leverage, step=step, min_notional=5.0)
        in_use = generator.uniform(0.0, 1.2) * leverage * equity
        room = {"risk": risk * equity * entry / abs(entry - stop), "max_share": share * equity}
        room["max_leverage"] = leverage * equity - in_use
        tightest = min(room, key=room.__getitem__)
        try:
            found = size(side, equity, entry, stop, terms, in_use)
        except ValueError as refused:
            least = max(step * entry, 5.0 + step * entry)
            assert room[tightest] < least * (1 + 1e-9), refused
            continue
        assert found.notional <= room[tightest] * (1 + 1e-12)
        assert found.notional >= max(5.0, room[tightest] - step * entry - 1e-9 * room[tightest])
        bound[tightest] += 1
    assert min(bound.values()) > 200, bound


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"equity": 0.0}, "equity must be above 0, was 0"),
        ({"equity": -5.0}, "equity must be above 0, was -5"),
        ({"equity": nan}, "equity must be above 0, was nan"),
        ({"entry": -1.0}, "entry must be above 0, was -1"),
        ({"stop": nan}, "stop must be above 0, was nan"),
        ({"stop": 100.0}, "the stop equals the entry, 100: no distance to size by"),
        ({"stop": 101.0}, "the stop of a long lies below its entry: stop 101, entry 100"),
        ({"side": -1}, "the stop of a short lies above its entry: stop 98, entry 100"),
        ({"in_use": 10_000.0}, "max_leverage 1 is used up: 10000 of 10000 is open"),
        ({"terms": Terms(step=1000.0)}, "a quantity of 50 is below one step, 1000"),
        ({"terms": Terms(min_notional=6000.0)}, "a notional of 5000 is below the least, 6000"),
    ],
)
def test_a_size_that_cannot_be_is_refused_with_the_reason(given, reason):
    case = {"side": 1, "equity": 10_000.0, "entry": 100.0, "stop": 98.0, "terms": Terms(), "in_use": 0.0} | given
    with pytest.raises(ValueError) as refused:
        size(**case)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"entry": 0.0}, "entry must be above 0, was 0"),
        ({"atr": nan}, "atr must be above 0, was nan"),
        ({"atr": 1e-18}, "the stop equals the entry"),
        ({"terms": Terms(stop=STOPS["none"])}, "a plan needs a stop"),
    ],
)
def test_a_setup_of_what_is_no_number_or_has_no_stop_is_refused(given, reason):
    case = {"side": 1, "entry": 100.0, "atr": 0.01, "low": nan, "high": nan, "terms": SIGNAL_TERMS} | given
    with pytest.raises(ValueError, match=reason):
        setup(**case)


def parts(*evidence):
    return tuple(Part("x", 1.0 if e > 0 else -1.0, 1.0, abs(e), 0.0) for e in evidence)


def test_disagreement_is_0_where_all_agree_and_1_where_evidence_cancels_out():
    assert disagreement_of([parts(0.2, 0.1), parts(0.3)], [0.5, 0.5]) == 0.0
    assert disagreement_of([parts(0.2, -0.2)], [1.0]) == 1.0
    assert disagreement_of([parts(0.2), parts(-0.2)], [0.5, 0.5]) == 1.0
    assert disagreement_of([parts(0.3, -0.1)], [1.0]) == pytest.approx(0.5)
    assert disagreement_of([parts(0.3), parts(-0.1)], [0.25, 0.75]) == pytest.approx(1.0)
    assert disagreement_of([()], [1.0]) == 0.0
    assert disagreement_of([parts(-0.3, 0.1)], [1.0]) == disagreement_of([parts(0.3, -0.1)], [1.0])


share = st.floats(0, 1)


@given(rank=share, stop_atr=st.floats(0, 7), disagreement=share)
def test_stop_distance_and_disagreement_raise_the_risk_level_and_never_lower_it(rank, stop_atr, disagreement):
    order = ("LOW", "MEDIUM", "HIGH")
    plain = order.index(risk_level_of(rank, POLICY))
    by_stop = order.index(risk_level_of(rank, POLICY, stop_atr))
    by_both = order.index(risk_level_of(rank, POLICY, stop_atr, disagreement))
    assert plain <= by_stop <= by_both


@pytest.mark.parametrize(
    ("stop_atr", "disagreement", "level"),
    [(2.0, 0.0, "LOW"), (3.0, 0.0, "MEDIUM"), (5.0, 0.0, "HIGH"), (2.0, 0.5, "MEDIUM"), (2.0, 0.8, "HIGH")],
)
def test_a_far_stop_or_divided_evidence_is_a_risk_of_its_own(stop_atr, disagreement, level):
    assert risk_level_of(0.1, POLICY, stop_atr, disagreement) == level


def test_a_symbols_risk_is_of_the_plans_stop_and_of_all_its_evidence():
    short = TimeframeScore(0.9, 0.5, parts(0.3), 0.002, 0.1, Levels(100.0, 99.0, 101.0))
    long = TimeframeScore(0.9, 0.5, parts(0.2, -0.1), 0.01, 0.1, Levels(101.0, 96.5, 105.0))
    found = consensus({"5m": short, "1h": long}, ("5m", "1h"), POLICY)
    stop = 96.5 * exp(-0.001)  # beyond the long timeframe's swing, from the short one's close
    assert found.levels == (100.0, 96.5, 105.0)
    assert found.stop_distance == pytest.approx((100.0 - stop) / 100.0)
    assert found.risk_level == "MEDIUM"  # 3.7 ATR away; without it an ATR of rank 0.1 is LOW
    assert 0.0 < found.disagreement < 0.5
    calm = consensus({"1h": long._replace(levels=Levels(100.0, 99.0, 105.0), parts=())}, ("1h",), POLICY)
    assert (calm.risk_level, calm.disagreement) == ("LOW", 0.0)
    assert calm.stop_distance == pytest.approx(1.0 - exp(-0.02))
