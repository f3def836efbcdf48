"""Swing highs and lows, found once for all detectors that read structure.

A bar is a pivot high when its high is above those of the 5 bars on either side; it is known 5 bars later and not
before. Consecutive pivots of one kind make one swing, the more extreme; so swings alternate. A bar that is pivot high
and pivot low at once is neither, and a tie is nobody's: the mirror of a market has the mirrored swings.
Source: B. Williams, "Trading Chaos", 1995 (fractals), with 5 instead of 2 bars, and the zigzag of alternate extremes.
"""

from typing import NamedTuple

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.jit import kernel
from engine.lanes import copy_row

RIGHT = 5  # bars on either side
KEPT = 9  # newest swings that are kept: the ends of an impulse and of its correction

# Rows of the state
PRICE, AT, KIND = 0, KEPT, 2 * KEPT
COUNT, HIGH, HIGH_AT, LOW, LOW_AT = KIND + 1, KIND + 2, KIND + 3, KIND + 4, KIND + 5
SWINGS_STATE = KIND + 6


class Swings(NamedTuple):
    """What is known of swings at each bar.

    high, high_at, low, low_at (time, lane): ln price and window position of the newest confirmed swing high and low;
    position -1 before the first. On the emitted rows (row 0 is ``span.emit``): price, at (9, row, lane), newest first;
    kind (row, lane): 1 if the newest is a high, -1 a low, 0 none yet; known (row, lane): how many there are, up to 9.
    """

    high: FloatArray
    high_at: FloatArray
    low: FloatArray
    low_at: FloatArray
    price: FloatArray
    at: FloatArray
    kind: FloatArray
    known: FloatArray


@kernel
def find_swings(bars: Bars, span: Span, state: FloatArray) -> Swings:
    """Return the swings known at each row from ``span.first`` on. Needs 10 rows of look-back. state: 24 rows."""
    rows, lanes = bars.close.shape
    emitted = rows - span.emit
    out = Swings(
        np.empty((rows, lanes)),
        np.empty((rows, lanes)),
        np.empty((rows, lanes)),
        np.empty((rows, lanes)),
        np.empty((KEPT, emitted, lanes)),
        np.empty((KEPT, emitted, lanes)),
        np.empty((emitted, lanes)),
        np.empty((emitted, lanes)),
    )
    if span.origin + span.first == 0:
        state[HIGH_AT] = -1.0
        state[LOW_AT] = -1.0
    kind = np.empty(lanes)
    for row in range(span.first, rows):
        if span.origin + row >= 2 * RIGHT:
            _extremes(bars, row - RIGHT, kind)
            for lane in range(lanes):
                if kind[lane] != 0.0:
                    price = bars.high[row - RIGHT, lane] if kind[lane] > 0.0 else bars.low[row - RIGHT, lane]
                    _take(state, lane, kind[lane], price, float(span.origin + row - RIGHT))
        copy_row(state[HIGH], out.high[row])
        copy_row(state[HIGH_AT], out.high_at[row])
        copy_row(state[LOW], out.low[row])
        copy_row(state[LOW_AT], out.low_at[row])
        if row >= span.emit:
            for k in range(KEPT):
                copy_row(state[PRICE + k], out.price[k, row - span.emit])
                copy_row(state[AT + k], out.at[k, row - span.emit])
            copy_row(state[KIND], out.kind[row - span.emit])
            copy_row(state[COUNT], out.known[row - span.emit])
    return out


@kernel
def _extremes(bars, row, kind):
    """Set ``kind`` to 1 where ``row`` is a pivot high, to -1 where it is a pivot low, else to 0."""
    for lane in range(kind.size):
        highest, lowest = bars.high[row - 1, lane], bars.low[row - 1, lane]
        for k in range(1, RIGHT + 1):  # a constant: unrolled, so that the lanes run in SIMD
            highest = max(highest, bars.high[row - k, lane], bars.high[row + k, lane])
            lowest = min(lowest, bars.low[row - k, lane], bars.low[row + k, lane])
        top = 1.0 if highest < bars.high[row, lane] - EPSILON else 0.0
        bottom = 1.0 if lowest > bars.low[row, lane] + EPSILON else 0.0
        kind[lane] = top - bottom


@kernel
def _take(state, lane, kind, price, at):
    """Add a pivot to one lane's swings, or let it replace a less extreme one of its kind."""
    same = state[KIND, lane] == kind
    if same and (price - state[PRICE, lane]) * kind <= 0.0:
        return
    if not same:
        for k in range(KEPT - 1, 0, -1):
            state[PRICE + k, lane] = state[PRICE + k - 1, lane]
            state[AT + k, lane] = state[AT + k - 1, lane]
        state[COUNT, lane] = min(state[COUNT, lane] + 1.0, float(KEPT))
    state[PRICE, lane], state[AT, lane], state[KIND, lane] = price, at, kind
    if kind > 0.0:
        state[HIGH, lane], state[HIGH_AT, lane] = price, at
    else:
        state[LOW, lane], state[LOW_AT, lane] = price, at
