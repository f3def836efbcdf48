"""decide(): what is worth a signal, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules import Decision, Rules, Scored, decide

NOW = 1_700_000_000_000
LATER = NOW + 900_000
RULES = Rules()
BUY = Scored(0.80, "BULLISH", "BUY", NOW)
SELL = Scored(0.20, "BEARISH", "SELL", NOW)
RISING = Scored(0.60, "BULLISH", "HOLD", NOW)
FALLING = Scored(0.40, "BEARISH", "HOLD", NOW)
QUIET = Scored(0.52, "NEUTRAL", "HOLD", NOW)


@pytest.mark.parametrize("current", [BUY, SELL, RISING, FALLING, QUIET])
@pytest.mark.parametrize("min_score", [0.5, 1.0])
def test_first_score_of_a_symbol_is_always_told(current, min_score):
    assert decide(None, current, Rules(min_score=min_score)) == Decision(True, "first")


@pytest.mark.parametrize(
    ("previous", "score", "direction", "advice", "expected"),
    [
        # advice: changed and moved by at least 0.02
        (RISING, 0.63, "BULLISH", "BUY", (True, "advice")),
        (RISING, 0.621, "BULLISH", "BUY", (True, "advice")),
        (RISING, 0.619, "BULLISH", "BUY", (False, "unchanged")),
        (BUY, 0.76, "BULLISH", "HOLD", (True, "advice")),
        (FALLING, 0.37, "BEARISH", "SELL", (True, "advice")),
        (FALLING, 0.385, "BEARISH", "SELL", (False, "unchanged")),
        # direction: changed and moved by at least hysteresis 0.04
        (QUIET, 0.57, "BULLISH", "HOLD", (True, "direction")),
        (QUIET, 0.555, "BULLISH", "HOLD", (False, "unchanged")),
        (QUIET, 0.44, "BEARISH", "HOLD", (True, "direction")),
        (RISING, 0.54, "NEUTRAL", "HOLD", (True, "direction")),
        (RISING, 0.565, "NEUTRAL", "HOLD", (False, "unchanged")),
        # moved: by at least step 0.15, whatever the words say
        (BUY, 0.96, "BULLISH", "BUY", (True, "moved")),
        (BUY, 0.94, "BULLISH", "BUY", (False, "unchanged")),
        (SELL, 0.04, "BEARISH", "SELL", (True, "moved")),
        (SELL, 0.06, "BEARISH", "SELL", (False, "unchanged")),
        (RISING, 0.60, "BULLISH", "HOLD", (False, "unchanged")),
        # several at once: advice is named before direction, direction before moved
        (BUY, 0.30, "BEARISH", "SELL", (True, "advice")),
        (QUIET, 0.70, "BULLISH", "HOLD", (True, "direction")),
    ],
)
def test_change_is_told_by_its_size_and_its_words(previous, score, direction, advice, expected):
    assert decide(previous, Scored(score, direction, advice, LATER), RULES) == Decision(*expected)


@pytest.mark.parametrize(
    ("rules", "score", "expected"),
    [
        (Rules(hysteresis=0.10), 0.57, "unchanged"),
        (Rules(hysteresis=0.01), 0.555, "direction"),
        (Rules(hysteresis=0.10, step=0.05), 0.58, "moved"),
    ],
)
def test_hysteresis_and_step_are_the_ones_of_the_rules(rules, score, expected):
    current = Scored(score, "BULLISH", "HOLD", LATER)
    assert decide(QUIET, current, rules).because == expected


@pytest.mark.parametrize(
    ("after_ms", "expected"), [(0, "cooldown"), (1, "cooldown"), (899_999, "cooldown"), (900_000, "advice")]
)
def test_nothing_is_told_within_the_cooldown_of_the_last_signal(after_ms, expected):
    current = Scored(0.70, "BULLISH", "BUY", NOW + after_ms)
    assert decide(RISING, current, RULES) == Decision(expected != "cooldown", expected)


@pytest.mark.parametrize(("previous", "current"), [(BUY, SELL), (SELL, BUY)])
def test_buy_and_sell_swap_within_the_cooldown(previous, current):
    assert decide(previous, current._replace(as_of=NOW + 1), RULES) == Decision(True, "advice")


@pytest.mark.parametrize(
    ("previous", "current"),
    [(BUY, RISING), (BUY, FALLING), (RISING, BUY), (QUIET, SELL), (SELL, QUIET), (RISING, FALLING)],
)
def test_no_other_change_passes_the_cooldown(previous, current):
    assert decide(previous, current._replace(as_of=NOW + 1), RULES) == Decision(False, "cooldown")


def test_score_that_has_not_changed_is_unchanged_within_the_cooldown_too():
    assert decide(BUY, BUY._replace(as_of=NOW + 1), RULES) == Decision(False, "unchanged")


def test_cooldown_is_the_one_of_the_rules():
    current = Scored(0.70, "BULLISH", "BUY", NOW + 60_000)
    assert decide(RISING, current, Rules(cooldown_s=61)).because == "cooldown"
    assert decide(RISING, current, Rules(cooldown_s=60)).because == "advice"
    assert decide(RISING, current._replace(as_of=NOW), Rules(cooldown_s=0)).because == "advice"


@pytest.mark.parametrize(
    ("previous", "score", "direction", "advice", "expected"),
    [
        # with min_score 0.75 scores within 0.25 of the middle are weak
        (QUIET, 0.70, "BULLISH", "HOLD", (False, "min_score")),
        (QUIET, 0.74, "BULLISH", "BUY", (False, "min_score")),
        (QUIET, 0.30, "BEARISH", "SELL", (False, "min_score")),
        (QUIET, 0.80, "BULLISH", "BUY", (True, "advice")),
        (QUIET, 0.75, "BULLISH", "HOLD", (True, "direction")),
        (QUIET, 0.25, "BEARISH", "HOLD", (True, "direction")),
        (QUIET, 0.10, "BEARISH", "SELL", (True, "advice")),
        # a return to HOLD or NEUTRAL ends what was told and is told itself
        (BUY, 0.60, "BULLISH", "HOLD", (True, "advice")),
        (SELL, 0.40, "BEARISH", "HOLD", (True, "advice")),
        (BUY, 0.50, "NEUTRAL", "HOLD", (True, "advice")),
        (RISING, 0.50, "NEUTRAL", "HOLD", (True, "direction")),
        (FALLING, 0.50, "NEUTRAL", "HOLD", (True, "direction")),
        # a swap to a weak SELL is no return
        (BUY, 0.35, "BEARISH", "SELL", (False, "min_score")),
        (RISING, 0.42, "BEARISH", "HOLD", (False, "min_score")),
    ],
)
def test_weak_score_is_only_told_as_a_return_to_hold_or_neutral(previous, score, direction, advice, expected):
    current = Scored(score, direction, advice, LATER)
    assert decide(previous, current, Rules(min_score=0.75)) == Decision(*expected)


WORDS = st.tuples(st.sampled_from(["BULLISH", "BEARISH", "NEUTRAL"]), st.sampled_from(["BUY", "SELL", "HOLD"]))
scored = st.builds(
    lambda score, words, seconds: Scored(score, *words, NOW + seconds * 1000),
    st.floats(0.0, 1.0),
    WORDS,
    st.integers(0, 5_000),
)
FLIP = {"BULLISH": "BEARISH", "BEARISH": "BULLISH", "NEUTRAL": "NEUTRAL", "BUY": "SELL", "SELL": "BUY", "HOLD": "HOLD"}


def _mirrored(s: Scored) -> Scored:
    return Scored(1.0 - s.score, FLIP[s.direction], FLIP[s.advice], s.as_of)


@given(scored, scored, st.sampled_from([0.5, 0.65, 0.9]))
def test_mirrored_scores_are_decided_alike(previous, current, min_score):
    # On a grid of 1/1024 the mirror image 1 - score is exact, so no threshold is met by rounding on one side only.
    previous = previous._replace(score=round(previous.score * 1024) / 1024)
    current = current._replace(score=round(current.score * 1024) / 1024)
    rules = Rules(min_score=min_score)
    assert decide(previous, current, rules) == decide(_mirrored(previous), _mirrored(current), rules)


@given(scored, scored, st.floats(0.5, 1.0))
def test_min_score_only_ever_holds_back(previous, current, min_score):
    free, bound = decide(previous, current, RULES), decide(previous, current, Rules(min_score=min_score))
    assert bound == free or (free.emit and bound == Decision(False, "min_score"))


@given(scored, scored)
def test_signal_is_emitted_exactly_when_the_reason_is_one_to_emit(previous, current):
    decision = decide(previous, current, RULES)
    assert decision.emit == (decision.because in {"advice", "direction", "moved"})
    assert decision.emit or decision.because in {"unchanged", "cooldown", "min_score"}
