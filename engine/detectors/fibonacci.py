"""``fibonacci``: has price come back to a retracement level of the last swing, and do older swings agree?

Sources: retracement 38.2, 50, 61.8 and 78.6 % and the confluence of several swings as in C. Boroden, "Fibonacci
Trading", 2008, and J. DiNapoli, "DiNapoli Levels", 1997. Speaks for the last confirmed leg while price is near one of
its levels. Continuous. Warm after 64 bars.
"""

from collections.abc import Mapping
from math import exp

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import clip
from engine.jit import formula, kernel
from engine.words import price

LEVELS = (0.382, 0.5, 0.618, 0.786)
TOLERANCE = 0.5  # of an ATR: half a usual bar, so one bar can test a level and hold it
OLDER = 6  # legs before the last one that may agree
ZONE = 3.0  # older legs with a level at the same price that make a full confluence zone
SHORT_LEG, FULL_LEG = 2.0, 6.0  # ATR: a leg no longer than two bars has no levels worth the name


@formula
def nearest_level(start, end, close):
    """Return the retracement level of the leg from ``start`` to ``end`` that is nearest to ``close``."""
    leg = end - start
    a, b, c, d = end - LEVELS[0] * leg, end - LEVELS[1] * leg, end - LEVELS[2] * leg, end - LEVELS[3] * leg
    shallow = a if abs(close - a) <= abs(close - b) else b
    deep = c if abs(close - c) <= abs(close - d) else d
    return shallow if abs(close - shallow) <= abs(close - deep) else deep


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = way of the leg x (0.5 + 0.5 older legs that agree / 3); confidence = nearness x length of the leg."""
    swings, lanes = shared.swings, bars.close.shape[1]
    agree = np.empty(lanes)
    for row in range(max(span.first, span.emit), bars.close.shape[0]):
        at = row - span.emit
        agree[:] = 0.0
        for k in range(1, OLDER + 1):
            for lane in range(lanes):
                close, reach = bars.close[row, lane], TOLERANCE * shared.atr[row, lane]
                level = nearest_level(swings.price[k + 1, at, lane], swings.price[k, at, lane], close)
                known = swings.known[at, lane] > k + 1
                agree[lane] += 1.0 if known and abs(close - level) < reach else 0.0
        for lane in range(lanes):
            unit, close = shared.atr[row, lane], bars.close[row, lane]
            start, end = swings.price[1, at, lane], swings.price[0, at, lane]
            level = nearest_level(start, end, close)
            near = clip(1.0 - abs(close - level) / (TOLERANCE * unit), 0.0, 1.0)
            clear = clip((abs(end - start) / unit - SHORT_LEG) / (FULL_LEG - SHORT_LEG), 0.0, 1.0)
            speaks = unit > EPSILON and swings.known[at, lane] > 1.0 and near * clear > 0.0
            strength = 0.5 + 0.5 * min(agree[lane] / ZONE, 1.0)
            out.score[at, lane] = swings.kind[at, lane] * strength if speaks else 0.0
            out.confidence[at, lane] = near * clear if speaks else 0.0
        if out.readings.shape[1] > 0:
            _read(swings, shared.atr[row], bars.close[row], agree, at, out.readings[:, at])


@kernel
def _read(swings, atr, close, agree, at, readings):
    for lane in range(agree.size):
        start, end = swings.price[1, at, lane], swings.price[0, at, lane]
        readings[0, lane], readings[1, lane] = start, end
        readings[2, lane], readings[3, lane] = nearest_level(start, end, close[lane]), close[lane]
        readings[4, lane], readings[5, lane], readings[6, lane] = agree[lane], atr[lane], swings.known[at, lane]


def reason(r: Mapping[str, float]) -> str:
    if r["count"] < 2:
        return f"silent: {r['count']:.0f} swings are confirmed of the 2 that make a leg to retrace"
    leg, size = r["end"] - r["start"], abs(r["end"] - r["start"]) / r["atr"]
    way = "up" if leg > 0 else "down"
    swing = f"the leg {way} from {price(exp(r['start']))} to {price(exp(r['end']))}"
    if size <= SHORT_LEG:
        return f"silent: {swing} is {size:.1f} ATR long, not over {SHORT_LEG:.0f}"
    back, share = (r["end"] - r["close"]) / leg, (r["end"] - r["level"]) / leg
    where = f"the {100 * share:.1f} % level at {price(exp(r['level']))}"
    away = abs(r["close"] - r["level"]) / r["atr"]
    if away >= TOLERANCE:
        stands = f"has retraced {100 * back:.0f} % of" if back >= 0 else f"stands {-100 * back:.0f} % beyond the end of"
        return (
            f"silent: price {price(exp(r['close']))} {stands} {swing} and is {away:.1f} ATR from {where}, "
            f"not within {TOLERANCE}"
        )
    return (
        f"price {price(exp(r['close']))} is {away:.1f} ATR (within {TOLERANCE}) from {where} of {swing}; "
        f"older legs with a level there: {r['agree']:.0f} of {ZONE:.0f} for a full zone"
    )


DETECTOR = Detector("fibonacci", fold, 0, ("start", "end", "level", "close", "agree", "atr", "count"), reason, 64)
