"""``smc``: smart-money structure: which swing level broke or was swept, which zone held when price came back?

Five events speak, each for three bars; here the bullish ones. Break of structure: the first close clearly above the
newest swing high while the structure is up, or has no side yet. Change of character: the same while it is down.
Liquidity sweep: a bar from above dips clearly under the newest swing low and closes back over it, in its own upper
half. Order block: the last down candle at or before the lowest bar of the leg that broke the swing high. Fair value
gap: the space between the high of one bar and the low of the next but one. A block or gap speaks when its retest
holds: price comes back to the middle of the zone and closes out of it again, with no close beyond its far edge.

Sources: M. Huddleston, "Inner Circle Trader" lectures, 2016; mechanical as in LuxAlgo, "Smart Money Concepts", 2022,
and J. Attridge, ``smart-money-concepts``, 2023. A pattern. Warm after 107 bars.
"""

from collections.abc import Mapping
from math import exp

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import LOOK_BACK, Detector, Output, Shared
from engine.detectors.smc_structure import (
    AT,
    BLOCK,
    BLOCK_HELD,
    BREAK,
    BROKEN_HIGH,
    BROKEN_LOW,
    GAP_HELD,
    GAP_ZONE,
    LEVEL,
    MEMORY,
    MEMORY_ROWS,
    NEWEST,
    SIDE,
    SPEAKS_FOR,
    SWEEP,
    TURN,
    WAKE,
    View,
    flag_breaks,
    flag_news,
    forget,
    take_breaks,
    take_news,
)
from engine.indicators import clip, since
from engine.jit import kernel
from engine.lanes import pick
from engine.words import price

# A turn and a held block are what the method trades; a break that goes on comes late, a gap is the weaker zone.
CONTINUES, TURNS, SWEPT, BLOCK_HOLDS, GAP_HOLDS = 0.4, 0.6, 0.5, 0.6, 0.4

EVENTS = ("break", "sweep", "block", "gap")
PER_SIDE = 2 * len(EVENTS) + 1
READINGS = (
    "side",
    "high",
    "low",
    "known",
    *(
        f"{way}_{what}"
        for way in ("up", "down")
        for what in (*(f"{event}_age" for event in EVENTS), *(f"{event}_level" for event in EVENTS), "turn")
    ),
)


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = weights of the fresh bullish events less the bearish ones; confidence = agreement x freshness."""
    swings, atr = shared.swings, shared.atr
    high, low, close = bars.high, bars.low, bars.close
    up = View(1.0, bars.open, high, low, close, swings.high, swings.high_at, swings.low, swings.low_at, atr)
    down = View(-1.0, bars.open, low, high, close, swings.low, swings.low_at, swings.high, swings.high_at, atr)
    rising, falling = state[MEMORY : MEMORY + MEMORY_ROWS], state[MEMORY + MEMORY_ROWS :]
    listen = since(span, LOOK_BACK)
    begins = span.origin + span.first == 0
    if begins:
        state[BROKEN_HIGH] = -1.0
        state[BROKEN_LOW] = -1.0
    if begins or listen > span.first:
        forget(rising)
        forget(falling)
    lanes = close.shape[1]
    flags, picked, broke = np.empty(lanes), np.empty(lanes, dtype=np.int64), np.empty(lanes)
    for row in range(span.first, close.shape[0]):
        t = float(span.origin + row)
        flag_breaks(up, row, state[BROKEN_HIGH], state[BROKEN_LOW], flags)
        take_breaks(up, row, flags, picked, pick(flags, picked), state, broke)
        if row >= max(listen, 2):
            flag_news(up, row, broke, rising[BLOCK + WAKE], rising[GAP_ZONE + WAKE], flags)
            take_news(up, t, row, picked, pick(flags, picked), broke, rising)
            flag_news(down, row, broke, falling[BLOCK + WAKE], falling[GAP_ZONE + WAKE], flags)
            take_news(down, t, row, picked, pick(flags, picked), broke, falling)
        if row >= span.emit:
            _flag_fresh(t, rising[NEWEST], falling[NEWEST], flags)
            _emit(atr, t, row, row - span.emit, picked, pick(flags, picked), rising, falling, out)
            if out.readings.shape[1] > 0:
                _read(up, t, row, state, rising, falling, out.readings[:, row - span.emit])


@kernel
def _flag_fresh(t, rising, falling, flags):
    for lane in range(flags.size):
        flags[lane] = 1.0 if t - max(rising[lane], falling[lane]) < SPEAKS_FOR else 0.0


@kernel
def _emit(atr, t, row, at, picked, count, rising, falling, out):
    out.score[at] = 0.0
    out.confidence[at] = 0.0
    for i in range(count):
        lane = picked[i]
        bulls, bears = _weight(rising, lane, t), _weight(falling, lane, t)
        lead = bulls - bears
        if abs(lead) > EPSILON and atr[row, lane] > EPSILON:
            freshness = 1.0 - (t - max(rising[NEWEST, lane], falling[NEWEST, lane])) / SPEAKS_FOR
            out.score[at, lane] = clip(lead, -1.0, 1.0)
            out.confidence[at, lane] = freshness * abs(lead) / (bulls + bears)


@kernel
def _weight(memory, lane, t):
    """Return the weights of one direction's fresh events, added up."""
    total = 0.0
    if t - memory[AT + BREAK, lane] < SPEAKS_FOR:
        total += TURNS if memory[TURN, lane] > 0.0 else CONTINUES
    if t - memory[AT + SWEEP, lane] < SPEAKS_FOR:
        total += SWEPT
    if t - memory[AT + BLOCK_HELD, lane] < SPEAKS_FOR:
        total += BLOCK_HOLDS
    if t - memory[AT + GAP_HELD, lane] < SPEAKS_FOR:
        total += GAP_HOLDS
    return total


