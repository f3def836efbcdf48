"""Candle patterns drawn from their definitions, at a swing low 20 bars old, and near misses of each."""

from itertools import pairwise

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detectors.price_action import DETECTOR, NAMES
from engine.evidence import fold, fresh_state

U = 0.01  # about one ATR of the drawn market
SWING_LOW = 7.0
EXAMPLES = range(10)
BIT = {name: bit for bit, name in NAMES.items()}


def draw(seed, last_bars, height=0.0):
    """Return one lane: a fall to SWING_LOW, a rise of 8 U, a fall to just above it (or ``height`` more), ``last_bars``.

    last_bars: (open, high, low, close) in U from where the last fall ends; each gets a little noise.
    """
    noise = np.random.default_rng(seed)
    turns = SWING_LOW + 0.5 * U + np.array([8.0, 0.0, 8.0, 0.1 + height]) * U
    closes = np.concatenate([np.linspace(a, b, 41)[1:] for a, b in pairwise(turns)])
    opens = np.concatenate([turns[:1], closes[:-1]])
    wicks = U * noise.uniform(0.35, 0.45, (2, closes.size))
    quiet = np.stack([opens, np.maximum(opens, closes) + wicks[0], np.minimum(opens, closes) - wicks[1], closes])
    drawn = closes[-1] + U * (np.array(last_bars, dtype=float).T + noise.uniform(-0.02, 0.02, (4, len(last_bars))))
    prices = np.concatenate([quiet, drawn], axis=1)[:, :, None]
    return Bars(*prices, np.ones(prices.shape[1:]), np.full(prices.shape[1:], np.nan))


def said(bars, back=0):
    """Return what the detector says ``back`` bars before the last: score, confidence and readings by name."""
    only = {DETECTOR.name: DETECTOR}
    rows = bars.close.shape[0]
    evidence = fold(bars, Span(0, 0, rows - 1 - back), fresh_state(1, only), explain=True, detectors=only)
    readings = dict(zip(DETECTOR.readings, evidence.readings[0][:, 0, 0], strict=True))
    return evidence.score[0, 0, 0], evidence.confidence[0, 0, 0], readings


FOUND = {
    "engulfing": [(0.0, 0.1, -0.7, -0.6), (-0.6, 0.45, -0.7, 0.35)],
    "pin bar": [(0.0, 0.2, -1.2, 0.1)],
    "inside-bar break": [(0.0, 0.5, -1.0, -0.6), (-0.6, -0.1, -0.8, -0.4), (-0.4, 0.9, -0.5, 0.8)],
    "marubozu": [(-0.5, 1.75, -0.55, 1.7)],
}
HELD = [(0.0, 0.5, -1.0, -0.6), (-0.6, -0.1, -0.8, -0.4)]  # a bar and one inside it
MISSED = {
    "its body ends inside the last one": ("engulfing", [(0.0, 0.1, -0.7, -0.6), (-0.6, 0.0, -0.7, -0.1)]),
    "the body before it is a doji": ("engulfing", [(0.0, 0.1, -0.7, -0.15), (-0.15, 0.45, -0.7, 0.35)]),
    "a wick of 57 % of the range": ("pin bar", [(0.0, 0.9, -1.2, 0.1)]),
    "a wick no lower than the last": ("pin bar", [(0.0, 0.1, -1.3, -0.6), (-0.1, 0.1, -1.2, 0.0)]),
    "closes inside the mother bar": ("inside-bar break", [*HELD, (-0.4, 0.9, -0.5, 0.4)]),
    "the bar before is not inside": ("inside-bar break", [HELD[0], (-0.6, -0.1, -1.2, -0.4), (-0.4, 0.9, -0.5, 0.8)]),
    "a body of 79 % of the range": ("marubozu", [(-0.5, 2.0, -0.8, 1.7)]),
    "all body but a usual range": ("marubozu", [(0.0, 0.85, -0.05, 0.8)]),
}


@pytest.mark.parametrize("seed", EXAMPLES)
@pytest.mark.parametrize("name", FOUND)
def test_a_drawn_pattern_at_a_swing_level_is_found_on_the_bar_that_completes_it(name, seed):
    bars = draw(seed, FOUND[name])
    score, confidence, readings = said(bars)
    assert int(readings["patterns"]) & BIT[name]
    assert readings["age"] == 0
    assert score >= 0.5
    assert confidence >= 0.5
    assert readings["level"] == bars.low[30:50].min()
    assert not int(said(bars, back=1)[2]["patterns"]) & BIT[name]


@pytest.mark.parametrize("seed", EXAMPLES)
@pytest.mark.parametrize("why", MISSED)
def test_a_near_miss_is_not_taken_for_the_pattern(why, seed):
    name, last_bars = MISSED[why]
    assert not int(said(draw(seed, last_bars))[2]["patterns"]) & BIT[name]


@pytest.mark.parametrize("seed", EXAMPLES)
@pytest.mark.parametrize("name", FOUND)
def test_a_pattern_away_from_every_swing_level_is_not_heard(name, seed):
    assert said(draw(seed, FOUND[name], height=3.0))[:2] == (0.0, 0.0)


@pytest.mark.parametrize("name", FOUND)
def test_the_mirrored_pattern_says_the_opposite_with_the_same_confidence(name):
    score, confidence, _ = said(draw(0, FOUND[name]))
    assert said(mirror(draw(0, FOUND[name])))[:2] == (-score, confidence)


@pytest.mark.parametrize("name", FOUND)
def test_a_pattern_fades_for_three_bars_and_is_then_forgotten(name):
    rest = [(1.7, 1.9, 1.5, 1.7)] * 3
    confidences = [said(draw(0, FOUND[name] + rest), back)[1] for back in (3, 2, 1, 0)]
    assert confidences[0] > confidences[1] > confidences[2] > 0.0 == confidences[3]


@pytest.mark.parametrize("name", FOUND)
def test_a_close_beyond_its_foot_voids_a_pattern_at_once(name):
    assert said(draw(0, [*FOUND[name], (0.0, 0.1, -1.6, -1.5)]))[1] == 0.0


def test_a_reason_names_the_pattern_and_the_level_or_why_there_is_none():
    spoken = DETECTOR.reason(said(draw(0, FOUND["pin bar"]))[2])
    assert spoken.startswith("bullish pin bar now")
    assert "above the swing level 1,0" in spoken
    assert DETECTOR.reason(said(draw(0, MISSED["a wick of 57 % of the range"][1]))[2]).startswith(
        "silent: no candle pattern at swing low 1,0"
    )
