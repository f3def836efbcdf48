"""From evidence to a score and to a symbol's consensus: properties of every input, not examples."""

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.catalogue import DETECTORS
from engine.score import (
    SPREAD,
    Policy,
    SymbolScore,
    TimeframeScore,
    combine,
    components_json,
    consensus,
    direction_of,
    spread,
)
from engine.timeframes import INTERVAL_MS, WEIGHT, shares

N = len(DETECTORS)
ONE_BIT = 2e-16  # of a number up to 1
unit = st.floats(0.0, 1.0)
signed = st.floats(-1.0, 1.0)
places = st.integers(0, N - 1)


def _policy(raw: list[float], act: float = 0.2) -> Policy:
    total = sum(raw)
    return Policy({name: w / total for name, w in zip(DETECTORS, raw, strict=True)}, act=act, min_confidence=0.2)


policies = st.builds(_policy, st.lists(unit, min_size=N, max_size=N).filter(lambda raw: sum(raw) > 0.01))
score_lists = st.lists(signed, min_size=N, max_size=N)
confidence_lists = st.lists(unit, min_size=N, max_size=N)


def _combine(scores, confidences, policy) -> TimeframeScore:
    return combine(scores, confidences, 0.01, 0.5, policy)


def _put(values: list[float], at: int, value: float) -> list[float]:
    return [*values[:at], value, *values[at + 1 :]]


# One series


@given(score_lists, confidence_lists, policies)
def test_contributions_add_up_to_the_distance_from_neutral(scores, confidences, policy):
    result = _combine(scores, confidences, policy)
    assert sum(part.contribution for part in result.parts) == pytest.approx(result.score - 0.5, abs=1e-9)


@given(score_lists, confidence_lists, policies)
def test_score_confidence_and_contributions_keep_their_bounds(scores, confidences, policy):
    result = _combine(scores, confidences, policy)
    assert 0.0 <= result.score <= 1.0
    assert 0.0 <= result.confidence <= 1.0
    for part in result.parts:
        assert -0.5 - ONE_BIT <= part.contribution <= 0.5 + ONE_BIT
        assert part.contribution * part.score * part.confidence >= 0.0, "a part leans against its own detector"


@pytest.mark.parametrize("extreme", [-1.0, 1.0])
def test_all_detectors_certain_of_one_side_reach_the_end_of_the_scale(extreme):
    result = _combine([extreme] * N, [1.0] * N, _policy([1.0] * N))
    assert result.score == pytest.approx(0.5 + extreme / 2, abs=1e-12)
    assert result.confidence == pytest.approx(1.0, abs=1e-12)


@given(score_lists, confidence_lists, policies, places, signed)
def test_raising_one_component_never_lowers_the_total(scores, confidences, policy, at, other):
    """By more than the last bit: the quotient in spread() may round a rise of one bit down."""
    lower, higher = sorted((scores[at], other))
    before = _combine(_put(scores, at, lower), confidences, policy).score
    after = _combine(_put(scores, at, higher), confidences, policy).score
    assert after >= before - ONE_BIT
    rise = policy.weight_vector()[at] * confidences[at] * (higher - lower)
    if rise > 1e-12:
        assert after > before


@given(score_lists, confidence_lists, policies)
def test_mirrored_components_give_the_mirrored_score_with_the_same_confidence(scores, confidences, policy):
    upright, mirrored = _combine(scores, confidences, policy), _combine([-s for s in scores], confidences, policy)
    assert mirrored.score == pytest.approx(1.0 - upright.score, abs=ONE_BIT)
    assert mirrored.confidence == upright.confidence
    assert [part.contribution for part in mirrored.parts] == [-part.contribution for part in upright.parts]


