"""Stretches without bars, as arrays see them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LONGEST_WITHOUT_TRADES = 2  # bars; a longer hole in a recording is an outage


class HoleSpan(NamedTuple):
    """No bars open in [start, end) (ms); reason as in ``Hole.Reason``."""

    start: int
    end: int
    reason: str


def gaps(open_times: npt.NDArray[np.int64], interval_ms: int) -> list[tuple[int, int]]:
    """Return the stretches [start, end) between neighbouring bars in which no bar opens."""
    jumps = np.flatnonzero(np.diff(open_times) != interval_ms)
    return [(int(open_times[i]) + interval_ms, int(open_times[i + 1])) for i in jumps]


def recorded(open_times: npt.NDArray[np.int64], interval_ms: int) -> list[HoleSpan]:
    """Return the holes of a recording, where a short one means no trades and a longer one an outage."""
    longest = LONGEST_WITHOUT_TRADES * interval_ms
    return [
        HoleSpan(start, end, "no_trades" if end - start <= longest else "outage")
        for start, end in gaps(open_times, interval_ms)
    ]
