"""The indicators against TA-Lib, which is fed with the same array of logs, from TA-Lib's first value on."""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from engine import indicators
from engine.bars import Bars, Span
from engine.detector_checks import walk
from engine.timeframes import WINDOW_BARS

WHOLE = Span(0, 0, 0)
CLOSE = "close"
RANGE = ("high", "low", "close")


def _no_state(rows: int) -> np.ndarray:
    return np.zeros((rows, 1))


def _ema(n: int) -> Callable[[Bars], np.ndarray]:
    return lambda bars: indicators.ema(bars.close, n, 0, WHOLE, _no_state(1))


def _rsi(bars: Bars) -> np.ndarray:
    return indicators.centred_rsi(bars.close, 14, WHOLE, _no_state(indicators.RSI_STATE))


def _stochastic_rsi(bars: Bars) -> np.ndarray:
    return 50 + 50 * indicators.centred_stochastic(_rsi(bars), WHOLE, _no_state(indicators.STOCHASTIC_STATE))


# name: (ours, TA-Lib's, the columns that TA-Lib reads)
ORACLES = {
    "EMA 20": (_ema(20), lambda close: talib.EMA(close, 20), (CLOSE,)),
    "EMA 50": (_ema(50), lambda close: talib.EMA(close, 50), (CLOSE,)),
    "EMA 200": (_ema(200), lambda close: talib.EMA(close, 200), (CLOSE,)),
    "MACD histogram": (
        lambda bars: indicators.macd_histogram(bars.close, WHOLE, _no_state(indicators.MACD_STATE)),
        lambda close: talib.MACD(close, 12, 26, 9)[2],
        (CLOSE,),
    ),
    "RSI 14": (lambda bars: 50 + 50 * _rsi(bars), lambda close: talib.RSI(close, 14), (CLOSE,)),
    "StochRSI %D": (_stochastic_rsi, lambda close: talib.STOCHRSI(close, 14, 14, 3)[1], (CLOSE,)),
    "ATR 14": (
        lambda bars: indicators.atr(bars, 14, WHOLE, _no_state(1)),
        lambda high, low, close: talib.ATR(high, low, close, 14),
        RANGE,
    ),
    "ADX 14": (
        lambda bars: indicators.adx(bars, 14, WHOLE, _no_state(indicators.ADX_STATE)),
        lambda high, low, close: talib.ADX(high, low, close, 14),
        RANGE,
    ),
    "Bollinger mean": (
        lambda bars: indicators.bollinger(bars.close, 20, 0)[0],
        lambda close: talib.BBANDS(close, 20, 2, 2)[1],
        (CLOSE,),
    ),
    "Bollinger deviation": (
        lambda bars: 2 * indicators.bollinger(bars.close, 20, 0)[1],
        lambda close: np.subtract(*talib.BBANDS(close, 20, 2, 2)[:2]),
        (CLOSE,),
    ),
    "CCI 20": (
        lambda bars: indicators.cci(bars, 20, 0),
        lambda high, low, close: talib.CCI(high, low, close, 20),
        RANGE,
    ),
}


def _compare(name: str, bars: Bars) -> None:
    ours, theirs, columns = ORACLES[name]
    expected = theirs(*(np.ascontiguousarray(getattr(bars, column)[:, 0]) for column in columns))
    warm = np.isfinite(expected)
    assert warm.sum() > len(expected) - 240, "TA-Lib has too few values to compare with"
    np.testing.assert_allclose(ours(bars)[warm, 0], expected[warm], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize(("seed", "price", "volatility"), [(1, 1.0, 0.02), (2, 64_000.0, 0.001), (3, 1e-6, 0.004)])
def test_indicator_equals_talib_on_a_made_up_market(name, seed, price, volatility, bars_of):
    _compare(name, bars_of(walk(seed, WINDOW_BARS, price, volatility)))


@pytest.mark.candles
@pytest.mark.parametrize("name", ORACLES)
def test_indicator_equals_talib_on_each_of_ten_real_windows(name, candles, bars_of):
    whole = candles("ETHUSDT-1h")
    for start in range(0, 10 * 500, 500):
        first, last = whole.open_times[[start, start + WINDOW_BARS]]
        _compare(name, bars_of(whole.between(int(first), int(last))))


def test_flat_range_is_neutral():
    bars = Bars(*np.full((6, 300, 1), 4.6))
    assert np.all(_rsi(bars) == 0.0)
    assert np.all(_stochastic_rsi(bars) == 50.0)
    assert np.all(indicators.cci(bars, 20, 0) == 0.0)
    assert np.all(indicators.adx(bars, 14, WHOLE, _no_state(indicators.ADX_STATE)) == 0.0)


def test_rank_is_the_share_of_earlier_values_below():
    x = np.random.default_rng(4).integers(0, 40, size=(300, 3)).astype(float)  # integers: ties count as not below
    rank = indicators.rank_in_window(x, 14, Span(0, 0, 100), np.zeros((WINDOW_BARS + 1, 3)))
    expected = [[np.mean(x[14:t, lane] < x[t, lane]) for lane in range(3)] for t in range(100, 300)]
    np.testing.assert_allclose(rank[100:], expected, rtol=1e-15)


@pytest.mark.parametrize("origin", [0, 20, 250])
def test_tile_further_up_the_window_goes_on_with_the_same_bits(origin, bars_of):
    """An average carried over a cut is the average without the cut."""
    bars = bars_of(walk(8, 400))
    whole = indicators.ema(bars.close, 50, 0, WHOLE, _no_state(1))
    state = _no_state(1)
    indicators.ema(bars.close[: origin + 1], 50, 0, WHOLE, state)
    rest = indicators.ema(bars.close[origin:], 50, 0, Span(origin, 1, 1), state)
    assert rest[1:].tolist() == whole[origin + 1 :].tolist()
