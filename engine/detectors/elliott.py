"""``elliott``: do the newest swings count as an impulse 0-1-2-3-4-5 or its correction A-B-C, and which wave is next?

Source: A. Frost and R. Prechter, "Elliott Wave Principle", 1978. Their rules decide (wave 2 never beyond wave 0, wave
3 never the shortest, wave 4 not into wave 1; wave 5 must pass wave 3, so truncated fifths are left out), their
guidelines for proportions grade. Speaks for ten bars after the last point of a count is confirmed. A pattern. Warm
after 100 bars.
"""

from collections.abc import Mapping
from math import exp

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.detectors.harmonic import SPEAKS_FOR, closeness, way_left
from engine.indicators import since
from engine.jit import formula, kernel
from engine.lanes import pick
from engine.pivots import KEPT, RIGHT
from engine.words import price

NONE, WAVE_5, CORRECTION, WAVE_C_OR_3, RESUMPTION = 0, 1, 2, 3, 4  # what is expected next
TARGET = 0.382  # of an impulse: the least a correction usually takes back
SHORTEST_LEG = 1.0  # ATR; smaller legs are noise
SLACK = 0.5  # how far outside its usual range a proportion still counts in part

# Rows of the state: position of the newest swing and the shortest leg when it was confirmed; position of the one that
# was counted last, what it lets expect, how usual its proportions are, and the usual end of the next wave
AT, SHORTEST, COUNTED_AT, NEXT, FIT, GOAL, STATE = 0, 1, 2, 3, 4, 5, 6


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = side of the next wave x (0.5 + 0.5 proportions); confidence = freshness x room left to its usual end."""
    swings, lanes = shared.swings, bars.close.shape[1]
    points, flags, picked = np.empty(KEPT), np.empty(lanes), np.empty(lanes, dtype=np.int64)
    for row in range(since(span, SPEAKS_FOR), bars.close.shape[0]):
        for lane in range(lanes):
            newest = max(swings.high_at[row, lane], swings.low_at[row, lane])
            shortest = SHORTEST_LEG * shared.atr[row, lane]
            state[SHORTEST, lane] = shortest if newest > state[AT, lane] else state[SHORTEST, lane]
            state[AT, lane] = max(newest, state[AT, lane])
        if row >= span.emit:
            for lane in range(lanes):
                flags[lane] = 1.0 if state[AT, lane] != state[COUNTED_AT, lane] else 0.0
            for i in range(pick(flags, picked)):
                _count(swings, row - span.emit, picked[i], points, state)
            _emit(row, bars, shared, span, flags, picked, state, out)


@kernel
def _count(swings, at, lane, points, state):
    """Read one lane's swings, upright: the next leg, away from the newest swing, goes up."""
    for k in range(KEPT):
        points[k] = -swings.kind[at, lane] * swings.price[k, at, lane]
    joined = swinging(points, swings.known[at, lane], state[SHORTEST, lane])
    state[NEXT, lane], state[FIT, lane], state[GOAL, lane] = read(points, joined)
    state[COUNTED_AT, lane] = state[AT, lane]


@kernel
def _emit(row, bars, shared, span, flags, picked, state, out):
    at, explain = row - span.emit, out.readings.shape[1] > 0
    confirmed = float(span.origin + row - RIGHT)
    atr, newest, expected = shared.atr[row], state[AT], state[NEXT]
    out.score[at] = 0.0
    out.confidence[at] = 0.0
    for lane in range(flags.size):
        counted = confirmed - newest[lane] < SPEAKS_FOR and expected[lane] != NONE and atr[lane] > EPSILON
        flags[lane] = 1.0 if counted else 0.0
    if explain:
        for lane in range(flags.size):
            out.readings[0, at, lane] = expected[lane] if flags[lane] > 0.0 else NONE
            out.readings[1, at, lane] = confirmed - newest[lane]
    for i in range(pick(flags, picked)):
        lane = picked[i]
        age, up, fit = int(confirmed - newest[lane]), -shared.swings.kind[at, lane], state[FIT, lane]
        end, goal = up * shared.swings.price[0, at, lane], state[GOAL, lane]
        room = way_left(bars.close, row, lane, age, up, end, goal)
        if room > 0.0:
            out.score[at, lane] = up * (0.5 + 0.5 * fit)
            out.confidence[at, lane] = room * (1.0 - age / SPEAKS_FOR)
        if explain:
            readings = out.readings[:, at, lane]
            readings[2], readings[3], readings[4], readings[5], readings[6] = up, fit, room, up * end, up * goal


@kernel
def swinging(points, known, shortest):
    """Return how many of the newest points are joined by legs longer than ``shortest``."""
    n = 1
    while n < known and (points[n] - points[n - 1]) * (1.0 if n % 2 == 1 else -1.0) > max(shortest, EPSILON):
        n += 1
    return n


