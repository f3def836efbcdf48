"""``price_action``: a candle pattern that closed off, or through, a swing level.

Sources: S. Nison, "Japanese Candlestick Charting Techniques", 1991 (engulfing, marubozu); M. Pring, "Pring on Price
Patterns", 2005 (pin bar, the "Pinocchio"; inside bar). Definitions are for markets that never close: an open is the
last close, so the gaps of the books are not asked for. A pattern counts only at the newest confirmed swing high or
low, speaks for three bars, and is void once a close passes its extreme. A pattern. Warm after 32 bars.
"""

from collections.abc import Mapping
from math import exp

import numpy as np

from engine.bars import EPSILON, Bars, FloatArray, Span
from engine.detectors.base import Detector, Output, Shared
from engine.indicators import clip, since
from engine.jit import formula, kernel
from engine.words import price

SPEAKS_FOR = 3  # bars: the test that follows a candle pattern comes at once or not at all
TOUCH = 0.5  # of an ATR: a level this far below the pattern's foot still counts as tested
GAP = 0.1  # of an ATR: an open this far above the last close is the spread, not a gap
REAL_BODY = 0.3  # of an ATR: a smaller body is a doji, which nothing engulfs
WICK = 2.0 / 3.0  # of a pin bar's range
FULL_BODY = 0.9  # of a marubozu's range: Nison allows small shadows
LARGE = 1.5  # ATR: the range of a marubozu; pin bars and breaks need one ATR
TALL = 4.0  # ATR: the height of the pattern that makes its score 1
ALONE, SECOND = 0.6, 0.2  # confidence of one pattern, and what each further one on the same bar adds

ENGULFING, PIN, BREAK, MARUBOZU = 1.0, 2.0, 4.0, 8.0
NAMES = {1: "engulfing", 2: "pin bar", 4: "inside-bar break", 8: "marubozu"}

# Rows of the state: the pattern that speaks
PATTERNS, SIDE, SIZE, NEAR, LEVEL, FOOT, AGE = 0, 1, 2, 3, 4, 5, 6


@formula
def rising(bar, last, mother, unit):
    """Return the sum of the patterns that ``bar`` completes upwards; those of the mirrored bars point down.

    bar and last: (open, high, low, close); mother: (high, low) of the bar before them; unit: ATR.
    Engulfing: a rising body over the last, falling one. Pin bar: a lower wick of two thirds of the range, below the
    last low. Inside-bar break: a close above the bar that held the last one. Marubozu: a large bar, nearly all body.
    """
    (open, high, low, close), (last_open, last_high, last_low, last_close) = bar, last
    mother_high, mother_low = mother
    body, length, wick, fell = close - open, high - low, min(open, close) - low, last_open - last_close
    inside = mother_high - last_high > EPSILON and last_low - mother_low > EPSILON
    engulfs = fell > REAL_BODY * unit and close - last_open > EPSILON and open - last_close < GAP * unit
    rejects = length > unit and wick > WICK * length and last_low - low > EPSILON
    breaks = length > unit and inside and close - mother_high > EPSILON
    runs = length > LARGE * unit and body > FULL_BODY * length
    reversal = (ENGULFING if engulfs else 0.0) + (PIN if rejects else 0.0)
    return reversal + (BREAK if breaks else 0.0) + (MARUBOZU if runs else 0.0)


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = side x (0.5 + 0.5 height / 4 ATR); confidence = freshness x nearness x (0.6 + 0.2 a further pattern)."""
    found = np.empty(bars.close.shape[1])
    for row in range(max(since(span, SPEAKS_FOR), 2), bars.close.shape[0]):
        _find(bars, shared.atr, row, found)
        for lane in range(found.size):
            if state[SIDE, lane] != 0.0:
                _age(state, lane, bars.close[row, lane])
            if found[lane] != 0.0:
                _take(bars, shared, row, lane, found[lane], state)
        if row >= span.emit:
            _emit(row - span.emit, row, shared, state, out)


@kernel
def _find(bars, atr, row, found):
    """Set ``found`` to the patterns each lane's bar completes: positive up, negative down, 0 for none or both."""
    o, h, l, c = bars.open[row], bars.high[row], bars.low[row], bars.close[row]  # noqa: E741
    o1, h1, l1, c1 = bars.open[row - 1], bars.high[row - 1], bars.low[row - 1], bars.close[row - 1]
    h2, l2, unit = bars.high[row - 2], bars.low[row - 2], atr[row]
    for i in range(found.size):
        up = rising((o[i], h[i], l[i], c[i]), (o1[i], h1[i], l1[i], c1[i]), (h2[i], l2[i]), unit[i])
        down = rising((-o[i], -l[i], -h[i], -c[i]), (-o1[i], -l1[i], -h1[i], -c1[i]), (-l2[i], -h2[i]), unit[i])
        one_sided = unit[i] > EPSILON and (up == 0.0 or down == 0.0)
        found[i] = up - down if one_sided else 0.0


