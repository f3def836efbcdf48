"""Evidence of many series bar after bar: a bar that only follows the last one is folded alone, not its whole window.

Behind the newest bar of a window the kernels' state is kept. As long as the window goes on from there, a new bar costs
one row of a tile instead of up to 767, and by the contract of ``fold`` it says the same bits and sentences; a window
that begins elsewhere, or whose earlier bars are no longer what they were, is folded whole.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.bars import Bars, FloatArray, Span, natural_log
from engine.checked import checked
from engine.detectors.base import BAND_BARS, LOOK_BACK
from engine.evidence import LANES, Evidence, State, fold, fresh_state, logged, side_by_side
from engine.side import lanes_of
from engine.window import COLUMNS, Window

TAIL_ROWS = LOOK_BACK + BAND_BARS  # rows in front of a new bar that its step may read
SPARE_ROWS = 64  # steps until the tail is moved to the front of its memory
MOST_LANES = 256  # of a cohort: a row of it in every kernel's memory fits the second-level cache


class Said(NamedTuple):
    """What the detectors say of one bar, in the order of the registry; as in ``Evidence``, as plain numbers.

    readings: of all detectors one after the other, as ``explain.reasons`` reads them.
    """

    score: list[float]
    confidence: list[float]
    atr: float
    atr_rank: float
    swing_low: float
    swing_high: float
    readings: FloatArray


class Followed(NamedTuple):
    """A window, and a mark that changes whenever its bars do in another way than by one that follows the last."""

    window: Window
    mark: Hashable


class _Cohort:
    """Series whose windows have been folded to the same position, side by side as lanes of one state.

    A lane may be left over: its series has been folded whole since and lies in another cohort, or was dropped.
    """

    def __init__(self, keys: list[Hashable], marks: list[Hashable], position: int, state: State, tail: FloatArray):
        self.keys, self.marks, self.position, self.state = keys, marks, position, state
        self._memory = np.empty((len(COLUMNS), TAIL_ROWS + SPARE_ROWS, len(keys)))
        self._memory[:, :TAIL_ROWS] = tail
        self._end = TAIL_ROWS
        self.said: list[Said] = []

    def lanes(self, chosen: Sequence[int]) -> "_Cohort":
        """Return a cohort of some of these lanes."""
        state = {name: np.ascontiguousarray(rows[:, chosen]) for name, rows in self.state.items()}
        tail = self._memory[:, self._end - TAIL_ROWS : self._end][:, :, chosen]
        part = _Cohort([self.keys[i] for i in chosen], [self.marks[i] for i in chosen], self.position, state, tail)
        part.said = [self.said[i] for i in chosen]
        return part

    def step(self, windows: Sequence[Window], count: int) -> None:
        """Fold the last ``count`` bars of each window; one is as long as the other."""
        bars = np.stack([window.values[:, -count:] for window in windows], axis=2)  # (6, count, lanes)
        _require_sound(windows, bars)
        if self._end + count > self._memory.shape[1]:
            self._memory[:, :TAIL_ROWS] = self._memory[:, self._end - TAIL_ROWS : self._end].copy()
            self._end = TAIL_ROWS
        new = slice(self._end, self._end + count)
        self._memory[:4, new] = natural_log(bars[:4])
        self._memory[4:, new] = bars[4:]
        rows = self._memory[:, self._end - TAIL_ROWS : self._end + count]
        self._end += count
        self.position += count
        side = lanes_of([window.side for window in windows], [self.position] * len(windows), self.position - 1)
        span = Span(self.position - count - TAIL_ROWS, TAIL_ROWS, TAIL_ROWS + count - 1)
        self.said = said_of(fold(Bars(*rows)._replace(side=side), span, self.state, explain=True))


def _require_sound(windows: Sequence[Window], bars: FloatArray) -> None:
    """Raise ValueError, as a scan of the whole window does, where a new bar cannot be scored."""
    volume, taker = bars[4], bars[5]
    sound = (
        np.isfinite(bars[:5]).all() and (bars[:4] > 0.0).all() and (volume >= 0.0).all() and not np.isinf(taker).any()
    )
    if not sound:
        for window in windows:
            checked(window)


class Steps:
    """The newest evidence of series by key. Not for several threads at once."""

    def __init__(self) -> None:
        self._lane: dict[Hashable, tuple[_Cohort, int]] = {}

    def scan(self, asked: Mapping[Hashable, Followed]) -> dict[Hashable, Said]:
        """Return the evidence of the last bar of each window, as ``evidence.scan`` would.

        Raises ValueError for a window that cannot be scored, see ``checked``.
        """
        steps: dict[tuple[int, int], list[Hashable]] = {}
        whole = []
        for key, (window, mark) in asked.items():
            cohort, lane = self._lane.get(key, (None, 0))
            new = len(window.open_times) - cohort.position if cohort is not None else -1
            if cohort is None or cohort.marks[lane] != mark or not 0 <= new < SPARE_ROWS:
                whole.append(key)
            elif new:
                steps.setdefault((id(cohort), new), []).append(key)
        for (_, new), keys in steps.items():
            self._part(keys).step([asked[key].window for key in keys], new)
        self._fold_whole({key: asked[key] for key in whole})
        return {key: self._said(key) for key in asked}

    def _said(self, key: Hashable) -> Said:
        cohort, lane = self._lane[key]
        return cohort.said[lane]

    def _part(self, keys: list[Hashable]) -> _Cohort:
        """Return a cohort of these lanes alone, in this order; the others stay behind in one of their own.

        They are in one cohort now: another one than before, where a part of it has just been taken out.
        """
        cohort = self._lane[keys[0]][0]
        if cohort.keys == keys:
            return cohort
        chosen = [self._lane[key][1] for key in keys]
        here = [lane for lane, key in enumerate(cohort.keys) if self._lane.get(key) == (cohort, lane)]
        others = sorted(set(here) - set(chosen))
        if others:
            self._enter(cohort.lanes(others))
        part = cohort.lanes(chosen)
        self._enter(part)
        return part

    def _fold_whole(self, asked: Mapping[Hashable, Followed]) -> None:
        by_length: dict[int, list[Hashable]] = {}
        for key, (window, _) in asked.items():
            by_length.setdefault(len(window.open_times), []).append(key)
        for keys in by_length.values():
            for at in range(0, len(keys), MOST_LANES):
                members = keys[at : at + MOST_LANES]
                self._enter(_folded(members, [asked[key] for key in members]))

    def _enter(self, cohort: _Cohort) -> None:
        self._lane |= {key: (cohort, lane) for lane, key in enumerate(cohort.keys)}

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Drop series that are not asked for any more."""
        for key in keys:
            self._lane.pop(key, None)


