"""When a rule is told: at its thresholds once, however a score dithers."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.conditions import Conditions, DetectorCondition, Heard, Reading, State, contradiction, step
from engine.score import Policy, advice_of, direction_of

POLICY = Policy({"trend": 1.0}, act=0.15, min_confidence=0.3)
QUARTER = 900_000
scores = st.floats(0, 1)


def reading(score, at=0, confidence=0.9, consensus=1.0, **heard):
    words = direction_of(score, POLICY), advice_of(score, confidence, POLICY)
    detectors = {"1h": {name: Heard(*said) for name, said in heard.items()}}
    return Reading("AAAUSDT", at * QUARTER, score, confidence, consensus, *words, detectors)


def told(readings, wanted, cooldown_s=0.0, every=False):
    """Return the readings at which the rule is told."""
    state, found = State(), []
    for one in readings:
        state, fires = step(state, one, wanted, POLICY, cooldown_s * 1000, every)
        found += [one] if fires else []
    return found


def flicker(low, high, times=100):
    return [reading(high if n % 2 else low, n) for n in range(2 * times)]


@pytest.mark.parametrize(
    ("wanted", "at"),
    [
        (Conditions(score_above=0.75), 0.75),
        (Conditions(score_below=0.25), 0.25),
        (Conditions(directions=("BULLISH",)), 0.55),
        (Conditions(directions=("BEARISH",)), 0.45),
        (Conditions(advices=("BUY",)), 0.65),
        (Conditions(advices=("SELL",)), 0.35),
    ],
)
def test_a_score_that_dithers_at_a_threshold_a_hundred_times_is_told_once(wanted, at):
    assert len(told(flicker(at - 0.02, at + 0.02), wanted)) == 1
    assert len(told(flicker(at - 0.02, at + 0.02), Conditions(**vars(wanted) | {"hysteresis": 0.0}))) > 50


def test_a_confidence_a_consensus_or_a_detector_that_dithers_is_told_once():
    sure = [reading(0.8, n, confidence=0.5 + 0.02 * (-1) ** n) for n in range(200)]
    assert len(told(sure, Conditions(score_above=0.7, min_confidence=0.5))) == 1
    agreed = [reading(0.8, n, consensus=0.5 + 0.02 * (-1) ** n) for n in range(200)]
    assert len(told(agreed, Conditions(min_consensus=0.5))) == 1
    leaning = [reading(0.8, n, smc=(0.8 + 0.02 * (-1) ** n, 0.5)) for n in range(200)]
    assert len(told(leaning, Conditions(detectors=(DetectorCondition("smc", "BULLISH", 0.8),)))) == 1


def test_a_rule_is_told_again_once_it_was_left():
    path = [0.5, 0.8, 0.72, 0.76, 0.69, 0.76]
    found = told([reading(score, n) for n, score in enumerate(path)], Conditions(score_above=0.75))
    assert [one.as_of // QUARTER for one in found] == [1, 5]


def test_an_exit_of_ones_own_goes_before_the_hysteresis():
    path = [0.8, 0.6, 0.8, 0.54, 0.8]
    wanted = Conditions(score_above=0.75, exit_above=0.55)
    assert len(told([reading(score, n) for n, score in enumerate(path)], wanted)) == 2


def test_nothing_is_told_within_the_cooldown_and_what_still_holds_is_told_after_it():
    path = [0.8, 0.5, 0.8, 0.8, 0.8]
    found = told([reading(score, n) for n, score in enumerate(path)], Conditions(score_above=0.75), cooldown_s=2700)
    assert [one.as_of // QUARTER for one in found] == [0, 3]


def test_a_swap_of_buy_and_sell_is_told_within_the_cooldown():
    path = [0.8, 0.2, 0.21, 0.8]
    wanted = Conditions(advices=("BUY", "SELL"))
    found = told([reading(score, n) for n, score in enumerate(path)], wanted, cooldown_s=86_400)
    assert [one.advice for one in found] == ["BUY", "SELL", "BUY"]


def test_every_tells_each_reading_that_holds_but_for_the_cooldown():
    readings = [reading(0.8, n) for n in range(8)]
    assert len(told(readings, Conditions(score_above=0.75), every=True)) == 8
    assert len(told(readings, Conditions(score_above=0.75), cooldown_s=1800, every=True)) == 4


def test_a_detector_is_asked_on_its_timeframe_and_one_that_abstains_says_nothing():
    on_4h = Conditions(detectors=(DetectorCondition("smc", "BEARISH", 0.75, "4h"),))
    on_any = Conditions(detectors=(DetectorCondition("smc", "BEARISH", 0.75),))
    assert told([reading(0.5, smc=(0.2, 0.5))], on_any)
    assert not told([reading(0.5, smc=(0.2, 0.5))], on_4h)
    assert not told([reading(0.5, smc=(0.2, 0.0))], on_any)
    assert not told([reading(0.5, smc=(0.3, 0.5))], on_any)


def test_other_symbols_are_none_of_a_rules_business():
    assert not told([reading(0.9)], Conditions(symbols=frozenset({"BBBUSDT"}), score_above=0.5))


@settings(max_examples=200, deadline=None)
@given(st.lists(scores, max_size=40), st.floats(0.3, 0.9), st.floats(0, 0.2))
def test_between_two_messages_the_score_has_been_beyond_the_exit(path, above, hysteresis):
    wanted = Conditions(score_above=above, hysteresis=hysteresis)
    found = [one.as_of // QUARTER for one in told([reading(s, n) for n, s in enumerate(path)], wanted)]
    for first, second in pairwise(found):
        assert min(path[first:second]) < above - hysteresis
    assert all(path[n] >= above for n in found)
    assert bool(found) == any(s >= above for s in path)


@settings(max_examples=200, deadline=None)
@given(st.lists(scores, max_size=40))
def test_the_mirror_image_of_a_market_is_told_at_the_same_times(path):
    up = told([reading(s, n) for n, s in enumerate(path)], Conditions(score_above=0.75, hysteresis=0.0625))
    down = told([reading(1 - s, n) for n, s in enumerate(path)], Conditions(score_below=0.25, hysteresis=0.0625))
    exact = all(1 - (1 - s) == s for s in path)  # else the mirror image is another number by rounding
    assert not exact or [one.as_of for one in up] == [one.as_of for one in down]


@pytest.mark.parametrize(
    ("wanted", "every", "field"),
    [
        (Conditions(), False, "conditions"),
        (Conditions(score_above=0.4, score_below=0.6), False, "score_above"),
        (Conditions(score_above=0.0), False, "score_above"),
        (Conditions(score_above=0.7, exit_above=0.8), False, "exit_above"),
        (Conditions(score_below=0.3, exit_below=0.2), False, "exit_below"),
        (Conditions(exit_above=0.5), False, "exit_above"),
        (Conditions(score_above=0.7, exit_above=0.6), True, "exit_above"),
        (Conditions(score_above=0.7, directions=("BEARISH",)), False, "conditions"),
        (Conditions(score_above=0.7, directions=("NEUTRAL",)), False, "conditions"),
        (Conditions(score_below=0.3, advices=("BUY",)), False, "conditions"),
        (Conditions(directions=("BULLISH",), advices=("SELL",)), False, "conditions"),
        (
            Conditions(detectors=tuple(DetectorCondition("smc", word, 0.5, "1h") for word in ("BULLISH", "BEARISH"))),
            False,
            "detectors",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_contradicts_itself_is_named(wanted, every, field):
    found = contradiction(wanted, every)
    assert found is not None
    assert found[0] == field


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        Conditions,
        score_above=st.none() | scores,
        score_below=st.none() | scores,
        directions=st.sets(st.sampled_from(["BULLISH", "BEARISH", "NEUTRAL"])).map(tuple),
        advices=st.sets(st.sampled_from(["BUY", "SELL", "HOLD"])).map(tuple),
    ),
    scores,
    st.sampled_from([0.1, 0.9]),
)
def test_no_rule_is_refused_as_impossible_that_some_score_meets(wanted, score, confidence):
    refused = contradiction(wanted, every=True)
    if refused and refused[1].startswith("no score"):
        assert not told([reading(score, confidence=confidence)], wanted)
