"""``harmonic``: have the last five swings X A B C D the proportions of a Gartley, Bat, Butterfly or Crab?

Sources: H. M. Gartley, "Profits in the Stock Market", 1935; ratios as in S. Carney, "Harmonic Trading, Volume One",
2010, here of log legs. A pattern ends at D and expects the way from A to D to be partly undone. Speaks for ten bars
after D is confirmed. A pattern. Warm after 60 bars.
"""

from collections.abc import Mapping
from math import exp

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import clip
from engine.jit import formula, kernel
from engine.lanes import pick
from engine.pivots import RIGHT
from engine.words import price

NAMES = ("Gartley", "Bat", "Butterfly", "Crab")
# Per pattern: AB / XA, CD / BC and AD / XA, each from .. to. BC / AB has one range for all.
RATIOS = (
    (0.618, 0.618, 1.130, 1.618, 0.786, 0.786),
    (0.382, 0.500, 1.618, 2.618, 0.886, 0.886),
    (0.786, 0.786, 1.618, 2.240, 1.270, 1.270),
    (0.382, 0.618, 2.240, 3.618, 1.618, 1.618),
)
BC_FROM, BC_TO = 0.382, 0.886
TOLERANCE = 0.10  # of a ratio; swings are found on bars, and a wick moves an end by that much
SHORTEST_LEG = 1.0  # ATR; below it ratios are noise
TARGET = 0.618  # of AD: Carney's second target
SPEAKS_FOR = 10  # bars

# Rows of the state: position of the newest swing that was matched, and what it was found to be
AT, PATTERN, FIT, LEG, STATE = 0, 1, 2, 3, 4

READINGS = ("pattern", "side", "ab", "ad", "age", "fit", "room", "d", "goal")


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = side x (0.5 + 0.5 fit of the worst ratio); confidence = freshness x room left to the target."""
    swings, explain = shared.swings, out.readings.shape[1] > 0
    lanes = bars.close.shape[1]
    flags, picked = np.empty(lanes), np.empty(lanes, dtype=np.int64)
    for row in range(max(span.first, span.emit), bars.close.shape[0]):
        at = row - span.emit
        out.score[at] = 0.0
        out.confidence[at] = 0.0
        for lane in range(lanes):
            wanted = swings.at[0, at, lane] != state[AT, lane] or state[PATTERN, lane] > 0.0 or explain
            flags[lane] = 1.0 if wanted else 0.0
        for i in range(pick(flags, picked)):
            lane = picked[i]
            if swings.at[0, at, lane] != state[AT, lane]:
                _match_newest(swings, at, lane, state)
            if state[PATTERN, lane] > 0.0 or explain:
                _emit(bars, shared, span, row, lane, state, out)


@kernel
def _match_newest(swings, at, lane, state):
    """Keep of a lane's newest five swings the pattern, its fit and its shortest leg."""
    state[AT, lane], state[PATTERN, lane] = swings.at[0, at, lane], 0.0
    if swings.known[at, lane] >= 5.0:
        x, a, b, c, d = _corners(swings, at, lane)
        state[LEG, lane] = min(a - x, a - b, c - b, c - d)
        if state[LEG, lane] > EPSILON:
            state[PATTERN, lane], state[FIT, lane] = match(x, a, b, c, d)


@kernel
def _corners(swings, at, lane):
    """Return X A B C D, upright: D is a low."""
    up = -swings.kind[at, lane]
    return (
        up * swings.price[4, at, lane],
        up * swings.price[3, at, lane],
        up * swings.price[2, at, lane],
        up * swings.price[1, at, lane],
        up * swings.price[0, at, lane],
    )


@kernel
def _emit(bars, shared, span, row, lane, state, out):
    swings, at, unit = shared.swings, row - span.emit, shared.atr[row, lane]
    if not (swings.known[at, lane] >= 5.0 and unit > EPSILON):
        return
    age = span.origin + row - RIGHT - int(swings.at[0, at, lane])
    up = -swings.kind[at, lane]  # D is a low: the pattern is bullish
    x, a, b, _, d = _corners(swings, at, lane)
    pattern = state[PATTERN, lane] if state[LEG, lane] > SHORTEST_LEG * unit else 0.0
    fit = state[FIT, lane] if pattern > 0.0 else 0.0
    goal = d + TARGET * (a - d)
    room = way_left(bars.close, row, lane, age, up, d, goal) if pattern > 0.0 else 0.0
    if room > 0.0:
        out.score[at, lane] = up * (0.5 + 0.5 * fit)
        out.confidence[at, lane] = room * (1.0 - age / SPEAKS_FOR)
    if out.readings.shape[1] > 0:
        readings, xa = out.readings[:, at, lane], a - x
        readings[0], readings[1], readings[4], readings[5] = pattern, up, age, fit
        readings[2], readings[3] = ((a - b) / xa, (a - d) / xa) if xa > EPSILON else (0.0, 0.0)
        readings[6], readings[7], readings[8] = room, up * d, up * goal