def _folded(keys: list[Hashable], followed: Sequence[Followed]) -> _Cohort:
    """Fold windows of one length whole, some lanes at a time, and keep the state behind their last bars."""
    length = len(followed[0].window.open_times)
    states, tails, said = [], [], []
    for at in range(0, len(keys), LANES):
        windows = [one.window for one in followed[at : at + LANES]]
        tile = side_by_side([logged(window) for window in windows])
        side = lanes_of([window.side for window in windows], [length] * len(windows), length - 1)
        state = fresh_state(len(windows))
        evidence = fold(Bars(*tile)._replace(side=side), Span(0, 0, length - 1), state, explain=True)
        states.append(state)
        tails.append(tile[:, -TAIL_ROWS:])
        said += said_of(evidence)
    state = {name: np.concatenate([one[name] for one in states], axis=1) for name in states[0]}
    cohort = _Cohort(keys, [one.mark for one in followed], length, state, np.concatenate(tails, axis=2))
    cohort.said = said
    return cohort


def said_of(evidence: Evidence) -> list[Said]:
    """Return what evidence of one row, folded with ``explain``, says lane by lane."""
    readings = np.ascontiguousarray(np.concatenate([values[:, 0] for values in evidence.readings]).T)
    columns = (evidence.score[:, 0].T, evidence.confidence[:, 0].T, *(values[0] for values in evidence[2:6]))
    return [Said(*row) for row in zip(*(values.tolist() for values in columns), readings, strict=True)]
