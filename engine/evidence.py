"""Evidence of every detector from bars: for the last bar of many windows, for new bars, for a whole history.

All three are ``fold``: it walks a tile of bars (time, lane) from a state. A scan puts many series side by side as
lanes; a history puts the blocks of one series side by side, each behind its own warm-up bars. A lane's numbers do
not depend on its neighbours, so the three give the same bits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from engine.bars import Bars, FloatArray, Span, natural_log, take_logs
from engine.checked import checked
from engine.detectors import REGISTRY
from engine.detectors.base import BAND_BARS, LOOK_BACK, Detector, Output, Shared
from engine.indicators import ADX_STATE, adx, atr, bollinger, rank_in_window
from engine.jit import brief, float64_at, kernel
from engine.lanes import zeros
from engine.pivots import SWINGS_STATE, find_swings
from engine.side import lanes_of
from engine.timeframes import BLOCK_BARS, MIN_BARS, WARM_UP_BARS, WINDOW_BARS
from engine.window import COLUMNS, Window

LANES = 64  # lanes of a tile: wide enough that every loop runs in SIMD, small enough for the second-level cache
SHARED_STATE = 1 + ADX_STATE + WINDOW_BARS + 1
ATR_BARS = 14
STRIP = 32  # rows that are turned at a time between lane after lane and row after row: they fit the first-level cache
LINE = 8  # rows that are turned back at a time: their numbers of one lane fill a line of the cache
ALIKE_BARS = 32
# glibc gives a freed array back to the system, page by page, until it has once freed one as large as this; a history
# would wait as long for its pages as for its numbers. Elsewhere this does nothing.
KEPT_BYTES = 30 << 20

IntArray = npt.NDArray[np.int64]
State = Mapping[str, FloatArray]
Tile = TypeVar("Tile", list[int], IntArray)


class Evidence(NamedTuple):
    """What the detectors say, each array (detector, row, lane) in the order of the registry; rows are bars.

    score -1..1, confidence 0..1, atr (row, lane) in log units, atr_rank (row, lane) 0..1, swing_low and swing_high
    (row, lane) ln price of the last confirmed swing, NaN before the first,
    readings: for each detector an array (reading, row, lane), without rows unless asked for.
    """

    score: FloatArray
    confidence: FloatArray
    atr: FloatArray
    atr_rank: FloatArray
    swing_low: FloatArray
    swing_high: FloatArray
    readings: tuple[FloatArray, ...]


def fresh_state(lanes: int, detectors: Mapping[str, Detector] = REGISTRY) -> State:
    """Return the state before the first bar of a window."""
    rows = {"shared": SHARED_STATE, "swings": SWINGS_STATE}
    rows |= {name: detector.state_rows for name, detector in detectors.items()}
    return {name: zeros(count, lanes) for name, count in rows.items()}


def fold(
    bars: Bars, span: Span, state: State, explain: bool = False, detectors: Mapping[str, Detector] = REGISTRY
) -> Evidence:
    """Fold rows ``span.first`` onwards of a tile into ``state``; return the evidence of rows ``span.emit`` onwards."""
    emitted, lanes = bars.close.shape[0] - span.emit, bars.close.shape[1]
    score, confidence = np.empty((len(detectors), emitted, lanes)), np.empty((len(detectors), emitted, lanes))
    shared = fold_shared(bars, span, state)
    readings = []
    for i, out in enumerate(fold_each(bars, shared, span, state, explain, detectors)):
        score[i], confidence[i] = out.score, out.confidence
        readings.append(out.readings)
    return Evidence(score, confidence, *_by_bar(shared, span.emit), tuple(readings))


def _by_bar(shared: Shared, emit: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return atr, atr_rank, swing_low and swing_high of the rows from ``emit`` on."""
    swings = shared.swings
    low, high = _known(swings.low, swings.low_at, emit), _known(swings.high, swings.high_at, emit)
    return shared.atr[emit:], shared.atr_rank[emit:], low, high


@kernel
def _known(price: FloatArray, at: FloatArray, emit: int) -> FloatArray:
    """Return the prices from row ``emit`` on, NaN where there is none yet."""
    out = np.empty((price.shape[0] - emit, price.shape[1]))
    for row in range(out.shape[0]):
        for lane in range(out.shape[1]):
            out[row, lane] = price[emit + row, lane] if at[emit + row, lane] >= 0.0 else np.nan
    return out