@given(st.permutations(range(N)), unit.filter(lambda c: c > 0.01), st.floats(0.01, 0.5))
def test_minus_one_against_plus_a_fifth_of_equal_weight_and_confidence_is_bearish(order, confidence, weight):
    bear, bull, *others = order
    scores, confidences = [0.0] * N, [0.0] * N
    scores[bear], scores[bull] = -1.0, 0.2
    confidences[bear] = confidences[bull] = confidence
    raw = [(1.0 - 2.0 * weight) / len(others) if i in others else weight for i in range(N)]
    result = _combine(scores, confidences, _policy(raw))
    assert result.score < 0.5
    assert result.parts[bear].contribution < 0.0 < result.parts[bull].contribution
    assert result.score == pytest.approx(spread(-0.8 * weight * confidence), abs=1e-12)


def test_minus_one_against_plus_a_fifth_has_the_word_bearish():
    policy = _policy([1.0] * N)
    result = _combine([-1.0, 0.2] + [0.0] * (N - 2), [1.0, 1.0] + [0.0] * (N - 2), policy)
    assert direction_of(result.score, policy) == "BEARISH"


@given(score_lists, confidence_lists, policies, places, signed)
def test_abstaining_changes_no_other_evidence(scores, confidences, policy, silent, whatever):
    """w, c and s of the others stay as they are, so what they add up to is spread() of their own sum."""
    quiet = _combine(scores, _put(confidences, silent, 0.0), policy)
    weights = policy.weight_vector()
    others = [weights[i] * confidences[i] * scores[i] for i in range(N) if i != silent]
    assert quiet.score == pytest.approx(spread(sum(others)), abs=1e-12)
    scale = 0.5 * (1.0 + SPREAD) / (1.0 + SPREAD * abs(sum(others)))
    shown = [part.contribution / scale for i, part in enumerate(quiet.parts) if i != silent]
    assert shown == pytest.approx(others, abs=1e-12)
    assert quiet.parts[silent].contribution == 0.0
    assert _combine(_put(scores, silent, whatever), _put(confidences, silent, 0.0), policy).score == quiet.score


@given(score_lists, confidence_lists, policies)
def test_confidence_is_the_weighted_certainty_times_how_far_the_evidence_agrees(scores, confidences, policy):
    weights = policy.weight_vector()
    evidence = [w * c * s for w, c, s in zip(weights, confidences, scores, strict=True)]
    size = sum(abs(e) for e in evidence)
    assume(size > 1e-9)
    certainty = sum(w * c for w, c in zip(weights, confidences, strict=True))
    expected = certainty * abs(sum(evidence)) / size
    assert _combine(scores, confidences, policy).confidence == pytest.approx(expected, abs=1e-9)


@given(score_lists, policies)
def test_all_abstaining_is_neutral_without_confidence(scores, policy):
    result = _combine(scores, [0.0] * N, policy)
    assert (result.score, result.confidence) == (0.5, 0.0)


@given(st.floats(0.999_999, 1.000_001))
def test_weights_that_sum_to_one_within_a_millionth_are_scaled_to_one(total):
    policy = Policy(dict.fromkeys(DETECTORS, total / N), act=0.2, min_confidence=0.2)
    assert policy.weight_vector() == pytest.approx([1.0 / N] * N, abs=1e-12)


@given(signed, signed)
def test_spread_is_odd_about_one_half_and_rises(x, y):
    assert spread(-x) == pytest.approx(1.0 - spread(x), abs=ONE_BIT)
    if x - y > 1e-12:
        assert spread(x) > spread(y)


# A symbol

CONFIGURED = ("5m", "15m", "1h")
POLICY = _policy([1.0] * N)
frames = st.builds(lambda score, confidence: TimeframeScore(score, confidence, (), 0.01, 0.5), unit, unit)
symbols = st.fixed_dictionaries({}, optional=dict.fromkeys(CONFIGURED, frames))


def _frame(score: float, confidence: float = 1.0, rank: float = 0.5) -> TimeframeScore:
    return TimeframeScore(score, confidence, (), 0.01, rank)


def _certain(result: SymbolScore | None) -> SymbolScore:
    assert result is not None
    return result


