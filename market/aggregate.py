"""Larger bars from smaller ones, made only where nothing is missing."""

import numpy as np
import numpy.typing as npt

from engine.window import COLUMNS, Window, empty
from market.holes import HoleSpan

FloatArray = npt.NDArray[np.float64]


def aggregate(base: Window, holes: list[HoleSpan], base_ms: int, target_ms: int) -> tuple[Window, list[HoleSpan]]:
    """Return the bars of ``target_ms`` that ``base`` completes, and the holes that they inherit.

    A bar is made when each of its base bars is there or its hole is ``no_trades``; bars at the ends that the data
    does not cover are not made. Zero-volume bars take no part in the prices (they repeat the last close) unless
    there is nothing else.
    """
    if base_ms == target_ms or not len(base.open_times):
        return base, list(holes)
    factor = target_ms // base_ms
    bucket = base.open_times // target_ms
    firsts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    counts = np.diff(np.append(firsts, len(bucket)))
    silent = _bars_without_trades(holes, base_ms, target_ms)
    expected = np.array([factor - silent.get(int(number), 0) for number in bucket[firsts]])
    complete = np.flatnonzero(counts == expected)
    if not len(complete):
        return empty(), []
    made = Window(bucket[firsts[complete]] * target_ms, _bars(base.values, firsts[complete], counts[complete]))
    return made, _inherited(made, holes, target_ms)


def _bars(values: FloatArray, firsts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> FloatArray:
    """Return (6, bars): each from the ``counts`` base bars that begin at ``firsts``."""
    made = np.zeros((len(COLUMNS), len(firsts)))
    traded = np.zeros(len(firsts), dtype=bool)
    for k in range(int(counts.max())):
        traded[counts > k] |= values[4, firsts[counts > k] + k] > 0.0
    begun = np.zeros(len(firsts), dtype=bool)
    for k in range(int(counts.max())):  # in time's order: a sum's last bit depends on it
        there = np.flatnonzero(counts > k)
        bars = values[:, firsts[there] + k]
        made[4:, there] += bars[4:]
        counted = (bars[4] > 0.0) | ~traded[there]
        at, bars = there[counted], bars[:, counted]
        new = ~begun[at]
        made[:3, at[new]] = bars[:3, new]
        made[1, at] = np.maximum(made[1, at], bars[1])
        made[2, at] = np.minimum(made[2, at], bars[2])
        made[3, at] = bars[3]
        begun[at] = True
    return made


def _bars_without_trades(holes: list[HoleSpan], base_ms: int, target_ms: int) -> dict[int, int]:
    """Return, by target bar number, how many of its base bars are known to be without trades."""
    counts: dict[int, int] = {}
    for hole in holes:
        if hole.reason == "no_trades":
            for open_time in range(hole.start, hole.end, base_ms):
                number = open_time // target_ms
                counts[number] = counts.get(number, 0) + 1
    return counts


def _inherited(made: Window, holes: list[HoleSpan], target_ms: int) -> list[HoleSpan]:
    """Return the holes between the bars made, each with the reason of the base hole that caused it."""
    spans = []
    for i in np.flatnonzero(np.diff(made.open_times) != target_ms):
        start, end = int(made.open_times[i]) + target_ms, int(made.open_times[i + 1])
        causes = [h.reason for h in holes if h.start < end and h.end > start and h.reason != "no_trades"]
        # An unconfirmed hole outweighs a confirmed one: it may still be filled.
        reason = "missing" if "missing" in causes else (causes[0] if causes else "no_trades")
        spans.append(HoleSpan(start, end, reason))
    return spans
