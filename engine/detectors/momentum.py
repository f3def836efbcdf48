"""``momentum``: is the move gaining, by three independent rulers?

Sources: RSI 14 (J. W. Wilder, 1978), MACD 12/26/9 histogram (G. Appel, 1979), StochRSI (T. Chande and S. Kroll,
1994). Continuous; confidence is how far the three agree. Warm after 45 bars.
"""

from collections.abc import Mapping

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import (
    MACD_STATE,
    RSI_STATE,
    STOCHASTIC_STATE,
    centred_rsi,
    centred_stochastic,
    clip,
    macd_histogram,
    squash,
)
from engine.jit import kernel

RSI_BARS = 14
RSI_GAIN = 2.0  # RSI 25 and 75 count as the ends of the scale
HISTOGRAM_UNIT = 0.25  # of an ATR: the size a histogram usually has


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = 0.4 RSI + 0.4 MACD histogram over ATR + 0.2 StochRSI, each on -1..1; confidence = |sum| / sum |part|."""
    strength = centred_rsi(bars.close, RSI_BARS, span, state[:RSI_STATE])
    histogram = macd_histogram(bars.close, span, state[RSI_STATE : RSI_STATE + MACD_STATE])
    stochastic = centred_stochastic(strength, span, state[RSI_STATE + MACD_STATE :])
    for row in range(max(span.first, span.emit), bars.close.shape[0]):
        at = row - span.emit
        for lane in range(bars.close.shape[1]):
            unit = shared.atr[row, lane]
            rsi = 0.4 * clip(RSI_GAIN * strength[row, lane], -1.0, 1.0)
            macd = 0.4 * squash(histogram[row, lane] / (HISTOGRAM_UNIT * unit))
            stoch = 0.2 * stochastic[row, lane]
            total, parts = rsi + macd + stoch, abs(rsi) + abs(macd) + abs(stoch)
            speaks = unit > EPSILON and parts > EPSILON
            out.score[at, lane] = total if speaks else 0.0
            out.confidence[at, lane] = abs(total) / parts if speaks else 0.0
        if out.readings.shape[1] > 0:
            readings = out.readings[:, at]
            for lane in range(bars.close.shape[1]):
                readings[0, lane] = 50.0 + 50.0 * strength[row, lane]
                readings[1, lane] = histogram[row, lane] / shared.atr[row, lane]
                readings[2, lane] = 50.0 + 50.0 * stochastic[row, lane]


def reason(r: Mapping[str, float]) -> str:
    return (
        f"RSI {r['rsi']:.0f} against 50; MACD histogram {r['histogram']:+.2f} ATR against 0; "
        f"StochRSI {r['stoch']:.0f} against 50"
    )


DETECTOR = Detector(
    "momentum", fold, RSI_STATE + MACD_STATE + STOCHASTIC_STATE, ("rsi", "histogram", "stoch"), reason, 45
)
