"""Bars as an exchange tells them, and what is plainly wrong with one."""

from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np

from engine.window import Window, empty

NO_TAKER = nan  # this very object: tuples that hold it compare equal
AHEAD_MS = 2_000  # a bar may seem to come this much early: clocks differ, and the offset is measured to about as much

Values = tuple[float, float, float, float, float, float]


class Bar(NamedTuple):
    """One bar: values as in ``engine.window.COLUMNS``; ``closed`` as the exchange says, None where it does not."""

    open_time: int
    values: Values
    closed: bool | None


def bar_of(row: Any) -> Bar:
    """Return ccxt's row [time, open, high, low, close, volume] and what our subclasses add: taker volume, closed.

    Raises ValueError or TypeError for another shape.
    """
    open_time, opened, high, low, closed, volume = (row[0], *(float(x) for x in row[1:6]))
    taker = NO_TAKER if len(row) < 7 or row[6] is None else float(row[6])
    flag = row[7] if len(row) > 7 else None
    return Bar(int(open_time), (opened, high, low, closed, volume, taker), flag)


def fault(bar: Bar, interval_ms: int, now: int) -> str | None:
    """Return the code of what is wrong with a bar at exchange time ``now``, or None."""
    if not all(map(isfinite, bar.values[:5])):
        return "not_a_number"
    if bar.open_time % interval_ms:
        return "off_grid"
    if bar.open_time > now + AHEAD_MS:
        return "future"
    if bar.closed and bar.open_time + interval_ms > now + AHEAD_MS:
        return "half_formed"
    return None if _makes_sense(bar.values) else "nonsense"


def _makes_sense(values: Values) -> bool:
    opened, high, low, closed, volume, taker = values
    bought = taker is NO_TAKER or 0 <= taker <= volume * (1 + 1e-9)
    return bought and volume >= 0 and 0 < low <= min(opened, closed) and max(opened, closed) <= high


def window_of(bars: list[Bar]) -> Window:
    """Return bars as arrays, by time."""
    if not bars:
        return empty()
    bars = sorted(bars)
    times = np.array([b.open_time for b in bars], dtype=np.int64)
    return Window(times, np.array([b.values for b in bars]).T.copy())
