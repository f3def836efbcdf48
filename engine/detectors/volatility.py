"""``volatility``: a squeeze that lets go, and the side on which it does.

Source: Bollinger bands inside Keltner channels (J. Carter, "Mastering the Trade", 2005: the TTM squeeze), 20 bars,
2 deviations, 1.5 ATR 20. Speaks for ten bars after a release, louder while the ATR still ranks low in its window.
A pattern. Warm after 22 bars.
"""

from collections.abc import Mapping

from engine.bars import Bars, FloatArray, Span
from engine.detectors.base import LOOK_BACK, Detector, Output, Shared
from engine.indicators import clip, ema_weight, move_atr, move_ema, side, since, wilder_weight
from engine.jit import kernel

BARS = 20
BAND, CHANNEL = 2.0, 1.5
LONG_SQUEEZE = 20.0  # bars of squeeze that make its release count in full
SHORTEST = 3.0  # bars; the bands touch too often to make a shorter one a squeeze
SPEAKS_FOR = 10.0
LONGEST = 60.0  # bars are counted no further, so that LOOK_BACK bars decide everything

EMA, RANGE, LENGTH, AGE, SIDE, RELEASED = 0, 1, 2, 3, 4, 5


@kernel
def fold(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
    """Score = side of the release x (0.5 + 0.5 length of the squeeze / 20); confidence = freshness x (1 - rank / 2)."""
    if span.origin + span.first == 0:
        state[AGE] = SPEAKS_FOR
    for row in range(span.first, bars.close.shape[0]):
        t = span.origin + row
        move_ema(bars.close[row], ema_weight(t, BARS), state[EMA])
        if row > 0:
            move_atr(bars, row, wilder_weight(t - 1, BARS), state[RANGE])
        if row >= since(span, LOOK_BACK):
            _squeeze(t > BARS, bars.close[row], shared.mean[row], shared.deviation[row], state)
        if row >= span.emit:
            _emit(row - span.emit, row, bars, shared, state, out)


@kernel
def _squeeze(warm, close, mean, deviation, state):
    """Take in one bar: is it squeezed, or does it release a squeeze?"""
    middle, width = state[EMA], state[RANGE]
    length, age, sides, released_length = state[LENGTH], state[AGE], state[SIDE], state[RELEASED]
    for lane in range(close.size):
        upper, lower = mean[lane] + BAND * deviation[lane], mean[lane] - BAND * deviation[lane]
        roof, floor = middle[lane] + CHANNEL * width[lane], middle[lane] - CHANNEL * width[lane]
        squeezed = warm and upper < roof and lower > floor
        released = not squeezed and length[lane] >= SHORTEST
        sides[lane] = side(close[lane] - mean[lane]) if released else sides[lane]
        released_length[lane] = length[lane] if released else released_length[lane]
        # A new squeeze, or a release on no side, ends what the last one said.
        age[lane] = SPEAKS_FOR if squeezed else (0.0 if released else age[lane] + 1.0)
        length[lane] = min(length[lane] + 1.0, LONGEST) if squeezed else 0.0


@kernel
def _emit(at, row, bars, shared, state, out):
    for lane in range(bars.close.shape[1]):
        freshness = clip(1.0 - state[AGE, lane] / SPEAKS_FOR, 0.0, 1.0)
        strength = 0.5 + 0.5 * min(state[RELEASED, lane] / LONG_SQUEEZE, 1.0)
        speaks = freshness > 0.0 and state[SIDE, lane] != 0.0
        out.score[at, lane] = state[SIDE, lane] * strength if speaks else 0.0
        out.confidence[at, lane] = freshness * (1.0 - 0.5 * shared.atr_rank[row, lane]) if speaks else 0.0
        if out.readings.shape[1] > 0:
            out.readings[0, at, lane] = state[LENGTH, lane]
            out.readings[1, at, lane] = state[AGE, lane]
            out.readings[2, at, lane] = state[RELEASED, lane]
            out.readings[3, at, lane] = state[SIDE, lane]
            out.readings[4, at, lane] = shared.atr_rank[row, lane]


def reason(r: Mapping[str, float]) -> str:
    rank = f"ATR above {100 * r['atr_rank']:.0f} % of its window"
    if r["length"] > 0:
        return f"squeeze since {r['length']:.0f} bars, not released (bands within {CHANNEL} ATR); {rank}"
    if r["age"] < SPEAKS_FOR and r["side"] != 0:
        way = "up" if r["side"] > 0 else "down"
        ago = f"{r['age']:.0f} bars ago (at most {SPEAKS_FOR:.0f})"
        return f"squeeze of {r['released']:.0f} bars released {way} {ago}; {rank}"
    return f"no squeeze of at least {SHORTEST:.0f} bars released in the last {SPEAKS_FOR:.0f} bars; {rank}"


DETECTOR = Detector("volatility", fold, 6, ("length", "age", "released", "side", "atr_rank"), reason, 22)