@given(symbols)
def test_score_is_the_sum_over_present_timeframes_and_the_absent_are_listed(scored):
    result = consensus(scored, CONFIGURED, POLICY)
    share = shares(list(CONFIGURED))
    if sum(share[t] for t in scored) < 0.5 - 1e-9:
        assert result is None
        return
    lean = sum(share[t] * (scored[t].score - 0.5) for t in scored)
    assert _certain(result).score == pytest.approx(0.5 + lean, abs=1e-12)
    assert _certain(result).missing == tuple(t for t in CONFIGURED if t not in scored)
    assert _certain(result).timeframes == {t: scored[t] for t in CONFIGURED if t in scored}


@pytest.mark.parametrize(
    ("present", "has_score"),
    [
        (("5m", "15m", "1h"), True),
        (("15m", "1h"), True),
        (("5m", "1h"), True),
        (("1h",), True),  # half of u: 5 of 10
        (("5m", "15m"), True),  # the other half
        (("15m",), False),
        (("5m",), False),
        ((), False),
    ],
)
def test_less_than_half_of_the_shares_gives_no_score(present, has_score):
    result = consensus({t: _frame(0.9) for t in present}, CONFIGURED, POLICY)
    assert (result is not None) == has_score


def test_missing_timeframe_adds_nothing_and_does_not_make_the_others_louder():
    every = _certain(consensus({"5m": _frame(0.5), "15m": _frame(0.9), "1h": _frame(0.9)}, CONFIGURED, POLICY))
    some = _certain(consensus({"15m": _frame(0.9), "1h": _frame(0.9)}, CONFIGURED, POLICY))
    assert some.score == every.score == pytest.approx(0.5 + 0.8 * 0.4)
    assert some.missing == ("5m",)
    assert some.confidence < every.confidence


@given(symbols)
def test_mirrored_timeframes_give_the_mirrored_symbol(scored):
    result = consensus(scored, CONFIGURED, POLICY)
    mirrored = consensus({t: f._replace(score=1.0 - f.score) for t, f in scored.items()}, CONFIGURED, POLICY)
    if result is None:
        assert mirrored is None
        return
    # At a threshold itself the last bit of 1 - score decides.
    edges = (POLICY.band, POLICY.act)
    near = [f.score for f in scored.values()] + [result.score]
    assume(all(abs(abs(score - 0.5) - edge) > 1e-9 for score, edge in itertools.product(near, edges)))
    flip = {"BULLISH": "BEARISH", "BEARISH": "BULLISH", "BUY": "SELL", "SELL": "BUY"}
    assert _certain(mirrored).score == pytest.approx(1.0 - result.score, abs=1e-12)
    assert _certain(mirrored).direction == flip.get(result.direction, result.direction)
    assert _certain(mirrored).advice == flip.get(result.advice, result.advice)
    assert _certain(mirrored).confidence == result.confidence
    assert _certain(mirrored).consensus == result.consensus


@given(symbols)
def test_symbol_keeps_its_bounds(scored):
    result = consensus(scored, CONFIGURED, POLICY)
    if result is not None:
        assert 0.0 <= result.score <= 1.0
        assert 0.0 <= result.confidence <= result.consensus <= 1.0


@pytest.mark.parametrize("extreme", [0.0, 1.0])
def test_symbol_keeps_its_bounds_at_the_end_of_the_scale_for_every_choice_of_timeframes(extreme):
    for count in range(1, len(INTERVAL_MS) + 1):
        for configured in itertools.combinations(INTERVAL_MS, count):
            result = _certain(consensus({t: _frame(extreme) for t in configured}, configured, POLICY))
            assert result.score == pytest.approx(extreme, abs=1e-12)
            assert 0.0 <= result.score <= 1.0, configured
            assert result.confidence <= 1.0, configured


def test_consensus_is_the_share_of_the_timeframes_that_look_the_symbols_way():
    result = _certain(
        consensus({"5m": _frame(0.2), "15m": _frame(0.9, 0.5), "1h": _frame(0.9, 0.8)}, CONFIGURED, POLICY)
    )
    assert result.direction == "BULLISH"
    assert result.consensus == pytest.approx(0.8)
    assert result.confidence == pytest.approx((0.2 * 1.0 + 0.3 * 0.5 + 0.5 * 0.8) * 0.8)


