"""What is measured of our own engine."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from engine.bars import Bars, FloatArray, Span
from engine.detectors.sar import SAR_STATE, advance
from engine.detectors.volume import centred_mfi, obv_slope
from engine.evidence import LANES, Logged, scan
from engine.indicators import (
    ADX_STATE,
    MACD_STATE,
    RSI_STATE,
    STOCHASTIC_STATE,
    adx,
    atr,
    bollinger,
    cci,
    centred_rsi,
    centred_stochastic,
    ema,
    macd_histogram,
)
from engine.jit import kernel, ranked
from engine.timeframes import INTERVAL_MS, window_start
from engine.window import Window

MINUTE = INTERVAL_MS["1m"]


def windows(series: FloatArray) -> list[Window]:
    """Return (series, 6, bars) as windows of 1m bars."""
    times = np.arange(series.shape[2], dtype=np.int64) * MINUTE
    return [Window(times, values) for values in series]


def tiles(series: Sequence[Logged]) -> list[Bars]:
    """Return equal windows side by side, LANES to a tile."""
    found = []
    for at in range(0, len(series), LANES):
        members = series[at : at + LANES]
        columns = np.stack([np.concatenate([one.prices, one.volumes]) for one in members], axis=2)
        found.append(Bars(*(np.ascontiguousarray(column) for column in columns)))
    return found


def indicators(bars: Bars) -> list[FloatArray]:
    """Return the last value of every lane of each indicator that the engine has a kernel for."""
    rows, lanes = bars.close.shape
    span = Span(0, 0, rows - 1)

    def memory(count: int) -> FloatArray:
        return np.zeros((count, lanes))

    strength = centred_rsi(bars.close, 14, span, memory(RSI_STATE))
    found = [strength, macd_histogram(bars.close, span, memory(MACD_STATE))]
    found += [ema(bars.close, n, 0, span, memory(1)) for n in (20, 50, 200)]
    found += [adx(bars, 14, span, memory(ADX_STATE)), atr(bars, 14, span, memory(1))]
    found += [*bollinger(bars.close, 20, rows - 1), centred_stochastic(strength, span, memory(STOCHASTIC_STATE))]
    found += [obv_slope(bars, 20, rows - 1), centred_mfi(bars, 14, rows - 1), cci(bars, 20, rows - 1)]
    state = memory(SAR_STATE)
    _stops(bars, state)
    return [*(values[-1] for values in found), state[1]]


@kernel
def _stops(bars, state):
    for row in range(1, bars.close.shape[0]):
        advance(bars, row, state)


TURNS, NUMBERS = 16, 256


def bound(multiplications: int, threads: int = 1) -> None:
    """Multiply and add so often, on numbers that stay in registers: what a processor can do at best."""
    times = multiplications // (TURNS * NUMBERS * threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: _multiply(np.ones(NUMBERS), times), range(threads)))


@ranked
def _multiply(values, times):
    for _ in range(times):
        for k in range(values.size):
            x = values[k]
            for _ in range(TURNS):  # a constant: unrolled
                x = x * 0.999 + 1e-3
            values[k] = x


def spot_check(series: Window, indices: np.ndarray, evidence, count: int = 200) -> int:
    """Return in how many of ``count`` drawn bars the history's bits differ from those of a scan of that bar."""
    rows = np.random.default_rng(9).choice(len(indices), count, replace=False)
    cuts = []
    for bar in indices[rows]:
        close = int(series.open_times[bar]) + MINUTE
        cuts.append(series.between(window_start(close, MINUTE, int(series.open_times[0])), close))
    wrong = 0
    for row, one in zip(rows, scan(cuts), strict=True):
        pairs = [(one.score[:, 0], evidence.score[:, row]), (one.confidence[:, 0], evidence.confidence[:, row])]
        pairs += [(one.atr[0], evidence.atr[row]), (one.atr_rank[0], evidence.atr_rank[row])]
        wrong += any(a.tobytes() != b.tobytes() for a, b in pairs)
    return wrong
