"""The events of ``smc``: breaks and sweeps of swing levels, and retests of order blocks and fair value gaps.

Only the bullish events are written down. The bearish ones are those of the mirrored market, seen through a ``View``
in which highs and lows change places. Events are rare, so loops over all lanes only flag where there may be one, and
what follows looks at those lanes alone. The loops are formulas: inlined, they need not be handed a View's ten arrays
for every row, which would cost as much as the loop.
"""

from typing import NamedTuple

import numpy as np

from engine.bars import EPSILON, FloatArray
from engine.jit import formula, kernel

CLEAR = 0.5  # ATR beyond a swing level that make a close a break: less is noise around the level
DIP = 0.4  # ATR beyond a swing level that make a wick a sweep
GAP = 0.75  # ATR: smaller gaps open in every swing
LEG = 24  # bars before a break in which its order block may lie
ZONE_BARS = 60.0  # an older zone is forgotten; with SPEAKS_FOR well within LOOK_BACK
SPEAKS_FOR = 3.0  # bars; an event is news no longer

BREAK, SWEEP, BLOCK_HELD, GAP_HELD = 0, 1, 2, 3

# State rows of the structure
SIDE, BROKEN_HIGH, BROKEN_LOW, MEMORY = 0, 1, 2, 3
# and of what each direction remembers: positions and levels of the four events, the newest, turn, two zones
AT, LEVEL, NEWEST, TURN, BLOCK, GAP_ZONE, MEMORY_ROWS = 0, 4, 8, 9, 10, 14, 18
NEAR, FAR, BORN, WAKE = 0, 1, 2, 3  # a low under WAKE calls for a look: inf once touched, -inf without a zone


class View(NamedTuple):
    """The market from one side. ``sign`` is 1, or -1 for the mirror image, in which highs and lows change places."""

    sign: float
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    head: FloatArray
    head_at: FloatArray
    foot: FloatArray
    foot_at: FloatArray
    atr: FloatArray


@kernel
def forget(memory):
    """Begin one direction's memory."""
    memory[AT:LEVEL] = -SPEAKS_FOR
    memory[NEWEST] = -SPEAKS_FOR
    memory[BLOCK + WAKE] = -np.inf
    memory[GAP_ZONE + WAKE] = -np.inf


@formula
def flag_breaks(up, row, broken_high, broken_low, flags):
    """Flag 1 where this close is the first clearly above the swing high, 2 clearly below the low, 3 both."""
    for lane in range(flags.size):
        margin = max(CLEAR * up.atr[row, lane], EPSILON)
        above, below = up.close[row, lane] - up.head[row, lane], up.foot[row, lane] - up.close[row, lane]
        new_high, new_low = up.head_at[row, lane] != broken_high[lane], up.foot_at[row, lane] != broken_low[lane]
        flags[lane] = (1.0 if new_high and above > margin else 0.0) + (2.0 if new_low and below > margin else 0.0)


@formula
def take_breaks(up, row, flags, picked, count, state, broke):
    """Set ``broke`` to 1 or -1 where the structure goes on up or down, to 2 or -2 where it turns that way."""
    broke[:] = 0.0
    for i in range(count):
        lane = picked[i]
        if flags[lane] != 2.0:
            state[BROKEN_HIGH, lane] = up.head_at[row, lane]
        if flags[lane] != 1.0:
            state[BROKEN_LOW, lane] = up.foot_at[row, lane]
        if flags[lane] != 3.0:
            where = 1.0 if flags[lane] == 1.0 else -1.0
            broke[lane] = 2.0 * where if where * state[SIDE, lane] < 0.0 else where
            state[SIDE, lane] = where


@formula
def flag_news(view, row, broke, block_wake, gap_wake, flags):
    """Flag the lanes in which a break, a sweep, a gap or a zone may want a look."""
    for lane in range(flags.size):
        low, close = view.sign * view.low[row, lane], view.sign * view.close[row, lane]
        foot, ceiling = view.sign * view.foot[row, lane], view.sign * view.high[row - 2, lane]
        dips = foot - low > DIP * view.atr[row, lane] and close > foot
        opens = low - ceiling > GAP * view.atr[row, lane]
        returns = low < max(block_wake[lane], gap_wake[lane])
        flags[lane] = 1.0 if dips or opens or returns or view.sign * broke[lane] > 0.0 else 0.0


@kernel
def take_news(view, t, row, picked, count, broke, memory):
    """Take in one bar, at window position ``t``, of the flagged lanes from one side."""
    sign, block, gap = view.sign, memory[BLOCK:GAP_ZONE], memory[GAP_ZONE:]
    for i in range(count):
        lane = picked[i]
        high, low, close = sign * view.high[row, lane], sign * view.low[row, lane], sign * view.close[row, lane]
        foot, before = sign * view.foot[row, lane], sign * view.close[row - 1, lane]
        unit = view.atr[row, lane]
        dips = view.foot_at[row, lane] >= 0.0 and before - foot > EPSILON and foot - low > max(DIP * unit, EPSILON)
        if dips and close - foot > EPSILON and (close - low) - (high - close) > EPSILON:
            _note(memory, SWEEP, lane, t, foot)
        if low < block[WAKE, lane] and _holds(block, lane, t, close):
            _note(memory, BLOCK_HELD, lane, t, block[NEAR, lane])
        if low < gap[WAKE, lane] and _holds(gap, lane, t, close):
            _note(memory, GAP_HELD, lane, t, gap[NEAR, lane])
        ceiling = sign * view.high[row - 2, lane]
        if low - ceiling > max(GAP * unit, EPSILON):
            _open(gap, lane, t, low, ceiling)
        if sign * broke[lane] > 0.0:
            _note(memory, BREAK, lane, t, sign * view.head[row, lane])
            memory[TURN, lane] = 1.0 if abs(broke[lane]) > 1.0 else 0.0
            _find_block(view, t, row, lane, block)


@kernel
def _note(memory, event, lane, t, level):
    memory[AT + event, lane], memory[LEVEL + event, lane], memory[NEWEST, lane] = t, level, t


@kernel
def _open(zone, lane, t, near, far):
    zone[NEAR, lane], zone[FAR, lane], zone[BORN, lane] = near, far, t
    zone[WAKE, lane] = 0.5 * (near + far) - EPSILON


@kernel
def _holds(zone, lane, t, close):
    """Return whether price, having been back at the middle of the zone, closes out of it here. A zone holds once."""
    young = t - zone[BORN, lane] <= ZONE_BARS
    held = young and close - zone[NEAR, lane] > EPSILON
    lost = not young or zone[FAR, lane] - close > EPSILON
    zone[WAKE, lane] = -np.inf if held or lost else np.inf
    return held


@kernel
def _find_block(view, t, row, lane, zone):
    """Open the order block of the leg that broke the head: the last down candle at or before its lowest bar."""
    sign, lowest, found = view.sign, np.inf, 0
    for k in range(1, min(LEG, int(t - view.head_at[row, lane])) + 1):
        low = sign * view.low[row - k, lane]
        if lowest - low > EPSILON:
            lowest, found = low, 0
        if found == 0 and sign * (view.open[row - k, lane] - view.close[row - k, lane]) > EPSILON:
            found = k
    zone[WAKE, lane] = -np.inf
    if found > 0:
        _open(zone, lane, t, sign * view.high[row - found, lane], sign * view.low[row - found, lane])