@kernel
def match(x, a, b, c, d):
    """Return (1 + index of the pattern, fit 0..1 of its worst ratio) of a bullish X A B C D, or (0, 0)."""
    xa, ab, bc, cd = a - x, a - b, c - b, c - d
    at_b, at_c, at_d, projected = ab / xa, bc / ab, (a - d) / xa, cd / bc
    best, found = 0.0, 0
    for k in range(len(RATIOS)):
        b_from, b_to, cd_from, cd_to, d_from, d_to = RATIOS[k]
        if d_from * (1.0 - TOLERANCE) < at_d < d_to * (1.0 + TOLERANCE):  # most are told by D alone
            fit = min(closeness(at_b, b_from, b_to, TOLERANCE), closeness(at_c, BC_FROM, BC_TO, TOLERANCE))
            fit = min(fit, closeness(projected, cd_from, cd_to, TOLERANCE), closeness(at_d, d_from, d_to, TOLERANCE))
            best, found = (fit, k + 1) if fit > best else (best, found)
    return float(found), best


@formula
def closeness(ratio, least, most, tolerance):
    """Return 1 for a ratio within its range, falling to 0 where it misses the range by ``tolerance`` of its end."""
    return clip(1.0 - max(1.0 - ratio / least, ratio / most - 1.0, 0.0) / tolerance, 0.0, 1.0)


@kernel
def way_left(close, row, lane, age, up, end, goal):
    """Return the share of the way from a swing's end to a goal still ahead of the close, 0..1.

    0 too once SPEAKS_FOR bars have gone since the swing was confirmed, or one of the closes since it lay beyond the
    end (it was none) or the goal (it is done). ``end`` and ``goal`` are upwards: times ``up``.
    """
    if age >= SPEAKS_FOR:
        return 0.0
    for k in range(age + RIGHT + 1):
        past = up * close[row - k, lane]
        if past < end - EPSILON or past >= goal - EPSILON:
            return 0.0
    return clip((goal - up * close[row, lane]) / (goal - end), 0.0, 1.0)


def ideal(k: int) -> str:
    """Return where pattern ``k`` wants B and D, in percent of XA: "38-50 and 89"."""
    least, most, _, _, d, _ = (f"{100 * ratio:.0f}" for ratio in RATIOS[k])
    return f"{least} and {d}" if least == most else f"{least}-{most} and {d}"


WANTED = ", ".join(f"{name} {ideal(k)}" for k, name in enumerate(NAMES))


def reason(r: Mapping[str, float]) -> str:
    if r["side"] == 0:
        return "fewer than 5 confirmed swings yet"
    retraced = f"B took back {100 * r['ab']:.0f} % of XA, D {100 * r['ad']:.0f} %"
    if r["pattern"] == 0:
        return (
            f"no harmonic pattern of legs over {SHORTEST_LEG:.0f} ATR within {100 * TOLERANCE:.0f} % of its ratios: "
            f"{retraced} ({WANTED})"
        )
    k = int(r["pattern"]) - 1
    name = f"{'bullish' if r['side'] > 0 else 'bearish'} {NAMES[k]}"
    end, goal = price(exp(r["d"])), price(exp(r["goal"]))
    if r["age"] >= SPEAKS_FOR:
        return f"{name} at {end} was confirmed {r['age']:.0f} bars ago (speaks for {SPEAKS_FOR})"
    if r["room"] <= 0:
        return f"{name} is over: a close lay beyond D at {end} or reached the target {goal}"
    return (
        f"{name}: {retraced} (ideal {ideal(k)}), confirmed "
        f"{r['age']:.0f} bars ago (at most {SPEAKS_FOR}); fails beyond D at {end}, target {goal}"
    )


DETECTOR = Detector("harmonic", fold, STATE, READINGS, reason, 60)
