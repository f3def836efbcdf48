"""``whales`` against a plain loop, and what it does without taker volume."""

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detectors.whales import DETECTOR
from engine.evidence import fold, fresh_state

ONLY = {"whales": DETECTOR}
ROWS, LANES, EMIT = 400, 8, 300


def random_bars(seed=3):
    rng = np.random.default_rng(seed)
    close = 0.002 * rng.normal(size=(ROWS, LANES)).cumsum(axis=0)
    volume = rng.lognormal(6.0, 1.0, close.shape)
    return Bars(close, close + 0.001, close - 0.001, close, volume, volume * rng.uniform(0.2, 0.8, close.shape))


def even_bars(taker_share):
    """Equal volumes, but for a burst five bars before the end, in which takers bought the given share."""
    close = 0.001 * np.arange(300.0)[:, None] % 0.01
    volume = np.full_like(close, 100.0)
    taker_buy = 0.5 * volume
    volume[-5], taker_buy[-5] = 1000.0, 1000.0 * taker_share
    return Bars(close, close + 0.001, close - 0.001, close, volume, taker_buy)


def evidence_of(bars, emit=EMIT):
    """Return score, confidence (row, lane) and the readings by name."""
    e = fold(bars, Span(0, 0, emit), fresh_state(bars.close.shape[1], ONLY), True, ONLY)
    return e.score[0], e.confidence[0], dict(zip(DETECTOR.readings, e.readings[0], strict=True))


def last_of(bars):
    score, confidence, readings = evidence_of(bars, len(bars.close) - 1)
    return score[0, 0], confidence[0, 0], {name: values[0, 0] for name, values in readings.items()}


def reference(volume, taker_buy):
    """Return imbalance of all and of large bars, and the large bars' share, for the last bar of one series."""
    usual = sum(volume[-60:]) / 60
    recent = list(zip(volume[-12:], taker_buy[-12:], strict=True))
    large = [(v, b) for v, b in recent if v > 2 * usual]
    traded, burst = sum(v for v, _ in recent), sum(v for v, _ in large)
    everyone = sum(2 * b - v for v, b in recent) / traded
    return (everyone, sum(2 * b - v for v, b in large) / burst, burst / traded) if large else (0.0, 0.0, 0.0)


def test_imbalances_are_those_of_a_plain_loop():
    bars = random_bars()
    score, confidence, readings = evidence_of(bars)
    for lane in range(LANES):
        for t in range(EMIT, ROWS):
            everyone, large, share = reference(bars.volume[: t + 1, lane], bars.taker_buy[: t + 1, lane])
            got = [readings[name][t - EMIT, lane] for name in ("everyone", "large", "share")]
            np.testing.assert_allclose(got, [everyone, large, share], rtol=1e-9, atol=1e-12)
            parts = [0.5 * x / (0.15 + abs(x)) for x in (everyone, large)]
            np.testing.assert_allclose(score[t - EMIT, lane], sum(parts), rtol=1e-9, atol=1e-12)
            agreement = abs(sum(parts)) / sum(map(abs, parts)) if share else 0.0
            np.testing.assert_allclose(confidence[t - EMIT, lane], agreement * share, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("taker_share", "way"), [(0.9, 1), (0.1, -1)])
def test_a_burst_takes_the_side_of_its_takers(taker_share, way):
    score, confidence, _ = last_of(even_bars(taker_share))
    assert score * way > 0.5
    assert confidence == pytest.approx(1000 / 2100)


def test_a_balanced_burst_takes_no_side():
    score, confidence, readings = last_of(even_bars(0.5))
    assert (score, confidence) == (0.0, 0.0)
    assert "stays silent" in DETECTOR.reason(readings)


@pytest.mark.parametrize("missing", [slice(None), slice(-7, -6)], ids=["all bars", "one of the last twelve"])
def test_without_taker_volume_it_abstains_and_says_so(missing):
    bars = even_bars(0.9)
    bars.taker_buy[missing] = np.nan
    score, confidence, readings = last_of(bars)
    assert (score, confidence) == (0.0, 0.0)
    assert "no taker volume" in DETECTOR.reason(readings)
    assert np.isfinite(list(readings.values())).all()


def test_without_a_large_bar_it_abstains_and_says_so():
    bars = even_bars(0.9)
    bars.volume[-5], bars.taker_buy[-5] = 100.0, 90.0
    score, confidence, readings = last_of(bars)
    assert (score, confidence) == (0.0, 0.0)
    assert "none of the last 12 bars had over 2 times the usual volume" in DETECTOR.reason(readings)


def test_mirrored_market_has_the_negated_score_bit_for_bit():
    bars = random_bars()
    assert (bars.volume - (bars.volume - bars.taker_buy) != bars.taker_buy).any()  # where 2 b - v would not do
    score, confidence, _ = evidence_of(bars)
    mirrored_score, mirrored_confidence, _ = evidence_of(mirror(bars))
    assert np.array_equal(mirrored_score, -score)
    assert np.array_equal(mirrored_confidence, confidence)


def test_reason_names_each_imbalance_and_its_level():
    sentence = DETECTOR.reason({"known": 1, "everyone": 0.08, "large": -0.21, "share": 0.4})
    assert "-21 % in bars over 2 times the usual volume, +8 % in all of the last 12 bars" in sentence
    assert "0 is balanced" in sentence
    assert "40 % of the volume" in sentence