@kernel
def _age(state, lane, close):
    """Make a lane's pattern one bar older; forget it when it is old or a close has passed its foot."""
    state[AGE, lane] += 1.0
    passed = state[SIDE, lane] * (close - state[FOOT, lane]) < -EPSILON
    if passed or state[AGE, lane] >= SPEAKS_FOR:
        state[:, lane] = 0.0


@formula
def nearness(level, foot, close, way, unit):
    """Return 1 for a level between the pattern's foot and its close, falling to 0 at TOUCH beyond the foot."""
    near = clip(1.0 - way * (foot - level) / (TOUCH * unit), 0.0, 1.0)
    return near if way * (close - level) > EPSILON else 0.0


@kernel
def _take(bars, shared, row, lane, found, state):
    """Let a lane's pattern speak if it stands at a swing level."""
    way, unit, close = (1.0 if found > 0.0 else -1.0), shared.atr[row, lane], bars.close[row, lane]
    top = max(bars.high[row, lane], bars.high[row - 1, lane])
    bottom = min(bars.low[row, lane], bars.low[row - 1, lane])
    foot = bottom if way > 0.0 else top
    high, low = shared.swings.high[row, lane], shared.swings.low[row, lane]
    near_high = nearness(high, foot, close, way, unit) if shared.swings.high_at[row, lane] >= 0.0 else 0.0
    near_low = nearness(low, foot, close, way, unit) if shared.swings.low_at[row, lane] >= 0.0 else 0.0
    near = max(near_high, near_low)
    if near > 0.0:
        behind_first = near_low >= near_high if way > 0.0 else near_low > near_high  # a tie is the level behind
        state[PATTERNS, lane], state[SIDE, lane], state[AGE, lane] = abs(found), way, 0.0
        state[SIZE, lane] = min((top - bottom) / (TALL * unit), 1.0)
        state[NEAR, lane], state[LEVEL, lane], state[FOOT, lane] = near, (low if behind_first else high), foot


@kernel
def _emit(at, row, shared, state, out):
    for lane in range(state.shape[1]):
        speaks = state[SIDE, lane] != 0.0
        patterns = int(state[PATTERNS, lane])
        further = (patterns & 1) + (patterns >> 1 & 1) + (patterns >> 2 & 1) + (patterns >> 3) - 1
        freshness = 1.0 - state[AGE, lane] / SPEAKS_FOR
        sure = state[NEAR, lane] * (ALONE + SECOND * further)
        out.score[at, lane] = state[SIDE, lane] * (0.5 + 0.5 * state[SIZE, lane]) if speaks else 0.0
        out.confidence[at, lane] = freshness * sure if speaks else 0.0
    if out.readings.shape[1] > 0:
        readings = out.readings[:, at]
        readings[0], readings[1], readings[2] = state[PATTERNS], state[SIDE], state[AGE]
        readings[3], readings[4] = state[LEVEL], state[FOOT]
        readings[5], readings[6] = shared.swings.high[row], shared.swings.low[row]
        for lane in range(state.shape[1]):
            readings[7, lane] = min(shared.swings.high_at[row, lane], shared.swings.low_at[row, lane])


def reason(r: Mapping[str, float]) -> str:
    if r["side"] != 0:
        names = " and ".join(name for bit, name in NAMES.items() if int(r["patterns"]) & bit)
        way, beyond, under = ("bullish", "above", "below") if r["side"] > 0 else ("bearish", "below", "above")
        when = ("now", "1 bar ago", "2 bars ago")[int(r["age"])]
        return (
            f"{way} {names} {when} (counts for {SPEAKS_FOR} bars), closed {beyond} the swing level "
            f"{price(exp(r['level']))}; void on a close {under} {price(exp(r['foot']))}"
        )
    if r["known"] < 0:
        return "silent: not 1 swing high and 1 swing low confirmed yet, and no candle pattern stands at one"
    high, low = price(exp(r["high"])), price(exp(r["low"]))
    return f"silent: no candle pattern at swing low {low} or swing high {high} that still counts ({SPEAKS_FOR} bars)"


DETECTOR = Detector(
    "price_action", fold, 7, ("patterns", "side", "age", "level", "foot", "high", "low", "known"), reason, 32
)