@kernel
def read(points, known):
    """Return (what the newest ``known`` points let expect, proportions 0..1, usual end of the next wave).

    ``points``: newest first and upright, so that the next leg goes up. The counts exclude each other.
    """
    p = points
    if known >= 9 and impulse(p[8], p[7], p[6], p[5], p[4], p[3]) and corrected(p[8], p[3], p[2], p[1], p[0]):
        depth = closeness((p[3] - p[0]) / (p[3] - p[8]), 0.382, 0.618, SLACK)
        return RESUMPTION, 0.5 * proportions(p[8], p[7], p[6], p[5], p[4]) + 0.5 * depth, p[3]
    if known >= 8 and impulse(-p[7], -p[6], -p[5], -p[4], -p[3], -p[2]) and above(p[0], p[2]) and above(p[7], p[1]):
        depth = closeness((p[1] - p[0]) / (p[1] - p[2]), 0.5, 0.618, SLACK)
        fit = 0.5 * proportions(-p[7], -p[6], -p[5], -p[4], -p[3]) + 0.5 * depth
        return WAVE_C_OR_3, fit, p[0] + (p[1] - p[2])
    if known >= 6 and impulse(-p[5], -p[4], -p[3], -p[2], -p[1], -p[0]):
        return CORRECTION, proportions(-p[5], -p[4], -p[3], -p[2], -p[1]), p[0] + TARGET * (p[5] - p[0])
    # Here wave 3 must be longer than wave 1: then it is not the shortest, however long wave 5 becomes.
    if known >= 5 and begun(p[4], p[3], p[2], p[1], p[0]) and above(p[1] - p[2], p[3] - p[4]):
        return WAVE_5, proportions(p[4], p[3], p[2], p[1], p[0]), p[0] + (p[3] - p[4])
    return NONE, 0.0, 0.0


@formula
def above(a, b):
    return a - b > EPSILON


@formula
def begun(zero, one, two, three, four):
    """Tell whether rising waves 1 to 4 obey the rules: 2 not beyond 0, 3 beyond 1, 4 not into 1."""
    return above(two, zero) and above(three, one) and above(four, one)


@formula
def impulse(zero, one, two, three, four, five):
    """Tell whether five rising waves obey the rules: as ``begun``, 5 beyond 3, and 3 not the shortest."""
    not_shortest = above(three - two, min(one - zero, five - four))
    return begun(zero, one, two, three, four) and above(five, three) and not_shortest


@formula
def corrected(zero, five, a, b, c):
    """Tell whether A-B-C is a zigzag against a rising impulse: B below 5, C beyond A, and all of it above 0."""
    return above(five, b) and above(a, c) and above(c, zero)


@formula
def proportions(zero, one, two, three, four):
    """Return how usual waves 2, 3 and 4 are, 0..1: 50 to 62 % of 1, 1.6 to 2.6 times 1, 24 to 50 % of 3."""
    second = closeness((one - two) / (one - zero), 0.5, 0.618, SLACK)
    third = closeness((three - two) / (one - zero), 1.618, 2.618, SLACK)
    fourth = closeness((three - four) / (three - two), 0.236, 0.5, SLACK)
    return (second + third + fourth) / 3.0


COUNTED = {
    WAVE_5: "waves 1 to 4 of an impulse {way}, so wave 5 {way} is next",
    CORRECTION: "a complete impulse {back} (waves 1 to 5), so a correction {way} is next",
    WAVE_C_OR_3: "a complete impulse {back}, a first leg {way} and its pullback, so wave C or 3 {way} is next",
    RESUMPTION: "a complete impulse {way} and its correction A-B-C, so its resumption is next",
}


def reason(r: Mapping[str, float]) -> str:
    if r["next"] == NONE and r["age"] >= SPEAKS_FOR:
        return f"no swing was confirmed within {SPEAKS_FOR} bars, as long as a count speaks"
    if r["next"] == NONE:
        return f"the newest swings, of legs over {SHORTEST_LEG:.0f} ATR, obey the rules of no impulse or correction"
    way, back = ("up", "down") if r["side"] > 0 else ("down", "up")
    counted = COUNTED[int(r["next"])].format(way=way, back=back)
    end, goal = price(exp(r["end"])), price(exp(r["goal"]))
    if r["room"] <= 0:
        return f"{counted}; but a close lay beyond its last point {end} or reached the usual goal {goal}"
    return (
        f"{counted}: confirmed {r['age']:.0f} bars ago (at most {SPEAKS_FOR}), fails beyond {end}, usual goal {goal}; "
        f"proportions {100 * r['fit']:.0f} % of the usual"
    )


DETECTOR = Detector("elliott", fold, STATE, ("next", "age", "side", "fit", "room", "end", "goal"), reason, 100)