@given(st.lists(st.sampled_from(list(INTERVAL_MS)), min_size=1, unique=True))
def test_shares_sum_to_one_and_longer_timeframes_are_heavier(timeframes):
    share = shares(timeframes)
    assert sum(share.values()) == pytest.approx(1.0, abs=1e-12)
    ordered = sorted(timeframes, key=INTERVAL_MS.__getitem__)
    assert list(share) == ordered
    assert all(share[a] < share[b] for a, b in itertools.pairwise(ordered))
    assert all(WEIGHT[a] < WEIGHT[b] for a, b in itertools.pairwise(ordered))


@pytest.mark.parametrize(
    ("score", "confidence", "direction", "advice"),
    [
        (0.5, 1.0, "NEUTRAL", "HOLD"),
        (0.54, 1.0, "NEUTRAL", "HOLD"),
        (0.56, 1.0, "BULLISH", "HOLD"),
        (0.44, 1.0, "BEARISH", "HOLD"),
        (0.71, 1.0, "BULLISH", "BUY"),
        (0.29, 1.0, "BEARISH", "SELL"),
        (0.71, 0.19, "BULLISH", "HOLD"),
        (0.71, 0.21, "BULLISH", "BUY"),
        (0.29, 0.19, "BEARISH", "HOLD"),
    ],
)
def test_words_follow_band_act_and_min_confidence(score, confidence, direction, advice):
    result = _certain(consensus({"1h": _frame(score, confidence)}, ("1h",), POLICY))
    assert (result.direction, result.advice) == (direction, advice)


@pytest.mark.parametrize(
    ("rank", "level"),
    [(0.0, "LOW"), (0.39, "LOW"), (0.4, "MEDIUM"), (0.79, "MEDIUM"), (0.8, "HIGH"), (1.0, "HIGH")],
)
def test_risk_is_that_of_the_longest_timeframe(rank, level):
    scored = {"5m": _frame(0.5, rank=0.0), "15m": _frame(0.5, rank=1.0), "1h": _frame(0.5, rank=rank)}
    assert _certain(consensus(scored, CONFIGURED, POLICY)).risk_level == level


# A detector that a preset weighs and that is no longer installed


def test_detector_that_is_gone_abstains_with_its_weight_and_the_others_evidence_stays():
    weights = {"trend": 0.4, "momentum": 0.1, "stars": 0.5}
    scores, confidences = [0.8] * N, [0.5] * N
    found = combine(scores, confidences, 0.0, 0.0, Policy(weights, act=0.1, min_confidence=0.0))
    silent = [0.0 if name == "smc" else 0.5 for name in DETECTORS]
    installed = {"trend": 0.4, "momentum": 0.1, "smc": 0.5}
    assert found[:2] == combine(scores, silent, 0.0, 0.0, Policy(installed, act=0.1, min_confidence=0.0))[:2]
    assert found.parts[-1] == ("stars", 0.0, 0.0, 0.5, 0.0)
    assert len(found.parts) == N + 1


def test_preset_whose_whole_weight_is_gone_is_silent_and_says_which_detector_is_missing():
    found = combine([0.8] * N, [0.5] * N, 0.0, 0.0, Policy({"stars": 1.0}, act=0.1, min_confidence=0.0))
    assert (found.score, found.confidence) == (0.5, 0.0)
    shown = components_json(found.parts, ["said"] * N)
    assert shown[-1]["reason"] == "abstains: no detector 'stars' is installed (weight 1)"
    assert [part["contribution"] for part in shown] == [0.0] * (N + 1)


@pytest.mark.parametrize("weights", [{}, {"trend": 0.0}, {"stars": 0.0}])
def test_preset_without_any_weight_is_refused(weights):
    with pytest.raises(ValueError, match="no weight of the preset is above 0"):
        combine([0.0] * N, [0.0] * N, 0.0, 0.0, Policy(weights, act=0.1, min_confidence=0.0))