def fold_shared(bars: Bars, span: Span, state: State) -> Shared:
    """Fold rows ``span.first`` onwards of a tile into what several detectors read."""
    memory = state["shared"]
    ranges = atr(bars, ATR_BARS, span, memory[:1])
    direction = adx(bars, ATR_BARS, span, memory[1 : 1 + ADX_STATE])
    rank = rank_in_window(ranges, ATR_BARS, span, memory[1 + ADX_STATE :])
    mean, deviation = bollinger(bars.close, BAND_BARS, max(span.first, span.emit - LOOK_BACK))
    return Shared(ranges, direction, rank, mean, deviation, find_swings(bars, span, state["swings"]))


def fold_each(
    bars: Bars, shared: Shared, span: Span, state: State, explain: bool, detectors: Mapping[str, Detector]
) -> Iterator[Output]:
    """Fold one detector after the other and hand out what it says: a reader finds it in the cache."""
    emitted, lanes = bars.close.shape[0] - span.emit, bars.close.shape[1]
    for name, detector in detectors.items():
        readings = np.zeros((len(detector.readings), emitted if explain else 0, lanes))
        out = Output(zeros(emitted, lanes), zeros(emitted, lanes), readings)
        detector.fold(bars, shared, span, state[name], out)
        yield out


class Logged(NamedTuple):
    """A window whose logs are taken: prices ln (4, n), volumes (2, n), rows as in ``Window``, oldest bar first."""

    prices: FloatArray
    volumes: FloatArray
    side: FloatArray | None = None


def logged(window: Window) -> Logged:
    """Return a window with its logs taken, each row in one piece; the volumes are the window's own memory if they are.

    Raises ValueError: ``checked``.
    """
    checked(window)
    prices = natural_log(np.ascontiguousarray(window.values[:4]))
    return _bar_by_bar(Logged(prices, window.values[4:], window.side))


def _logged_at(i: int, window: Window | Logged) -> Logged:
    """Return window ``i`` of a scan with its logs taken. Raises ValueError naming its place."""
    try:
        ready = window if isinstance(window, Logged) else logged(window)
    except ValueError as error:
        raise ValueError(f"window {i}: {error}") from error
    prices, volumes, bars = ready.prices, ready.volumes, ready.prices.shape[-1]
    if prices.shape != (4, bars) or volumes.shape != (2, bars) or not prices.dtype == volumes.dtype == np.float64:
        told = f"{prices.dtype} {prices.shape} and {volumes.dtype} {volumes.shape}"
        raise ValueError(f"window {i}: logs are {told}, expected float64 (4, n) and (2, n)")
    if not bars:
        raise ValueError(f"window {i} holds no bar")
    return _bar_by_bar(ready)


def _bar_by_bar(one: Logged) -> Logged:
    """Return a window whose rows each lie in one piece."""
    prices, volumes = (
        values if values.strides[1] == values.itemsize else np.ascontiguousarray(values) for values in one[:2]
    )
    return Logged(prices, volumes, one.side)


def to_logs(values: FloatArray) -> FloatArray:
    """Return (6, n) values with their four prices as natural logs."""
    logs = np.empty(values.shape)
    for price, out in zip(values[:4], logs, strict=False):
        take_logs(np.ascontiguousarray(price), out)
    logs[4:] = values[4:]
    return logs


def _places(windows: Sequence[Logged]) -> IntArray:
    """Return where the numbers of each window lie, (window, 4): address and bytes a row of prices and of volumes.

    So one kernel copies many: threads that copy window by window wait for each other.
    """
    places = np.empty((len(windows), 4), dtype=np.int64)
    for one, place in zip(windows, places, strict=True):
        _note_place(one.prices, one.volumes, place)
    return places


@brief
def _note_place(prices, volumes, place):
    place[0], place[1], place[2], place[3] = (
        prices.ctypes.data,
        prices.strides[0],
        volumes.ctypes.data,
        volumes.strides[0],
    )


@kernel
def _beside(places: IntArray, bars: IntArray) -> FloatArray:
    """Lay windows side by side as the lanes of a tile (6, time, lane); a shorter one is filled up with its last bar.

    places (lane, 4): as of ``_places``. bars (lane,): how many of each.
    """
    rows = bars.max()
    tile = np.empty((len(COLUMNS), rows, bars.size))
    for column in range(tile.shape[0]):
        target, kind, row = tile[column], (0 if column < 4 else 2), (column if column < 4 else column - 4)
        for first in range(0, rows, STRIP):
            for lane in range(bars.size):
                source = float64_at(places[lane, kind] + row * places[lane, kind + 1], bars[lane])
                if first + STRIP <= bars[lane]:
                    for k in range(STRIP):  # a constant: unrolled
                        target[first + k, lane] = source[first + k]
                else:
                    for k in range(first, min(first + STRIP, rows)):
                        target[k, lane] = source[min(k, bars[lane] - 1)]
    return tile