@kernel
def _read(up, t, row, state, rising, falling, readings):
    readings[0], readings[1], readings[2] = state[SIDE], up.head[row], up.foot[row]
    for lane in range(up.atr.shape[1]):
        readings[3, lane] = 1.0 if min(up.head_at[row, lane], up.foot_at[row, lane]) >= 0.0 else 0.0
    _read_side(1.0, t, rising, readings[4 : 4 + PER_SIDE])
    _read_side(-1.0, t, falling, readings[4 + PER_SIDE :])


@kernel
def _read_side(sign, t, memory, readings):
    for lane in range(memory.shape[1]):
        for event in range(4):
            age = t - memory[AT + event, lane]
            readings[event, lane] = min(age, SPEAKS_FOR)
            readings[4 + event, lane] = sign * memory[LEVEL + event, lane] if age < SPEAKS_FOR else 0.0
        readings[8, lane] = memory[TURN, lane] if readings[BREAK, lane] < SPEAKS_FOR else 0.0


def reason(r: Mapping[str, float]) -> str:
    rising, falling = _events(r, "up"), _events(r, "down")
    if rising and falling:
        return f"bullish: {'; '.join(rising)}. Bearish: {'; '.join(falling)}"
    if rising or falling:
        return "; ".join(rising or falling)
    side = {1.0: "up", -1.0: "down", 0.0: "without a side yet"}[r["side"]]
    levels = f"; swing low {price(exp(r['low']))}, swing high {price(exp(r['high']))}" if r["known"] > 0 else ""
    return f"no break, sweep or retest in the last {SPEAKS_FOR:.0f} bars; structure {side}{levels}"


def _events(r: Mapping[str, float], way: str) -> list[str]:
    """Return the fresh events of one direction in words."""
    ahead, behind = ("high", "low") if way == "up" else ("low", "high")
    kind = "change of character" if r[f"{way}_turn"] > 0 else "break of structure"
    sentences = {
        "break": f"broke the swing {ahead} of {{}} ({kind}){{}}",
        "sweep": f"swept the swing {behind} of {{}} and closed back inside{{}}",
        "block": "retest of the order block at {} holds{}",
        "gap": "retest of the fair value gap at {} holds{}",
    }
    return [
        sentence.format(price(exp(r[f"{way}_{event}_level"])), _ago(r[f"{way}_{event}_age"]))
        for event, sentence in sentences.items()
        if r[f"{way}_{event}_age"] < SPEAKS_FOR
    ]


def _ago(bars: float) -> str:
    return f" {bars:.0f} bar{'' if bars == 1 else 's'} ago" if bars > 0 else ""


DETECTOR = Detector("smc", fold, MEMORY + 2 * MEMORY_ROWS, READINGS, reason, 107)
