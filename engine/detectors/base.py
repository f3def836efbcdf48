"""What a detector is: one kernel that gives evidence for each bar, and one function that puts it into words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.bars import FloatArray
from engine.pivots import Swings

LOOK_BACK = 96  # bars: the longest memory of a detector that is not folded from the start of the window
BAND_BARS = 20


class Shared(NamedTuple):
    """Indicators that several detectors read, each (time, lane).

    atr: average true range over 14 in log units. adx: 0..100. atr_rank: share of the window's earlier ATR values
    below this one, 0..1, on the emitted rows only. mean, deviation: of the last 20 closes (Bollinger), on the emitted
    rows and the LOOK_BACK rows before them. swings: confirmed swing highs and lows.
    """

    atr: FloatArray
    adx: FloatArray
    atr_rank: FloatArray
    mean: FloatArray
    deviation: FloatArray
    swings: Swings


class Output(NamedTuple):
    """Where a detector writes, row 0 being ``span.emit``.

    score (row, lane): -1 bearish .. 1 bullish. confidence (row, lane): 0 (abstains) .. 1.
    readings (reading, row, lane): what the reason names; it has no rows where no reason is wanted.
    """

    score: FloatArray
    confidence: FloatArray
    readings: FloatArray


@dataclass(frozen=True)
class Detector:
    """A detector of the catalogue.

    fold(bars, shared, span, state, out): a kernel; computes rows ``span.first`` onwards, writes those from
    ``span.emit``. state (state_rows, lane) is its memory, zero before the first bar.
    reason(readings): a sentence for a trader that names the value and the level it was compared with.
    warm_up: bars before its value means anything; below 256, as no window is scored before that.
    """

    name: str
    fold: Callable[..., Any]
    state_rows: int
    readings: tuple[str, ...]
    reason: Callable[[Mapping[str, float]], str]
    warm_up: int