def side_by_side(windows: Sequence[Logged]) -> FloatArray:
    """Return windows as the lanes of a tile (6, time, lane); a shorter one is filled up with its last bar, unread.

    Each row of each window lies in one piece, as ``logged`` leaves it.
    """
    return _beside(_places(windows), np.array([one.prices.shape[1] for one in windows]))


def scan(windows: Sequence[Window | Logged], explain: bool = False, threads: int = 1) -> list[Evidence]:
    """Return the evidence of the last bar of each window (row and lane axes of length 1), in the order given.

    Taking logs is more than half of the work: who scans the same bars again keeps them as ``Logged``. With more than
    one of ``threads`` the tiles are folded side by side; the kernels hold no lock. No bit depends on either.
    Raises ValueError for a window that cannot be scored, see ``checked``, or that holds no bar.
    """
    logs = [_logged_at(i, window) for i, window in enumerate(windows)]
    lengths = [one.prices.shape[1] for one in logs]
    # Equal lengths side by side: then one row of each tile is wanted.
    order = sorted(range(len(logs)), key=lengths.__getitem__)
    tiles = [order[at : at + LANES] for at in range(0, len(order), LANES)]
    results: list[Evidence] = [_nothing()] * len(logs)

    def fold_tile(members: list[int]) -> None:
        bars, emit = np.array([lengths[i] for i in members]), lengths[members[0]] - 1
        tile = side_by_side([logs[i] for i in members])
        side = lanes_of([logs[i].side for i in members], bars.tolist(), emit)
        evidence = fold(Bars(*tile)._replace(side=side), Span(0, 0, emit), fresh_state(len(members)), explain)
        for i, one in zip(members, _lane_by_lane(evidence, bars - 1 - emit, explain), strict=True):
            results[i] = one

    np.empty(KEPT_BYTES, dtype=np.uint8)  # freed at once: see KEPT_BYTES
    _fold_all(fold_tile, tiles, threads)
    return results


def _lane_by_lane(evidence: Evidence, rows: IntArray, explain: bool) -> Iterator[Evidence]:
    """Return the evidence of row ``rows[i]`` of each lane i (row and lane axes of length 1)."""
    lanes = np.arange(len(rows))

    def picked(values: FloatArray) -> FloatArray:
        return values[..., rows, lanes].T[..., None, None].copy()

    by_lane = map(picked, (evidence.score, evidence.confidence))
    by_bar = (values[rows, lanes][:, None, None] for values in evidence[2:6])
    readings = zip(*map(picked, evidence.readings), strict=True) if explain else repeat(evidence.readings)
    return map(Evidence, *by_lane, *by_bar, readings)


def history(window: Window, interval_ms: int, threads: int = 1) -> tuple[IntArray, Evidence]:
    """Return evidence for every bar of a series that a live scan could have scored, with the scan's own bits.

    ``window`` holds the whole series from its first bar on. Returns the indices (n,) of the scored bars and their
    evidence with one lane. Each block of K bars is folded once behind its W warm-up bars. A hole's effect on
    whether a bar may be scored is the caller's to apply. ``threads``: as in ``scan``. Raises ValueError for a window
    that cannot be scored, see ``checked``, and for an interval that is not above 0.
    """
    checked(window)
    if interval_ms <= 0:
        raise ValueError(f"interval_ms must be above 0, was {interval_ms}")
    if not len(window.open_times):
        return np.array([], dtype=np.int64), _nothing()
    block = (window.open_times + interval_ms) // (BLOCK_BARS * interval_ms)
    firsts = np.flatnonzero(np.diff(block, prepend=block[0] - 1))
    ends = np.append(firsts[1:], len(block))
    starts = np.searchsorted(window.open_times, block[firsts] * (BLOCK_BARS * interval_ms) - WARM_UP_BARS * interval_ms)
    scored = np.maximum(firsts, starts + MIN_BARS - 1)  # the first bar of each block that has a score
    counts = np.maximum(ends - scored, 0)
    places = np.cumsum(counts) - counts
    total = int(counts.sum())
    by_detector, by_bar = np.zeros((2, len(REGISTRY), total, 1)), np.zeros((4, total, 1))
    evidence = Evidence(by_detector[0], by_detector[1], by_bar[0], by_bar[1], by_bar[2], by_bar[3], ())
    logs = _bar_by_bar(Logged(natural_log(window.values[:4]), window.values[4:]))
    place: IntArray = _places([logs]) + np.array([8, 0, 8, 0], dtype=np.int64) * starts[:, None]
    np.empty(KEPT_BYTES, dtype=np.uint8)  # freed at once: see KEPT_BYTES

    def fold_tile(lanes: IntArray) -> None:
        emit = int((scored - starts)[lanes].min())
        tile = _beside(place[lanes], (ends - starts)[lanes])
        sides = [side_of(window, starts[i], ends[i]) for i in lanes]
        side = lanes_of(sides, (ends - starts)[lanes].tolist(), emit)
        target = ((scored - starts)[lanes] - emit, counts[lanes], places[lanes])
        _fold_blocks(Bars(*tile)._replace(side=side), emit, target, by_detector, by_bar)

    indices = np.arange(total) - np.repeat(places - scored, counts)
    _fold_all(fold_tile, _lanes(scored - starts, np.flatnonzero(counts)), threads)
    return indices, evidence


