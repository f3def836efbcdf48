"""The newest bars of all series of one timeframe, side by side in memory: one bar more of each is one step for all."""

from collections.abc import Hashable
from itertools import count

import numpy as np
import numpy.typing as npt

from engine.timeframes import WINDOW_BARS
from engine.window import COLUMNS, Window, empty
from market.candles import Rows

OVERLAP_BARS = 3  # read again at each refresh: a correction or a late commit of the newest bars is seen
KEPT_BARS = WINDOW_BARS + OVERLAP_BARS
SPARE_BARS = 64  # steps until the bars are moved to the front of their memory

_marks = count()  # of all blocks: a mark says the same thing wherever it is met


class Block:
    """Bars by series id, at most KEPT_BARS and SPARE_BARS of each, oldest first."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._free: list[int] = []
        self._marks: dict[int, int] = {}
        self._times: npt.NDArray[np.int64]
        self._values: npt.NDArray[np.float64]
        self._ends: npt.NDArray[np.int64]
        self._whole: npt.NDArray[np.bool_]
        self._shape(0)

    def _shape(self, places: int) -> None:
        """Make room for as many series; what is there stays."""
        bars = KEPT_BARS + SPARE_BARS
        times, values = np.zeros((places, bars), np.int64), np.empty((places, len(COLUMNS), bars))
        ends, whole = np.zeros(places, np.int64), np.zeros(places, np.bool_)
        if self._place:
            old = len(self._ends)
            times[:old], values[:old], ends[:old], whole[:old] = self._times, self._values, self._ends, self._whole
        self._times, self._values, self._ends, self._whole = times, values, ends, whole

    def __contains__(self, pk: int) -> bool:
        return pk in self._place

    def bars(self, pk: int) -> Window:
        """Return a series' bars, without a copy; none where it is not here."""
        at = self._place.get(pk)
        if at is None:
            return empty()
        end = int(self._ends[at])
        return Window(self._times[at, :end], self._values[at, :, :end])

    def is_whole(self, pk: int) -> bool:
        return pk in self._place and bool(self._whole[self._place[pk]])

    def newest(self, pk: int) -> int | None:
        """Return when a series' newest bar opened."""
        at = self._place.get(pk)
        return int(self._times[at, self._ends[at] - 1]) if at is not None and self._ends[at] else None

    def mark(self, pk: int) -> Hashable:
        """Return what changes when a series' bars do in another way than by new ones behind them."""
        return self._marks.get(pk)

    def put(self, pk: int, bars: Window, whole: bool) -> None:
        """Take in a series' bars, in place of what was here of it; of more than KEPT_BARS the newest.

        ``whole``: they reach back to the start of the newest one's window.
        """
        goes_on = _begins_with(bars, self.bars(pk))
        if pk not in self._place:
            self._place[pk] = self._free.pop() if self._free else len(self._place)
        at = self._place[pk]
        if at >= len(self._ends):
            self._shape(max(16, 2 * at))
        kept = min(len(bars.open_times), KEPT_BARS)
        first = len(bars.open_times) - kept
        self._times[at, :kept], self._values[at, :, :kept] = bars.open_times[first:], bars.values[:, first:]
        self._ends[at], self._whole[at] = kept, whole
        if not goes_on or pk not in self._marks:
            self._marks[pk] = next(_marks)

    def drop(self, pk: int) -> None:
        """Forget a series."""
        if pk in self._place:
            self._free.append(self._place.pop(pk))
            del self._marks[pk]

    def follow(self, rows: Rows) -> set[int]:
        """Take in what follows the bars that are here, where the last OVERLAP_BARS of these head it, unchanged.

        Of the series that are whole and whose stretch of rows is as long as the longest. Return their ids; the others
        are left as they are.
        """
        firsts = np.flatnonzero(np.diff(rows.series, prepend=-1))
        lengths = np.diff(np.append(firsts, len(rows.series)))
        if not len(lengths) or not OVERLAP_BARS < lengths.max() <= OVERLAP_BARS + SPARE_BARS:
            return set()
        length = int(lengths.max())
        firsts = firsts[lengths == length]
        at = np.array([self._place[pk] for pk in rows.series[firsts].tolist()])
        ends, span = self._ends[at], firsts[:, None] + np.arange(length)
        known, new = np.arange(OVERLAP_BARS), length - OVERLAP_BARS
        before = np.maximum(ends[:, None] - OVERLAP_BARS + known, 0)  # too few: their times differ
        same = self._whole[at] & (self._times[at[:, None], before] == rows.times[span[:, known]]).all(axis=1)
        here, there = self._values[at[:, None], :, before], rows.values[:, span[:, known]].transpose(1, 2, 0)
        same &= ((here == there) | (np.isnan(here) & np.isnan(there))).all(axis=(1, 2))
        at, span = at[same], span[same]
        if (self._ends[at] + new > KEPT_BARS + SPARE_BARS).any():
            self._move_to_front()
        target = self._ends[at][:, None] + np.arange(new)
        fresh = span[:, OVERLAP_BARS:]
        self._times[at[:, None], target] = rows.times[fresh]
        self._values[at[:, None], :, target] = rows.values[:, fresh].transpose(1, 2, 0)
        self._ends[at] += new
        return set(rows.series[span[:, 0]].tolist())

    def _move_to_front(self) -> None:
        """Drop all but the newest KEPT_BARS of each series."""
        for at in self._place.values():
            end = int(self._ends[at])
            if end > KEPT_BARS:
                self._times[at, :KEPT_BARS] = self._times[at, end - KEPT_BARS : end].copy()
                self._values[at, :, :KEPT_BARS] = self._values[at, :, end - KEPT_BARS : end].copy()
                self._ends[at] = KEPT_BARS


def _begins_with(bars: Window, earlier: Window) -> bool:
    """Whether the newest of ``earlier`` stand unchanged in ``bars``, from the first of these on that there is."""
    if not len(earlier.open_times) or not len(bars.open_times):
        return False
    old = earlier.between(int(bars.open_times[0]), int(earlier.open_times[-1]) + 1)
    count = len(old.open_times)
    return (
        count > 0
        and np.array_equal(old.open_times, bars.open_times[:count])
        and np.array_equal(old.values, bars.values[:, :count], equal_nan=True)
    )
