"""Which bars of a history may be scored: ``market.windows.cut`` for every bar of a series at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.timeframes import BLOCK_BARS, MIN_BARS, window_start
from market.holes import LONGEST_WITHOUT_TRADES, HoleSpan, gaps
from market.windows import RECENT_BARS, hole_reason

IntArray = npt.NDArray[np.int64]


def scoreable(
    open_times: IntArray, holes: Sequence[HoleSpan], first_open: int, interval_ms: int
) -> npt.NDArray[np.bool_]:
    """Return for each bar, (n,), whether its window has no hole that forbids a score and enough bars.

    open_times: ms, rising, reaching back to the first bar's window or to ``first_open``. Staleness is the caller's.
    """
    if not len(open_times):
        return np.zeros(0, dtype=bool)
    block = (open_times + interval_ms) // (BLOCK_BARS * interval_ms)
    firsts = np.flatnonzero(np.diff(block, prepend=block[0] - 1))
    begins = [window_start(int(open_times[i]) + interval_ms, interval_ms, first_open) for i in firsts]
    heads = np.searchsorted(open_times, begins)  # of each block: the first bar in its windows
    reach_back = [
        int(open_times[head]) <= begin or hole_reason(holes, begin, int(open_times[head])) is not None
        for head, begin in zip(heads, begins, strict=True)
    ]
    of_bar = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(open_times))))
    head, bars = heads[of_bar], np.arange(len(open_times))
    usable = np.array(reach_back)[of_bar] & (bars - head + 1 >= MIN_BARS)
    ordered = sorted(holes)
    starts = [hole.start for hole in ordered]
    reached = np.maximum.accumulate(np.array([hole.end for hole in ordered], dtype=np.int64))  # holes may overlap
    for begin, end in gaps(open_times, interval_ms):
        near = ordered[np.searchsorted(reached, begin, side="right") : np.searchsorted(starts, end)]
        reason = hole_reason(near, begin, end) or "missing"
        silent = reason == "no_trades" and end - begin <= LONGEST_WITHOUT_TRADES * interval_ms
        after = int(np.searchsorted(open_times, end))
        if reason == "missing":
            spoilt = slice(after, int(np.searchsorted(head, after)))  # all whose window holds the bar before the gap
        elif not silent:
            spoilt = slice(after, after + RECENT_BARS - 1)
        else:
            continue
        usable[spoilt] &= head[spoilt] >= after
    return usable
