"""Evidence of every detector from bars: for the last bar of many windows, for new bars, for a whole history.

All three are ``fold``: it walks a tile of bars (time, lane) from a state. A scan puts many series side by side as
lanes; a history puts the blocks of one series side by side, each behind its own warm-up bars. A lane's numbers do
not depend on its neighbours, so the three give the same bits.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import Bars, FloatArray, Span, natural_log
from engine.detectors import REGISTRY
from engine.detectors.base import BAND_BARS, LOOK_BACK, Detector, Output, Shared
from engine.indicators import ADX_STATE, adx, atr, bollinger, rank_in_window
from engine.pivots import SWINGS_STATE, find_swings
from engine.timeframes import BLOCK_BARS, MIN_BARS, WARM_UP_BARS, WINDOW_BARS
from engine.window import Window

LANES = 64  # lanes of a tile: wide enough that every loop runs in SIMD, small enough for the second-level cache
SHARED_STATE = 1 + ADX_STATE + WINDOW_BARS + 1
ATR_BARS = 14

State = Mapping[str, FloatArray]


class Evidence(NamedTuple):
    """What the detectors say, each array (detector, row, lane) in the order of the registry; rows are bars.

    score -1..1, confidence 0..1, atr (row, lane) in log units, atr_rank (row, lane) 0..1,
    readings: for each detector an array (reading, row, lane), without rows unless asked for.
    """

    score: FloatArray
    confidence: FloatArray
    atr: FloatArray
    atr_rank: FloatArray
    readings: tuple[FloatArray, ...]


def fresh_state(lanes: int, detectors: Mapping[str, Detector] = REGISTRY) -> State:
    """Return the state before the first bar of a window."""
    own = {"shared": SHARED_STATE, "swings": SWINGS_STATE}
    rows = {name: detector.state_rows for name, detector in detectors.items()}
    return {name: np.zeros((count, lanes)) for name, count in {**own, **rows}.items()}


def fold(
    bars: Bars, span: Span, state: State, explain: bool = False, detectors: Mapping[str, Detector] = REGISTRY
) -> Evidence:
    """Fold rows ``span.first`` onwards of a tile into ``state``; return the evidence of rows ``span.emit`` onwards."""
    rows, lanes = bars.close.shape
    emitted = rows - span.emit
    memory = state["shared"]
    ranges = atr(bars, ATR_BARS, span, memory[:1])
    direction = adx(bars, ATR_BARS, span, memory[1 : 1 + ADX_STATE])
    rank = rank_in_window(ranges, ATR_BARS, span, memory[1 + ADX_STATE :])
    mean, deviation = bollinger(bars.close, BAND_BARS, max(span.first, span.emit - LOOK_BACK))
    swings = find_swings(bars, span, state["swings"])
    shared = Shared(ranges, direction, rank, mean, deviation, swings)
    score = np.zeros((len(detectors), emitted, lanes))
    confidence = np.zeros((len(detectors), emitted, lanes))
    readings = []
    for i, (name, detector) in enumerate(detectors.items()):
        values = np.zeros((len(detector.readings), emitted if explain else 0, lanes))
        detector.fold(bars, shared, span, state[name], Output(score[i], confidence[i], values))
        readings.append(values)
    return Evidence(score, confidence, ranges[span.emit :], rank[span.emit :], tuple(readings))


def _tile(columns: Sequence[FloatArray]) -> Bars:
    """Lay logs (6, n) of several series side by side; a shorter one is filled up with its last bar, unread."""
    rows = max(column.shape[1] for column in columns)
    tile = np.empty((6, rows, len(columns)))
    for lane, column in enumerate(columns):
        n = column.shape[1]
        tile[:, :n, lane] = column
        tile[:, n:, lane] = column[:, -1:]
    return Bars(*tile)


def to_logs(values: FloatArray) -> FloatArray:
    """Return (6, n) values with their four prices as natural logs."""
    return np.concatenate([natural_log(np.ascontiguousarray(values[:4])), values[4:]])


def scan(windows: Sequence[Window], explain: bool = False) -> list[Evidence]:
    """Return the evidence of the last bar of each window (row and lane axes of length 1), in the order given."""
    logs = [to_logs(window.values) for window in windows]
    # Equal lengths side by side: then one row of each tile is wanted.
    order = sorted(range(len(logs)), key=lambda i: logs[i].shape[1])
    results: dict[int, Evidence] = {}
    for at in range(0, len(order), LANES):
        members = order[at : at + LANES]
        lengths = [logs[i].shape[1] for i in members]
        span = Span(0, 0, min(lengths) - 1)
        evidence = fold(_tile([logs[i] for i in members]), span, fresh_state(len(members)), explain)
        for lane, (i, n) in enumerate(zip(members, lengths, strict=True)):
            results[i] = _pick(evidence, n - 1 - span.emit, lane)
    return [results[i] for i in range(len(logs))]


def _pick(evidence: Evidence, row: int, lane: int) -> Evidence:
    rows, lanes = slice(row, row + 1), slice(lane, lane + 1)
    return Evidence(
        evidence.score[:, rows, lanes],
        evidence.confidence[:, rows, lanes],
        evidence.atr[rows, lanes],
        evidence.atr_rank[rows, lanes],
        tuple(values[:, rows, lanes] for values in evidence.readings),
    )


def history(window: Window, interval_ms: int) -> tuple[npt.NDArray[np.int64], Evidence]:
    """Return evidence for every bar of a series that a live scan could have scored, with the scan's own bits.

    ``window`` holds the whole series from its first bar on. Returns the indices (n,) of the scored bars and their
    evidence with one lane. Each block of K bars is folded once behind its W warm-up bars. A hole's effect on
    whether a bar may be scored is the caller's to apply.
    """
    if not len(window.open_times):
        return np.array([], dtype=np.int64), _nothing()
    close_times = window.open_times + interval_ms
    logs = to_logs(window.values)
    block = close_times // (BLOCK_BARS * interval_ms)
    firsts = np.flatnonzero(np.diff(block, prepend=block[0] - 1))
    ends = np.append(firsts[1:], len(block))
    starts = np.searchsorted(window.open_times, block[firsts] * (BLOCK_BARS * interval_ms) - WARM_UP_BARS * interval_ms)
    indices: list[npt.NDArray[np.int64]] = []
    parts: list[Evidence] = []
    for at in range(0, len(firsts), LANES):
        chunk = slice(at, at + LANES)
        tile = _tile([logs[:, s:e] for s, e in zip(starts[chunk], ends[chunk], strict=True)])
        emit = max(int((firsts[chunk] - starts[chunk]).min()), MIN_BARS - 1)
        evidence = fold(tile, Span(0, 0, min(emit, tile.close.shape[0])), fresh_state(tile.close.shape[1]))
        for lane, (s, f, e) in enumerate(zip(starts[chunk], firsts[chunk], ends[chunk], strict=True)):
            scored = np.arange(max(f, s + MIN_BARS - 1), e)
            if len(scored):
                indices.append(scored)
                parts.append(_rows(evidence, scored - s - emit, lane))
    if not parts:
        return np.array([], dtype=np.int64), _nothing()
    return np.concatenate(indices), _join(parts)


def _nothing() -> Evidence:
    """Return evidence of no bar."""
    by_detector = np.empty((len(REGISTRY), 0, 1))
    return Evidence(by_detector, by_detector, np.empty((0, 1)), np.empty((0, 1)), ())


def _rows(evidence: Evidence, at: npt.NDArray[np.int64], lane: int) -> Evidence:
    lanes = slice(lane, lane + 1)
    return Evidence(
        evidence.score[:, at, lanes],
        evidence.confidence[:, at, lanes],
        evidence.atr[at, lanes],
        evidence.atr_rank[at, lanes],
        (),
    )


def _join(parts: Sequence[Evidence]) -> Evidence:
    return Evidence(
        np.concatenate([p.score for p in parts], axis=1),
        np.concatenate([p.confidence for p in parts], axis=1),
        np.concatenate([p.atr for p in parts]),
        np.concatenate([p.atr_rank for p in parts]),
        (),
    )
