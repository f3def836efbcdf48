"""``sar``: on which side of price is the parabolic stop, how far away, and for how long?

Source: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978: stop and reverse, acceleration 0.02 per new
extreme up to 0.2. Continuous; loudest just after a reversal. Folded from the window's start. Warm after 150 bars:
stops begun 100 bars apart were one after 21 bars in half and after 145 in all of 650 windows of 5m candles.
"""

from collections.abc import Mapping
from math import exp

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import side, squash
from engine.jit import kernel
from engine.words import price

STEP, FASTEST = 0.02, 0.2
FAR = 3.0  # ATR: where Wilder's volatility system keeps its stop; this far is half-way up the scale
HALF_AGE = 11.0  # bars: the median run on the 5m and 1h candles of 2024; one this old counts half

# Rows of the state. All but SIDE, FACTOR and AGE are kept times SIDE: then a short is a long upside down.
SIDE, STOP, NEXT, EXTREME, FACTOR, AGE = 0, 1, 2, 3, 4, 5
SAR_STATE = 6


@kernel
def advance(bars: Bars, row: int, state: FloatArray) -> None:
    """Move the stop of every lane to the bar at ``row``; the bar before it is read too. state: 6 rows.

    SIDE: 1 long (stop below price), -1 short, 0 as long as no pair of bars has moved one way. STOP: of this bar.
    NEXT: of the next. EXTREME: best price of the run. FACTOR: acceleration. AGE: bars since the reversal.
    """
    sides, stops, nexts = state[SIDE], state[STOP], state[NEXT]
    extremes, factors, ages = state[EXTREME], state[FACTOR], state[AGE]
    for lane in range(bars.close.shape[1]):
        high, low = bars.high[row, lane], bars.low[row, lane]
        high_before, low_before = bars.high[row - 1, lane], bars.low[row - 1, lane]
        was, stop, extreme, factor, age = sides[lane], nexts[lane], extremes[lane], factors[lane], ages[lane]

        starts = was == 0.0
        up, down = high - high_before, low_before - low
        first = side(up - down) if max(up, down) > EPSILON else 0.0
        way = first if starts else was
        stop = min(way * high_before, way * low_before) if starts else stop
        extreme = max(way * high, way * low) if starts else extreme
        factor = STEP if starts else factor

        reverses = min(way * high, way * low) - stop <= EPSILON  # a touch is enough
        way = -way if reverses else way
        near, lead = min(way * high, way * low), max(way * high, way * low)
        near_before = min(way * high_before, way * low_before)
        wall = near if starts else min(near, near_before)  # the stop stays outside the last two bars
        extreme = -extreme if reverses else extreme
        stop = min(extreme, wall) if reverses else stop
        further = lead - extreme > EPSILON
        factor = min(factor + STEP, FASTEST) if further else factor
        factor = STEP if reverses else factor
        extreme = lead if reverses or further else extreme

        sides[lane] = way
        stops[lane] = stop
        nexts[lane] = min(stop + factor * (extreme - stop), wall)
        extremes[lane] = extreme
        factors[lane] = factor
        ages[lane] = 0.0 if reverses or starts else age + 1.0


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = squashed distance of close from the stop in 3 ATR; confidence = 11 / (11 + age of the run in bars)."""
    for row in range(span.first, bars.close.shape[0]):
        if span.origin + row > 0:
            advance(bars, row, state)
        if row >= span.emit:
            _emit(row - span.emit, row, bars, shared, state, out)


@kernel
def _emit(at: int, row: int, bars: Bars, shared: Shared, state: FloatArray, out: Output) -> None:
    for lane in range(bars.close.shape[1]):
        unit = shared.atr[row, lane]
        stop = state[SIDE, lane] * state[STOP, lane]
        distance = bars.close[row, lane] - stop
        speaks = unit > EPSILON and state[SIDE, lane] * distance > EPSILON
        out.score[at, lane] = squash(distance / (FAR * unit)) if speaks else 0.0
        out.confidence[at, lane] = HALF_AGE / (HALF_AGE + state[AGE, lane]) if speaks else 0.0
        if out.readings.shape[1] > 0:
            out.readings[0, at, lane] = bars.close[row, lane]
            out.readings[1, at, lane] = stop
            out.readings[2, at, lane] = distance / unit if speaks else 0.0
            out.readings[3, at, lane] = state[AGE, lane]


def reason(r: Mapping[str, float]) -> str:
    if r["distance"] == 0:
        return f"stays silent: price {price(exp(r['close']))} has not left its stop, or has not moved at all"
    where = "above" if r["distance"] > 0 else "below"
    return (
        f"price {price(exp(r['close']))} is {where} the parabolic stop at {price(exp(r['stop']))}, "
        f"{abs(r['distance']):.1f} ATR away ({FAR:.0f} is far); the stop changed sides {r['age']:.0f} bars ago "
        f"(half as telling after {HALF_AGE:.0f})"
    )


DETECTOR = Detector("sar", fold, SAR_STATE, ("close", "stop", "distance", "age"), reason, 150)
