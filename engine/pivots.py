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

RIGHT = 5  # bars on either side
KEPT = 8  # newest swings that are kept: an impulse with its correction has eight legs less one

# Rows of the state
PRICE, AT, KIND, COUNT, HIGH, HIGH_AT, LOW, LOW_AT = 0, KEPT, 2 * KEPT, 17, 18, 19, 20, 21
SWINGS_STATE = 22


class Swings(NamedTuple):
    """What is known of swings at each bar.

    high, high_at, low, low_at (time, lane): ln price and window position of the newest confirmed swing high and low;
    position -1 before the first. On the emitted rows (row 0 is ``span.emit``): price, at (8, row, lane), newest first;
    kind (row, lane): 1 if the newest is a high, -1 a low, 0 none yet; known (row, lane): how many there are, up to 8.
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
    """Return the swings known at each row from ``span.first`` on. Needs 10 rows of look-back. state: 22 rows."""
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
    top, bottom = np.empty(lanes), np.empty(lanes)
    for row in range(span.first, rows):
        if span.origin + row >= 2 * RIGHT:
            _extremes(bars, row - RIGHT, top, bottom)
            for lane in range(lanes):
                if top[lane] != bottom[lane]:
                    kind = 1.0 if top[lane] > 0.0 else -1.0
                    price = bars.high[row - RIGHT, lane] if kind > 0.0 else bars.low[row - RIGHT, lane]
                    _take(state, lane, kind, price, float(span.origin + row - RIGHT))
        out.high[row], out.high_at[row] = state[HIGH], state[HIGH_AT]
        out.low[row], out.low_at[row] = state[LOW], state[LOW_AT]
        if row >= span.emit:
            out.price[:, row - span.emit] = state[PRICE:AT]
            out.at[:, row - span.emit] = state[AT:KIND]
            out.kind[row - span.emit] = state[KIND]
            out.known[row - span.emit] = state[COUNT]
    return out


@kernel
def _extremes(bars, row, top, bottom):
    """Set ``top`` to 1 where ``row`` is a pivot high, ``bottom`` where it is a pivot low."""
    top[:] = 1.0
    bottom[:] = 1.0
    for k in range(1, RIGHT + 1):
        for lane in range(top.size):
            high, low = bars.high[row, lane] - EPSILON, bars.low[row, lane] + EPSILON
            above = bars.high[row - k, lane] < high and bars.high[row + k, lane] < high
            below = bars.low[row - k, lane] > low and bars.low[row + k, lane] > low
            top[lane] = top[lane] if above else 0.0
            bottom[lane] = bottom[lane] if below else 0.0


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
