"""What every detector must hold, checked on any ``Detector``: one of ours, or one that somebody else installed.

``check`` gives the problems as sentences that name detector, check, window, bar and values; none is a pass. Windows
are numbered in the order given, bars by their place in their window. Nothing here reads a clock or a file.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import EPSILON, Bars, FloatArray, Span, mirror
from engine.checked import checked
from engine.detectors import REGISTRY
from engine.detectors.base import BAND_BARS, LOOK_BACK, Detector, Output, Shared
from engine.evidence import Evidence, State, fold, fresh_state, history, side_of, to_logs
from engine.side import HOUR_MS, KINDS, SideValues, at_closes, lanes_of, mirrored, read_as
from engine.timeframes import INTERVAL_MS, MIN_BARS, WINDOW_BARS, window_start
from engine.window import Window

FIRST = MIN_BARS - 1  # the first bar of a window that is ever scored
STEP_ROWS = LOOK_BACK + BAND_BARS  # rows in front of the new bar that a step may read
MIRRORED_PRICES = 1e-7  # 1/p has another logarithm than p in the last bit
SCALED_PRICES = 1e-9
SHIFTS = (float(np.log(1e-6)), float(np.log(1e6)))
MOST_REASONS = 20_000

ABSTAINS = re.compile(
    r"\b(abstain\w*|silent|silence|no|not|none|nothing|nobody|neither|without|missing|lacks?|disagree\w*|too)\b", re.I
)
NUMBER = re.compile(r"[-+]?\d[\d,.]*(?:e[-+]?\d+)?")
NOT_A_NUMBER = re.compile(r"\b(nan|inf)\b", re.I)


class Tile(NamedTuple):
    """Windows side by side: bars (time, lane), each lane ``lengths[lane]`` bars long and filled up behind them."""

    bars: Bars
    lengths: npt.NDArray[np.int64]
    names: tuple[str, ...]


class Said(NamedTuple):
    """What a detector said from bar ``first`` on, each array (row, lane)."""

    score: FloatArray
    confidence: FloatArray
    first: int


def check(detector: Detector, windows: Sequence[Window] = ()) -> list[str]:
    """Return what is wrong with ``detector``, found on ``windows`` or, without any, on ``sample_windows()``.

    Windows hold at least 256 bars; of a longer one the last 767 are read, and all of it where history is compared.
    Raises ValueError for a shorter window and for one that cannot be scored.
    """
    given = list(windows) or sample_windows()
    for i, window in enumerate(given):
        checked(window)
        if len(window.open_times) < MIN_BARS:
            raise ValueError(f"window {i} holds {len(window.open_times)} bars, a check needs {MIN_BARS}")
    problems = []
    for name, find in CHECKS.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = find(detector, given)
            except Exception as error:  # a third party's code may raise anything; that is a finding, not our end
                found = [f"raised {type(error).__name__}: {error}"]
        found += sorted({f"warned: {w.message}" for w in caught if issubclass(w.category, RuntimeWarning)})
        problems += [f"{detector.name}: {name}: {text}" for text in found]
    return problems


def check_bounds(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """Scores lie in -1..1, confidences in 0..1; none is NaN; a value means something before the first scored bar."""
    tile = tile_of(windows)
    problems = _out_of_bounds(_whole(detector, tile), tile)
    if not 0 <= detector.warm_up <= FIRST:
        problems.append(f"warm_up is {detector.warm_up}; a window's bar {FIRST} is scored already")
    return problems


def check_inputs(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """A detector leaves the bars and the shared indicators as they are: other detectors read them too."""
    tile = tile_of(windows)
    changed: set[str] = set()

    def watched(bars: Bars, shared: Shared, span: Span, state: FloatArray, out: Output) -> None:
        arrays = {**bars._asdict(), **shared._asdict(), **shared.swings._asdict()}
        del arrays["swings"]
        before = {name: values.copy() for name, values in arrays.items()}
        detector.fold(bars, shared, span, state, out)
        changed.update(name for name, values in arrays.items() if _differ(values, before[name], None).any())

    _whole(replace(detector, fold=watched), tile)
    return [f"writes into the shared array {name!r}" for name in sorted(changed)]


def check_silence(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """Input that says nothing, or lies far out, gives numbers within bounds and a reason, never NaN."""
    cases = extreme_windows()
    tile = tile_of(list(cases.values()), list(cases))
    evidence = _fold(detector, tile.bars, Span(0, 0, FIRST), explain=True)
    problems = _out_of_bounds(_said(evidence, FIRST), tile)
    last = [(int(n) - 1, lane) for lane, n in enumerate(tile.lengths)]
    for (bar, lane), sentence in _sentences(detector, evidence, last).items():
        problems += [f"window {tile.names[lane]}, bar {bar}: {fault}" for fault in _unreadable(sentence)]
    return problems


def check_mirror(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """The mirrored market gives the negated score and the same confidence, bit for bit; 1/p within 1e-7."""
    extreme = extreme_windows()
    tile = tile_of([*windows, *extreme.values()], [*map(str, range(len(windows))), *extreme])
    upright, mirrored = _whole(detector, tile), _whole(detector, tile._replace(bars=mirror(tile.bars)))
    # + 0.0 turns -0.0 into 0.0: the mirror of nothing is nothing.
    wanted = Said(-upright.score + 0.0, upright.confidence + 0.0, FIRST)
    found = Said(mirrored.score + 0.0, mirrored.confidence + 0.0, FIRST)
    problems = _differences("in the mirrored logs", found, wanted, tile)
    prices = tile_of([_mirrored_prices(window) for window in windows])
    plain = tile_of(windows)
    upright, found = _whole(detector, plain), _whole(detector, prices)
    wanted = Said(-upright.score, upright.confidence, FIRST)
    return problems + _differences("with prices 1/p", found, wanted, plain, MIRRORED_PRICES)


def check_look_ahead(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """Cut the future behind each bar in turn: that bar's value stays, bit for bit."""
    tile = tile_of(windows)
    whole = _whole(detector, tile)
    score, confidence = np.empty_like(whole.score), np.empty_like(whole.confidence)
    for bar in range(FIRST, int(tile.lengths.max())):
        known = _fold(detector, _rows(tile.bars, 0, bar + 1), Span(0, 0, bar))
        score[bar - FIRST], confidence[bar - FIRST] = known.score[0, 0], known.confidence[0, 0]
    return _differences("without the bars after it", Said(score, confidence, FIRST), whole, tile)


