"""``volume`` against TA-Lib: regression of OBV, and its MFI with the price divided out of the volume."""

import numpy as np
import pytest
import talib

from engine.bars import Bars, Span
from engine.detectors.volume import BUSY, DETECTOR, centred_mfi, obv_slope, relative_volume
from engine.evidence import fold, fresh_state

ONLY = {"volume": DETECTOR}


def random_bars(rows=400, lanes=3, seed=7):
    rng = np.random.default_rng(seed)
    close = 5.0 + 0.003 * rng.integers(-3, 4, size=(rows, lanes)).cumsum(axis=0)  # every seventh close is a tie
    high, low = close + rng.exponential(0.002, close.shape), close - rng.exponential(0.002, close.shape)
    volume = rng.lognormal(8.0, 1.0, close.shape)
    return Bars(close.copy(), high, low, close, volume, np.full_like(close, np.nan))


def drifting(way, last_volume=200.0):
    close = way * 0.01 * np.arange(300.0)[:, None]
    volume = np.full_like(close, 100.0)
    volume[-1] = last_volume
    return Bars(close - way * 0.005, close + 0.01, close - 0.01, close, volume, np.full_like(close, np.nan))


def evidence_of(bars):
    """Return score, confidence and readings of the last bar of lane 0."""
    last = len(bars.close) - 1
    e = fold(bars, Span(0, 0, last), fresh_state(bars.close.shape[1], ONLY), True, ONLY)
    return e.score[0, 0, 0], e.confidence[0, 0, 0], dict(zip(DETECTOR.readings, e.readings[0][:, 0, 0], strict=True))


@pytest.mark.parametrize("n", [5, 20])
def test_obv_slope_is_the_regression_of_obv_over_that_of_the_volume(n):
    bars = random_bars()
    slope = obv_slope(bars, n, 0)
    for lane in range(3):
        close, volume = bars.close[:, lane].copy(), bars.volume[:, lane].copy()
        rise = talib.LINEARREG_SLOPE(talib.OBV(close, volume), n)[n:]
        traded = talib.LINEARREG_SLOPE(volume.cumsum(), n)[n:]
        np.testing.assert_allclose(slope[n:, lane], rise / traded, rtol=1e-9, atol=1e-9)


def test_mfi_is_that_of_talib_when_price_is_taken_out_of_its_money_flow():
    bars = random_bars()
    index = centred_mfi(bars, 14, 0)
    for lane in range(3):
        high, low, close = (x[:, lane].copy() for x in (bars.high, bars.low, bars.close))
        volume = bars.volume[:, lane] / ((high + low + close) / 3)
        expected = talib.MFI(high, low, close, volume, 14)[14:]
        np.testing.assert_allclose(50 + 50 * index[14:, lane], expected, rtol=1e-9)


def test_a_bar_is_not_part_of_the_volume_it_is_compared_with():
    volume = random_bars().volume
    expected = [volume[i, 1] / volume[i - 20 : i, 1].mean() for i in range(20, 400)]
    np.testing.assert_allclose(relative_volume(volume, 20, 0)[20:, 1], expected, rtol=1e-12)


def test_score_is_the_side_on_which_volume_trades():
    assert evidence_of(drifting(1))[:2] == (1.0, 1.0)
    assert evidence_of(drifting(-1))[:2] == (-1.0, 1.0)


def test_half_the_full_volume_gives_half_the_confidence():
    assert evidence_of(drifting(1, last_volume=100.0 * BUSY / 2))[1] == pytest.approx(0.5)


@pytest.mark.parametrize("silent", [drifting(0), drifting(1, last_volume=0.0)], ids=["flat price", "no volume"])
def test_abstains_and_says_why(silent):
    score, confidence, readings = evidence_of(silent)
    assert (score, confidence) == (0.0, 0.0)
    assert "stays silent" in DETECTOR.reason(readings)


def test_reason_names_each_value_and_its_level():
    sentence = DETECTOR.reason({"obv": 0.24, "mfi": 63.2, "relative": 1.43})
    assert "OBV slope +24 % of the volume against 0" in sentence
    assert "MFI 63 against 50" in sentence
    assert "1.4 times its mean of 20 bars" in sentence
