"""``trend``: are the averages in order, and does the slow one still rise?

Source: moving-average alignment (EMA 20/50/200) as in J. Murphy, "Technical Analysis of the Financial Markets",
chapter 9; confidence from Wilder's ADX. Continuous. Warm after 200 bars.
"""

from collections.abc import Mapping
from math import exp

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import clip, ema_weight, move_ema, squash
from engine.jit import kernel
from engine.lanes import copy_row
from engine.words import price

FAST, MIDDLE, SLOW = 20, 50, 200
ADX_NONE, ADX_FULL = 10.0, 40.0  # Wilder calls a market under 20 directionless and one over 40 strong
SLOPE_BARS = 50.0  # the slope is read as the way the middle average would go in 50 bars


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = 0.35 (EMA20 - EMA50) + 0.35 (EMA50 - EMA200) / 3 + 0.30 slope of EMA50, each over ATR and squashed."""
    fast, middle, slow, previous = state[0], state[1], state[2], state[3]  # previous: EMA 50 one bar ago
    for row in range(span.first, bars.close.shape[0]):
        t = span.origin + row
        copy_row(middle, previous)
        move_ema(bars.close[row], ema_weight(t, FAST), fast)
        move_ema(bars.close[row], ema_weight(t, MIDDLE), middle)
        move_ema(bars.close[row], ema_weight(t, SLOW), slow)
        if row >= span.emit:
            _emit(shared, row, state, out.score[row - span.emit], out.confidence[row - span.emit])
            if out.readings.shape[1] > 0:
                readings = out.readings[:, row - span.emit]
                readings[0], readings[1], readings[2] = fast, middle, slow
                readings[3] = shared.adx[row]


@kernel
def _emit(shared, row, state, score, confidence):
    fast, middle, slow, previous = state[0], state[1], state[2], state[3]
    atr, adx = shared.atr[row], shared.adx[row]
    for lane in range(score.size):
        unit = atr[lane]
        order = squash((fast[lane] - middle[lane]) / unit)
        distance = squash((middle[lane] - slow[lane]) / (3.0 * unit))
        slope = squash(SLOPE_BARS * (middle[lane] - previous[lane]) / unit)
        strength = clip((adx[lane] - ADX_NONE) / (ADX_FULL - ADX_NONE), 0.0, 1.0)
        moving = unit > EPSILON
        score[lane] = 0.35 * order + 0.35 * distance + 0.30 * slope if moving else 0.0
        confidence[lane] = strength if moving else 0.0


def reason(r: Mapping[str, float]) -> str:
    fast, middle, slow = r["ema20"], r["ema50"], r["ema200"]
    order = "above" if fast > middle else "below"
    background = "above" if middle > slow else "below"
    return (
        f"EMA 20 at {price(exp(fast))} is {order} EMA 50 at {price(exp(middle))}, which is {background} "
        f"EMA 200 at {price(exp(slow))}; ADX {r['adx']:.0f} (under {ADX_NONE:.0f} is no trend)"
    )


DETECTOR = Detector("trend", fold, 4, ("ema20", "ema50", "ema200", "adx"), reason, SLOW)