def check_one_path(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """One window alone, in parts, bar by bar, beside others, or as history: the same bits."""
    tile = tile_of(windows)
    whole = _whole(detector, tile)
    length = int(tile.lengths.max())
    middle = (FIRST + length) // 2
    ways = {
        "alone in its tile": _alone(detector, tile),
        f"folded to bar {middle - 1}, then on": _in_parts(detector, tile, [middle]),
        "folded in uneven parts": _in_parts(detector, tile, sorted({7, 40, 255, min(263, length - 1), length - 1})),
        "folded bar by bar": _in_parts(detector, tile, list(range(1, length))),
        "with its lane among others, turned round": _reversed_lanes(detector, tile),
    }
    problems = []
    for way, found in ways.items():
        problems += _differences(way, found, whole, tile)
    if REGISTRY.get(detector.name) is detector:
        problems += _history_problems(detector, windows)
    return problems


def check_scale(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """Prices a million times smaller or larger change nothing beyond 1e-9."""
    tile = tile_of(windows)
    whole = _whole(detector, tile)
    problems = []
    for shift in SHIFTS:
        prices = {name: getattr(tile.bars, name) + shift for name in ("open", "high", "low", "close")}
        found = _whole(detector, tile._replace(bars=tile.bars._replace(**prices)))
        problems += _differences(f"with prices x {np.exp(shift):.0e}", found, whole, tile, SCALED_PRICES)
    return problems


def check_reasons(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """Each bar has a sentence with a number; where the detector abstains it says so or has words of its own for it."""
    tile = tile_of(windows)
    evidence = _fold(detector, tile.bars, Span(0, 0, FIRST), explain=True)
    bars = [(bar, lane) for lane, n in enumerate(tile.lengths) for bar in range(FIRST, int(n))]
    if len(bars) > MOST_REASONS:
        chosen = np.random.default_rng(7).choice(len(bars), MOST_REASONS, replace=False)
        bars = [bars[i] for i in sorted(chosen)]
    sentences = _sentences(detector, evidence, bars)
    form = {at: NUMBER.sub("#", str(sentence)) for at, sentence in sentences.items()}
    confident = {at for at in sentences if evidence.confidence[0, at[0] - FIRST, at[1]] > 0.0}
    speaking = {form[at] for at in confident}
    faults: dict[str, list[tuple[int, int]]] = {}
    for at, sentence in sentences.items():
        for fault in _unreadable(sentence):
            faults.setdefault(fault.split(":")[0], []).append(at)
        if at not in confident and form[at] in speaking and not ABSTAINS.search(form[at]):
            faults.setdefault("abstains with the words of a bar on which it speaks", []).append(at)
    return [
        f"window {tile.names[at[0][1]]}, bar {at[0][0]}: {fault}: {sentences[at[0]]!r} ({len(at)} bars)"
        for fault, at in faults.items()
    ]


CHECKS: Mapping[str, Callable[[Detector, Sequence[Window]], list[str]]] = {
    "bounds": check_bounds,
    "inputs": check_inputs,
    "silence": check_silence,
    "mirror": check_mirror,
    "look-ahead": check_look_ahead,
    "one path": check_one_path,
    "scale": check_scale,
    "reasons": check_reasons,
}


# Folding


def tile_of(windows: Sequence[Window], names: Sequence[str] = ()) -> Tile:
    """Lay windows side by side as logs; a shorter one is filled up with its last bar, as the engine does."""
    columns = [to_logs(window.values[:, -WINDOW_BARS:]) for window in windows]
    lengths = np.array([column.shape[1] for column in columns], dtype=np.int64)
    tile = np.empty((6, int(lengths.max()), len(columns)))
    for lane, column in enumerate(columns):
        tile[:, : column.shape[1], lane] = column
        tile[:, column.shape[1] :, lane] = column[:, -1:]
    # A taker volume whose complement is exact (at most one bit of the volume away), so that the mirror of the mirror
    # is the market itself.
    tile[5] = tile[4] - (tile[4] - tile[5])
    sides = [None if w.side is None else w.side[:, -WINDOW_BARS:] for w in windows]
    side = lanes_of(sides, lengths.tolist(), 0)
    return Tile(Bars(*tile)._replace(side=side), lengths, tuple(names) or tuple(str(i) for i in range(len(windows))))


def _fold(detector: Detector, bars: Bars, span: Span, state: State | None = None, explain: bool = False) -> Evidence:
    only = {detector.name: detector}
    memory = fresh_state(bars.close.shape[1], only) if state is None else state
    return fold(bars, span, memory, explain, only)


def _said(evidence: Evidence, first: int) -> Said:
    return Said(evidence.score[0], evidence.confidence[0], first)


def _whole(detector: Detector, tile: Tile) -> Said:
    return _said(_fold(detector, tile.bars, Span(0, 0, FIRST)), FIRST)


def _rows(bars: Bars, first: int, end: int) -> Bars:
    return Bars(*(values[first:end] for values in bars))


def _alone(detector: Detector, tile: Tile) -> Said:
    """Fold each window in a tile of its own, without the bars that fill it up."""
    score, confidence = (np.zeros((tile.bars.close.shape[0] - FIRST, len(tile.lengths))) for _ in range(2))
    for lane, n in enumerate(tile.lengths):
        bars = Bars(*(np.ascontiguousarray(values[:n, lane : lane + 1]) for values in tile.bars))
        said = _fold(detector, bars, Span(0, 0, FIRST))
        score[: n - FIRST, lane], confidence[: n - FIRST, lane] = said.score[0, :, 0], said.confidence[0, :, 0]
    return Said(score, confidence, FIRST)


def _reversed_lanes(detector: Detector, tile: Tile) -> Said:
    """Fold the lanes from right to left and every one twice, so that each has other neighbours and another place."""
    bars = Bars(*(np.ascontiguousarray(np.hstack([values[:, ::-1], values])) for values in tile.bars))
    said = _whole(detector, tile._replace(bars=bars))
    lanes = len(tile.lengths)
    return Said(said.score[:, :lanes][:, ::-1], said.confidence[:, :lanes][:, ::-1], FIRST)


def _in_parts(detector: Detector, tile: Tile, cuts: list[int]) -> Said:
    """Fold from cut to cut with the state carried on and only STEP_ROWS bars of the past beside the new ones."""
    state = fresh_state(len(tile.lengths), {detector.name: detector})
    length = tile.bars.close.shape[0]
    score, confidence = (np.zeros((length, len(tile.lengths))) for _ in range(2))
    for begin, end in zip([0, *cuts], [*cuts, length], strict=True):
        origin = max(begin - STEP_ROWS, 0)
        # Of the first part only its state is wanted, as of a warm-up; of the others every bar.
        emit = begin if begin else min(end, FIRST)
        span = Span(origin, begin - origin, emit - origin)
        said = _fold(detector, _rows(tile.bars, origin, end), span, state)
        score[emit:end], confidence[emit:end] = said.score[0], said.confidence[0]
    return Said(score[FIRST:], confidence[FIRST:], FIRST)


def _history_problems(detector: Detector, windows: Sequence[Window]) -> list[str]:
    """Compare the engine's own history, all detectors side by side, with this one folded over each block alone."""
    place = list(REGISTRY).index(detector.name)
    problems = []
    for i, window in enumerate(windows):
        interval = int(np.diff(window.open_times).min())
        indices, evidence = history(window, interval)
        first_open = int(window.open_times[0])
        opens = [window_start(int(window.open_times[j]) + interval, interval, first_open) for j in indices]
        starts = np.searchsorted(window.open_times, opens)
        logs = to_logs(window.values)
        for start in np.unique(starts):
            at = np.flatnonzero(starts == start)
            last = int(indices[at[-1]])
            columns = logs[:, start : last + 1]
            side = lanes_of([side_of(window, start, last + 1)], [last + 1 - start], 0)
            bars = Bars(*(np.ascontiguousarray(column[:, None]) for column in columns))._replace(side=side)
            alone = _fold(detector, bars, Span(0, 0, FIRST))
            rows = indices[at] - start - FIRST
            wanted = Said(alone.score[0, rows], alone.confidence[0, rows], int(rows[0]) + FIRST)
            found = Said(evidence.score[place, at], evidence.confidence[place, at], wanted.first)
            one = Tile(bars, np.array([last - start + 1]), (f"{i} from its bar {start}",))
            problems += _differences("as history", found, wanted, one)
    return problems


# Comparing


def _differ(found: FloatArray, wanted: FloatArray, tolerance: float | None) -> npt.NDArray[np.bool_]:
    """Return where two arrays differ: in any bit, or by more than ``tolerance``, NaN being off by more than any."""
    if tolerance is None:
        bits = [np.ascontiguousarray(values).view(np.int64) for values in (found, wanted)]
        return np.not_equal(bits[0], bits[1])
    return np.logical_not(np.abs(found - wanted) <= tolerance)


def _differences(label: str, found: Said, wanted: Said, tile: Tile, tolerance: float | None = None) -> list[str]:
    bars = wanted.first + np.arange(wanted.score.shape[0])[:, None]
    problems = []
    for name in ("score", "confidence"):
        ours, theirs = getattr(found, name), getattr(wanted, name)
        differ = _differ(ours, theirs, tolerance) & (bars < tile.lengths)
        if differ.any():
            row, lane = np.argwhere(differ)[0]
            problems.append(
                f"{label}: window {tile.names[lane]}, bar {wanted.first + row}: {name} {float(ours[row, lane])!r} "
                f"instead of {float(theirs[row, lane])!r} ({np.count_nonzero(differ)} bars)"
            )
    return problems


def _out_of_bounds(said: Said, tile: Tile) -> list[str]:
    bars = said.first + np.arange(said.score.shape[0])[:, None]
    problems = []
    for name, values, low in (("score", said.score, -1.0), ("confidence", said.confidence, 0.0)):
        outside = ~((values >= low) & (values <= 1.0)) & (bars < tile.lengths)
        for lane in np.flatnonzero(outside.any(axis=0)):
            row = int(np.argmax(outside[:, lane]))
            problems.append(
                f"window {tile.names[lane]}, bar {said.first + row}: {name} {float(values[row, lane])!r} is not "
                f"within {low:.0f}..1 ({np.count_nonzero(outside[:, lane])} bars)"
            )
    return problems


def _sentences(
    detector: Detector, evidence: Evidence, bars: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], object]:
    """Return the reason at each (bar, lane); a market that does not move is explained by the engine, not here."""
    readings = evidence.readings[0]
    return {
        (bar, lane): detector.reason(
            {name: float(readings[i, bar - FIRST, lane]) for i, name in enumerate(detector.readings)}
        )
        for bar, lane in bars
        if evidence.atr[bar - FIRST, lane] > EPSILON
    }


def _unreadable(sentence: object) -> list[str]:
    if not isinstance(sentence, str) or not sentence.strip():
        return [f"the reason is no text: {sentence!r}"]
    faults = []
    if not any(character.isdigit() for character in sentence):
        faults.append(f"the reason names no value: {sentence!r}")
    if NOT_A_NUMBER.search(sentence):
        faults.append(f"the reason names what is no number: {sentence!r}")
    return faults


# Markets to check on


def walk(seed: int, bars: int, price: float = 100.0, volatility: float = 0.004, first_open: int = 0) -> Window:
    """Return a made-up market of 5m bars: rises, falls, ranges, quiet and wild stretches, and a pause between few."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(15, 110, size=bars // 15 + 1)
    drift = np.repeat(rng.choice([-0.25, 0.0, 0.0, 0.25], size=len(lengths)), lengths)[:bars]
    size = volatility * np.repeat(rng.choice([0.3, 1.0, 1.0, 2.2], size=len(lengths)), lengths)[:bars]
    ticks = 12  # trades a bar
    moves = size[:, None] * (drift[:, None] / ticks + rng.normal(size=(bars, ticks)) / np.sqrt(ticks))
    path = np.exp(np.cumsum(moves.ravel())).reshape(bars, ticks) * price
    close = path[:, -1]
    opening = np.concatenate([[price], close[:-1]]) * np.exp(rng.normal(size=bars) * size * 0.05)
    high, low = np.maximum(path.max(axis=1), opening), np.minimum(path.min(axis=1), opening)
    volume = rng.lognormal(3.0, 0.6, size=bars) * (1.0 + np.abs(moves.sum(axis=1)) / volatility)
    share = 1.0 / (1.0 + np.exp(-moves.sum(axis=1) / volatility - rng.normal(size=bars) * 0.7))
    times = first_open + np.arange(bars, dtype=np.int64) * INTERVAL_MS["5m"]
    return Window(times, np.stack([opening, high, low, close, volume, volume * share]))


def sample_windows(seed: int = 20_240_805) -> list[Window]:
    """Return seeded windows: ordinary ones, one without taker volume, one on coarse price steps, short ones."""
    windows = [walk(seed + i, WINDOW_BARS, 10.0 ** (i - 3), 0.001 * 2.0 ** (i % 5)) for i in range(9)]
    windows.append(_with(windows[0], 5, slice(None), np.nan))
    windows.append(_coarse(walk(seed + 10, 640, 0.0001, 0.01), 0.000002))
    windows.append(walk(seed + 11, MIN_BARS, 3.0, 0.02))
    windows.append(walk(seed + 12, 400, 40_000.0, 0.0005))
    windows += [with_side(walk(seed + i, WINDOW_BARS, 5.0, 0.003, i * 86_400_000), seed + i) for i in (13, 14)]
    return windows


def with_side(window: Window, seed: int, without: Sequence[str] = ()) -> Window:
    """Return a 5m window with made-up series beside it, now too short, now gapped, now stale, now whole."""
    rng = np.random.default_rng(seed)
    closes = window.open_times + INTERVAL_MS["5m"]
    days, hours = 16, {"funding_rate": 8, "open_interest": 1, "long_short_ratio": 1, "news": 7}
    series = {}
    for i, name in enumerate(kind for kind in KINDS if kind not in without):
        end = int(closes[-1]) - (i == 3) * 30 * HOUR_MS
        times = np.arange(end - days * 24 * HOUR_MS, end, hours[name] * HOUR_MS, dtype=np.int64)
        wave = np.cumsum(rng.normal(size=len(times))) * 0.1
        drawn = {"funding_rate": 0.0003 * np.tanh(wave), "news": np.tanh(3.0 * wave)}.get(name, np.exp(wave))
        hole = (times >= end - 9 * 24 * HOUR_MS) & (times < end - 9 * 24 * HOUR_MS + 20 * HOUR_MS * (i % 2))
        known_at = times + rng.integers(0, HOUR_MS)
        series[name] = SideValues(times[~hole], known_at[~hole], read_as(name, drawn[~hole].tolist()))
    return window._replace(side=at_closes(series, closes))


def extreme_windows() -> dict[str, Window]:
    """Return windows at the edge of what a market can show, by name."""
    base = walk(97, 640)
    rise = walk(98, 400)
    flat = np.full(6, 100.0)[:, None] * np.ones(400)
    steady = 100.0 * 1.001 ** np.arange(401.0)
    up = np.stack([steady[:-1], steady[1:], steady[:-1], steady[1:], *rise.values[4:]])
    return {
        "flat": Window(rise.open_times, flat),
        "flat without trades": _with(_with(Window(rise.open_times, flat), 4, slice(None), 0.0), 5, slice(None), 0.0),
        "flat tail": _flat_from(base, 300),
        "flat head": _with(base, slice(0, 4), slice(0, 300), float(base.values[0, 300])),
        "no volume": _with(_with(base, 4, slice(None), 0.0), 5, slice(None), 0.0),
        "no volume at the end": _with(_with(base, 4, slice(500, None), 0.0), 5, slice(500, None), 0.0),
        "spike up": _times(base, 1, 400, 1000.0),
        "spike down": _times(base, 2, 400, 0.001),
        "spike at the last bar": _times(base, 1, 639, 1000.0),
        "jump": _times(base, slice(0, 4), slice(400, None), 1000.0),
        "one huge volume": _times(base, slice(4, 6), 450, 1e9),
        "price 1e-12": _times(base, slice(0, 4), slice(None), 1e-14),
        "price 1e12": _times(base, slice(0, 4), slice(None), 1e10),
        "no taker volume": _with(base, 5, slice(None), np.nan),
        "taker volume missing here and there": _with(base, 5, slice(None, None, 7), np.nan),
        "nobody buys": _with(base, 5, slice(None), 0.0),
        "only buyers": Window(base.open_times, base.values[[0, 1, 2, 3, 4, 4]]),
        "bars without range": Window(base.open_times, base.values[[3, 3, 3, 3, 4, 5]]),
        "only rises": Window(rise.open_times, up),
        "only falls": Window(rise.open_times, _mirrored_prices(Window(rise.open_times, up)).values),
    }


def _mirrored_prices(window: Window) -> Window:
    opening, high, low, close, volume, taker_buy = window.values
    prices = np.stack([1.0 / opening, 1.0 / low, 1.0 / high, 1.0 / close, volume, volume - taker_buy])
    side = None if window.side is None else np.ascontiguousarray(mirrored(window.side.T).T)
    return Window(window.open_times, prices, side)


def _with(window: Window, row: int | slice, at: int | slice, value: float) -> Window:
    values = window.values.copy()
    values[row, at] = value
    return Window(window.open_times, values)


def _times(window: Window, row: int | slice, at: int | slice, factor: float) -> Window:
    values = window.values.copy()
    values[row, at] *= factor
    return Window(window.open_times, values)


def _flat_from(window: Window, first: int) -> Window:
    return _with(window, slice(0, 4), slice(first, None), float(window.values[3, first - 1]))


def _coarse(window: Window, step: float) -> Window:
    """Round prices to few steps, so that ties are common, and let every 40th bar pass without a trade."""
    values = window.values.copy()
    values[:4] = np.maximum(np.round(values[:4] / step), 1.0) * step
    for bar in range(40, values.shape[1], 40):
        values[:4, bar] = values[3, bar - 1]
        values[4:, bar] = 0.0
    return Window(window.open_times, values)
