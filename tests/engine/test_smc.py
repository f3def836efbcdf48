"""``smc``: each event, drawn ten times with noise from its definition, is found on its bar; near misses are not."""

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detectors.smc import DETECTOR
from engine.evidence import fold, fresh_state

DRAWS = 10
UNIT = 0.01  # of a drawing, in logs; the ATR of a drawn leg is about 1.3 of it
LEVEL = 11.0  # ln of a price near 60,000

# Turning points (bar, close) before the bar in question.
RISING = [(0, 0), (10, 10), (18, 4), (28, 14), (36, 8), (41, 13)]
FALLING = [(0, 0), (10, -10), (18, -4), (28, -14), (36, -8), (41, -13), (46, -8.5)]
DIPPING = [(0, 0), (10, 10), (18, 4), (24, 9), (28, 5)]
RETURN_TO_BLOCK = [*RISING, (42, 16), (46, 12), (49, 9.6)]
RETURN_TO_GAP = [(0, 0), (10, 6), (18, 2), (23, 5), (24, 9), (26, 10), (27, 9.3)]

# event: way there, then the (low, high, close) of the last bars; None leaves an extreme to the noise.
FOUND = {
    "break": (RISING, [(None, None, 16)]),
    "turn": (FALLING, [(None, None, -5.5)]),
    "sweep": (DIPPING, [(3.0, None, 5.8)]),
    "block": (RETURN_TO_BLOCK, [(8.2, None, 10.2)]),
    "block, left a bar later": (RETURN_TO_BLOCK, [(8.2, None, 8.7), (None, None, 10.2)]),
    "gap": (RETURN_TO_GAP, [(6.3, None, 9.6)]),
}
MISSED = {
    "break by a wick": ("break", RISING, [(None, 16, 13.8)]),
    "break by a hair": ("break", RISING, [(None, None, 14.5)]),
    "turn by a wick": ("break", FALLING, [(None, -5.5, -8.2)]),
    "sweep that stays above": ("sweep", DIPPING, [(4.3, None, 5.8)]),
    "sweep that closes below": ("sweep", DIPPING, [(3.0, None, 3.5)]),
    "sweep that closes in the lower half": ("sweep", DIPPING, [(2.5, 8, 4.6)]),
    "block that is barely touched": ("block", RETURN_TO_BLOCK, [(8.95, None, 10.2)]),
    "block that price closed through": ("block", RETURN_TO_BLOCK, [(7, None, 7.2), (None, None, 10.2)]),
    "gap that is barely touched": ("gap", RETURN_TO_GAP, [(8, None, 9.6)]),
    "gap that price closed through": ("gap", RETURN_TO_GAP, [(4, None, 4.5), (None, None, 9.6)]),
}


def draw(way, last):
    """Return ten noisy drawings side by side; each bar opens at the close before it."""
    rng = np.random.default_rng(7)
    bars, prices = zip(*way, strict=True)
    n = bars[-1] + 1
    close = np.interp(np.arange(n), bars, prices)[:, None] + rng.uniform(-0.05, 0.05, (n, DRAWS))
    close = np.vstack([close, *[np.full((1, DRAWS), c) for _, _, c in last]])
    open_ = np.vstack([close[:1], close[:-1]])
    high = np.maximum(open_, close) + rng.uniform(0.05, 0.2, close.shape)
    low = np.minimum(open_, close) - rng.uniform(0.05, 0.2, close.shape)
    for row, (bottom, top, _) in enumerate(last, start=n):
        low[row] = low[row] if bottom is None else bottom
        high[row] = high[row] if top is None else top
    volume = np.ones_like(close)
    return Bars(*(LEVEL + UNIT * x for x in (open_, high, low, close)), volume, 0.5 * volume)


def evidence(bars):
    detectors = {"smc": DETECTOR}
    return fold(bars, Span(0, 0, 0), fresh_state(DRAWS, detectors), True, detectors)


def reading(result, name):
    return result.readings[0][DETECTOR.readings.index(name)]


def said(result, row, lane):
    return DETECTOR.reason(dict(zip(DETECTOR.readings, result.readings[0][:, row, lane], strict=True)))


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("way", ["up", "down"])
def test_ten_noisy_drawings_of_an_event_are_found_on_the_bar_where_it_happens(name, way):
    bars = draw(*FOUND[name])
    result = evidence(bars if way == "up" else mirror(bars))
    event = {"turn": "break"}.get(name, name.split(",")[0])
    age = reading(result, f"{way}_{event}_age")
    assert (age[-1] == 0).all()
    assert (age[-5:-1] > 0).all()
    assert (reading(result, f"{way}_turn")[-1] == (name == "turn")).all()
    assert ((result.score[0, -1] > 0) if way == "up" else (result.score[0, -1] < 0)).all()
    assert (result.confidence[0, -1] == 1).all()


@pytest.mark.parametrize("name", MISSED)
@pytest.mark.parametrize("way", ["up", "down"])
def test_ten_near_misses_of_an_event_are_not_found(name, way):
    event, *drawing = MISSED[name]
    bars = draw(*drawing)
    age = reading(evidence(bars if way == "up" else mirror(bars)), f"{way}_{event}_age")
    assert (age[-len(drawing[1]) :] > 0).all()


@pytest.mark.parametrize("name", FOUND)
def test_the_mirrored_market_has_the_negated_score_and_the_same_confidence(name):
    bars = draw(*FOUND[name])
    seen, mirrored = evidence(bars), evidence(mirror(bars))
    np.testing.assert_array_equal(seen.score, -mirrored.score)
    np.testing.assert_array_equal(seen.confidence, mirrored.confidence)


def test_reason_names_the_level_that_broke_and_the_kind_of_break():
    bars = draw(*FOUND["turn"])
    level = np.exp(bars.high[36:38, 0].max())
    assert said(evidence(bars), -1, 0) == f"broke the swing high of {level:,.1f} (change of character)"


def test_reason_names_the_edge_of_the_zone_that_held():
    bars = draw(*FOUND["gap"])
    near = np.exp(bars.low[25, 0])
    assert f"retest of the fair value gap at {near:,.1f} holds" in said(evidence(bars), -1, 0)


def test_an_event_is_silent_after_three_bars():
    way, last = FOUND["sweep"]
    result = evidence(draw(way, [*last, (None, None, 5.9), (None, None, 5.8), (None, None, 5.9)]))
    np.testing.assert_allclose(result.confidence[0, -4:, 0], [1, 2 / 3, 1 / 3, 0])
    assert said(result, -1, 0).startswith("no break, sweep or retest in the last 3 bars; structure")


def test_a_market_that_never_moved_is_met_with_silence():
    flat = np.full((300, DRAWS), LEVEL)
    result = evidence(Bars(flat, flat, flat, flat, 0 * flat, 0 * flat))
    assert not result.confidence.any() and not result.score.any()
    assert said(result, -1, 0) == "no break, sweep or retest in the last 3 bars; structure without a side yet"
