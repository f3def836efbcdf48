"""``sar`` against TA-Lib's SAR on the same logs."""

import numpy as np
import pytest
import talib

from engine.bars import EPSILON, Bars, Span, mirror
from engine.detectors.sar import DETECTOR
from engine.evidence import fold, fresh_state

ONLY = {"sar": DETECTOR}
ROWS, LANES = 500, 64
TICK = 1 / 1024


def random_bars(seed=11):
    """Ticks of 1/1024, which binary numbers hold exactly, so that lows repeat and touch their stop."""
    rng = np.random.default_rng(seed)
    close = 4.0 + TICK * rng.integers(-6, 7, size=(ROWS, LANES)).cumsum(axis=0)
    opened = np.vstack([close[:1], close[:-1]])
    high = np.maximum(opened, close) + TICK * rng.integers(1, 5, close.shape)
    low = np.minimum(opened, close) - TICK * rng.integers(1, 5, close.shape)
    return Bars(opened, high, low, close, np.ones_like(close), np.full_like(close, np.nan))


def readings_of(bars):
    """Return score and the readings by name of every bar from the second on, each (row, lane)."""
    e = fold(bars, Span(0, 0, 1), fresh_state(bars.close.shape[1], ONLY), True, ONLY)
    return e.score[0], e.confidence[0], dict(zip(DETECTOR.readings, e.readings[0], strict=True))


def talib_stops(bars):
    return np.column_stack([talib.SAR(bars.high[:, i].copy(), bars.low[:, i].copy()) for i in range(LANES)])[1:]


def is_long(bars, stops):
    """Return whether the stop is below price; a bar's middle, as its low or high may touch the stop."""
    return (bars.high[1:] + bars.low[1:]) / 2 > stops


def first_pair_shows_a_side(bars):
    up, down = bars.high[1] - bars.high[0], bars.low[0] - bars.low[1]
    return (np.maximum(up, down) > EPSILON) & (np.abs(up - down) > EPSILON)


def test_stop_is_that_of_talib_on_every_bar_when_the_first_pair_shows_a_side():
    bars = random_bars()
    shown = first_pair_shows_a_side(bars)
    assert 20 < shown.sum() < LANES
    np.testing.assert_allclose(readings_of(bars)[2]["stop"][:, shown], talib_stops(bars)[:, shown], rtol=1e-9)


def test_stop_is_that_of_talib_from_the_first_reversal_both_share():
    bars = random_bars()
    ours, theirs = readings_of(bars)[2]["stop"], talib_stops(bars)
    reversed_here = np.diff(is_long(bars, ours), axis=0) & (ours[:-1] != 0.0)  # 0: no side yet, so no reversal
    reversed_there = np.diff(is_long(bars, theirs), axis=0)
    for lane in np.flatnonzero(~first_pair_shows_a_side(bars)):
        both = reversed_here[:, lane] & reversed_there[:, lane]
        shared = np.flatnonzero(both & np.isclose(ours[1:, lane], theirs[1:, lane], rtol=1e-12))[0] + 1
        assert shared < 100
        np.testing.assert_allclose(ours[shared:, lane], theirs[shared:, lane], rtol=1e-9)


def test_age_counts_the_bars_since_the_stop_changed_sides():
    bars = random_bars()
    readings = readings_of(bars)[2]
    turned = np.diff(is_long(bars, readings["stop"]), axis=0)
    for lane in np.flatnonzero(first_pair_shows_a_side(bars)):
        reversals = np.flatnonzero(turned[:, lane]) + 1
        assert readings["age"][-1, lane] == ROWS - 2 - reversals[-1]
        assert (readings["age"][reversals, lane] == 0).all()


def test_without_a_side_it_abstains_and_says_why():
    flat = Bars(*(np.full((300, 1), 3.0) for _ in range(4)), np.ones((300, 1)), np.full((300, 1), np.nan))
    score, confidence, readings = readings_of(flat)
    assert not score.any()
    assert not confidence.any()
    assert "stays silent" in DETECTOR.reason({name: values[-1, 0] for name, values in readings.items()})


def test_a_start_waits_for_the_first_pair_that_moves_one_way():
    """An outside bar that goes up as far as down shows nothing; the next one, upwards, does."""
    high = np.array([1.0, 1.25, 1.375, 1.5])[:, None]
    low = np.array([0.5, 0.25, 0.5, 0.75])[:, None]
    middle = (high + low) / 2
    bars = Bars(middle, high, low, middle, np.ones_like(high), np.full_like(high, np.nan))
    score, _, readings = readings_of(bars)
    assert score[0, 0] == 0.0
    assert (score[1:, 0] > 0.0).all()
    assert readings["stop"][1, 0] == 0.25


def test_mirrored_market_has_the_negated_score_bit_for_bit():
    bars = random_bars()
    score, confidence, _ = readings_of(bars)
    mirrored_score, mirrored_confidence, _ = readings_of(mirror(bars))
    assert np.array_equal(mirrored_score, -score)
    assert np.array_equal(mirrored_confidence, confidence)


@pytest.mark.parametrize(("distance", "word"), [(1.8, "above"), (-1.8, "below")])
def test_reason_names_price_stop_distance_and_age(distance, word):
    sentence = DETECTOR.reason({"close": np.log(64120), "stop": np.log(63500), "distance": distance, "age": 7})
    assert f"price 64,120.0 is {word} the parabolic stop at 63,500.0, 1.8 ATR away" in sentence
    assert "7 bars ago" in sentence
