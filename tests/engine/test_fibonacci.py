"""``fibonacci`` against the zigzag and the levels written out as plain loops."""

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detectors.fibonacci import DETECTOR, LEVELS
from engine.evidence import fold, fresh_state

ONLY = {DETECTOR.name: DETECTOR}
FIRST = 100


def market(closes, wick):
    opens = 0.5 * (closes + np.concatenate([closes[:1], closes[:-1]]))  # between closes: no two highs are equal
    high, low = np.maximum(opens, closes) + wick, np.minimum(opens, closes) - wick
    prices = np.stack([opens, high, low, closes])[:, :, None]
    return Bars(*prices, np.ones(prices.shape[1:]), np.full(prices.shape[1:], np.nan))


def say(bars):
    """Return evidence of row FIRST onwards: score and confidence, each (row,), ATR (row,), and the readings."""
    evidence = fold(bars, Span(0, 0, FIRST), fresh_state(1, ONLY), explain=True, detectors=ONLY)
    return evidence.score[0, :, 0], evidence.confidence[0, :, 0], evidence.atr[:, 0], evidence.readings[0][:, :, 0]


def zigzag(high, low, t):
    """Return the prices of the alternating swings that are known at bar ``t``, newest first, at most eight."""
    swings = []
    for i in range(5, t - 4):
        others = [j for j in range(i - 5, i + 6) if j != i]
        top, bottom = high[i] > max(high[others]), low[i] < min(low[others])
        if top == bottom:
            continue
        kind, level = (1, high[i]) if top else (-1, low[i])
        if swings and swings[-1][0] == kind:
            level = max(level * kind, swings.pop()[1] * kind) * kind
        swings.append((kind, level))
    return [level for _, level in swings[::-1]][:8]


def textbook(swings, close, atr):
    """Return score and confidence from the swings' prices, newest first."""
    legs = list(zip(swings[1:], swings, strict=False))
    away = [min(abs(close - (end - ratio * (end - start))) for ratio in LEVELS) / atr for start, end in legs]
    size = (abs(legs[0][1] - legs[0][0]) / atr - 2) / 4
    if away[0] >= 0.5 or size <= 0:
        return 0.0, 0.0
    strength = 0.5 + 0.5 * min(sum(distance < 0.5 for distance in away[1:]) / 3, 1)
    return np.sign(legs[0][1] - legs[0][0]) * strength, (1 - away[0] / 0.5) * min(size, 1)


@pytest.mark.parametrize("seed", range(4))
def test_score_and_confidence_equal_the_textbook_loop(seed):
    rng = np.random.default_rng(seed)
    bars = market(np.cumsum(rng.normal(scale=0.01, size=360)), rng.uniform(0.0, 0.01, 360))
    score, confidence, atr, _ = say(bars)
    high, low, close = bars.high[:, 0], bars.low[:, 0], bars.close[:, 0]
    expected = [textbook(zigzag(high, low, t), close[t], atr[t - FIRST]) for t in range(FIRST, close.size)]
    np.testing.assert_allclose(np.stack([score, confidence], axis=1), expected, rtol=1e-9, atol=1e-12)
    assert 0.2 < (confidence > 0).mean() < 0.8


def pull_back(depth):
    """Return a rise of 0.3 that is retraced by ``depth`` in 20 bars, and is still there."""
    path = [np.linspace(0.1, 0.0, 80), np.linspace(0.0, 0.3, 40)[1:], np.linspace(0.3, 0.3 - depth * 0.3, 20)[1:]]
    return market(np.concatenate(path), 0.004)


def test_a_rise_retraced_to_a_level_is_bullish_and_in_the_mirror_bearish():
    for ratio in LEVELS:
        score, confidence, _, _ = say(pull_back(ratio))
        mirrored = say(mirror(pull_back(ratio)))
        assert score[-1] >= 0.5
        assert confidence[-1] > 0.5
        assert (mirrored[0] == -score).all()
        assert (mirrored[1] == confidence).all()


@pytest.mark.parametrize("depth", [0.15, 0.98])
def test_it_is_silent_before_the_first_level_and_after_the_last(depth):
    assert say(pull_back(depth))[1][-1] == 0.0


def test_a_reason_names_the_level_and_its_price_or_how_far_it_is():
    def last(depth):
        return DETECTOR.reason(dict(zip(DETECTOR.readings, say(pull_back(depth))[3][:, -1], strict=True)))

    assert "from the 61.8 % level at 1.1" in last(0.618)
    assert last(0.15).startswith("silent: price 1.2")
    assert "the 38.2 % level at" in last(0.15)
