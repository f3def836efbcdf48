"""``trend``: are the averages in order, and does the slow one still rise?

Source: moving-average alignment (EMA 20/50/200) as in J. Murphy, "Technical Analysis of the Financial Markets",
chapter 9; confidence from Wilder's ADX. Continuous. Warm after 200 bars.
"""

from collections.abc import Mapping
from math import exp

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import clip, ema, squash
from engine.jit import kernel
from engine.words import price

FAST, MIDDLE, SLOW = 20, 50, 200
ADX_NONE, ADX_FULL = 10.0, 40.0  # Wilder calls a market under 20 directionless and one over 40 strong
SLOPE_BARS = 50.0  # the slope is read as the way the middle average would go in 50 bars


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = 0.35 (EMA20 - EMA50) + 0.35 (EMA50 - EMA200) / 3 + 0.30 slope of EMA50, each over ATR and squashed."""
    previous = state[3]  # EMA 50 one bar ago, for the slope
    fast = ema(bars.close, FAST, 0, span, state[0:1])
    middle = ema(bars.close, MIDDLE, 0, span, state[1:2])
    slow = ema(bars.close, SLOW, 0, span, state[2:3])
    for row in range(span.first, bars.close.shape[0]):
        if row >= span.emit:
            for lane in range(bars.close.shape[1]):
                unit = shared.atr[row, lane]
                order = squash((fast[row, lane] - middle[row, lane]) / unit)
                distance = squash((middle[row, lane] - slow[row, lane]) / (3.0 * unit))
                slope = squash(SLOPE_BARS * (middle[row, lane] - previous[lane]) / unit)
                strength = clip((shared.adx[row, lane] - ADX_NONE) / (ADX_FULL - ADX_NONE), 0.0, 1.0)
                moving = unit > EPSILON
                out.score[row - span.emit, lane] = 0.35 * order + 0.35 * distance + 0.30 * slope if moving else 0.0
                out.confidence[row - span.emit, lane] = strength if moving else 0.0
            if out.readings.shape[1] > 0:
                readings = out.readings[:, row - span.emit]
                readings[0], readings[1], readings[2] = fast[row], middle[row], slow[row]
                readings[3] = shared.adx[row]
        previous[:] = middle[row]


def reason(r: Mapping[str, float]) -> str:
    fast, middle, slow = r["ema20"], r["ema50"], r["ema200"]
    order = "above" if fast > middle else "below"
    background = "above" if middle > slow else "below"
    return (
        f"EMA 20 at {price(exp(fast))} is {order} EMA 50 at {price(exp(middle))}, which is {background} "
        f"EMA 200 at {price(exp(slow))}; ADX {r['adx']:.0f} (under {ADX_NONE:.0f} is no trend)"
    )


DETECTOR = Detector("trend", fold, 4, ("ema20", "ema50", "ema200", "adx"), reason, SLOW)