def _fold_all(fold_tile: Callable[[Tile], None], tiles: Sequence[Tile], threads: int) -> None:
    """Fold all tiles, ``threads`` at a time: each writes to places of its own."""
    if threads > 1 and len(tiles) > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fold_tile, tiles))
    else:
        for lanes in tiles:
            fold_tile(lanes)


def _fold_blocks(
    bars: Bars, emit: int, place: tuple[IntArray, IntArray, IntArray], by_detector: FloatArray, by_bar: FloatArray
) -> None:
    """Fold a tile of blocks; lay what each says at its ``place``, the rows, counts and places of ``_gather``."""
    lanes = bars.close.shape[1]
    span, state = Span(0, 0, emit), fresh_state(lanes)
    shared = fold_shared(bars, span, state)
    for values, kept in zip(_by_bar(shared, emit), by_bar, strict=True):
        _gather(values, *place, kept[:, 0])
    for i, out in enumerate(fold_each(bars, shared, span, state, False, REGISTRY)):
        _gather(out.score, *place, by_detector[0, i, :, 0])
        _gather(out.confidence, *place, by_detector[1, i, :, 0])


def side_of(window: Window, start: int, end: int) -> FloatArray | None:
    """Return what is known beside the bars ``start`` to ``end`` of a window, or None."""
    if window.side is None:
        return None
    before = len(window.open_times) - window.side.shape[1]
    return window.side[:, max(start - before, 0) : max(end - before, 0)]


def _lanes(warm_up: IntArray, blocks: IntArray) -> list[IntArray]:
    """Return which blocks go into which tile: alike in warm-up bars, as a tile emits from its shortest one's end on."""
    order = blocks[np.argsort(warm_up[blocks], kind="stable")]
    tiles = []
    while len(order):
        alike = int(np.searchsorted(warm_up[order], warm_up[order[0]] + ALIKE_BARS, side="right"))
        tiles.append(order[: min(alike, LANES)])
        order = order[len(tiles[-1]) :]
    return tiles


@kernel
def _gather(values: FloatArray, rows: IntArray, counts: IntArray, places: IntArray, out: FloatArray) -> None:
    """Copy ``counts[i]`` rows from ``rows[i]`` on of lane i of values (row, lane) to ``places[i]`` of out, all zero.

    Silence is not copied: memory that nobody writes to costs nothing. Told by bits: -0.0 is something.
    """
    bits = values.view(np.int64)
    for first in range(0, values.shape[0], LINE):
        for lane in range(rows.size):
            begin, end = max(first, rows[lane]), min(first + LINE, rows[lane] + counts[lane])
            place = places[lane] - rows[lane]
            if end - begin == LINE:
                said = 0
                for k in range(LINE):  # a constant: unrolled
                    said |= bits[first + k, lane]
                for k in range(LINE if said != 0 else 0):
                    out[place + first + k] = values[first + k, lane]
            else:
                for k in range(begin, end):
                    out[place + k] = values[k, lane]


def _nothing() -> Evidence:
    """Return evidence of no bar."""
    by_detector = np.empty((len(REGISTRY), 0, 1))
    by_bar = np.empty((0, 1))
    return Evidence(by_detector, by_detector, by_bar, by_bar, by_bar, by_bar, ())
