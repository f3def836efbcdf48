"""The bars that the portfolio is taken through: as far as it is certain that none will come any more."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from engine.timeframes import INTERVAL_MS
from engine.window import Window, empty
from market.candles import read_candles
from market.holes import HoleSpan, gaps
from market.models import Hole, Series
from market.windows import hole_reason

GIVE_UP_MS = 24 * INTERVAL_MS["1h"]  # a bar that is still missing then is not waited for any longer


class Bar(NamedTuple):
    """One closed bar; prices in the quote asset."""

    open_time: int
    open: float
    high: float
    low: float
    close: float


class Course(NamedTuple):
    """closes: [(close in ms, bars by series id)] in order. until: how far that is certain (ms)."""

    closes: list[tuple[int, dict[int, Bar]]]
    until: int


def course(needed: Mapping[Series, int | None], start: int, now: int) -> Course:
    """Return the bars of series that close in (start, now], up to the first that may still come.

    needed: the open (ms) from which on each series' bars matter: one that is missing before is not waited for, with
    None no bar is.
    """
    members = {one.pk: one for one in needed}
    found = _read(list(needed), start, now)
    until = min(
        (_certain(one, found[one.pk], max(start, since), now) for one, since in needed.items() if since is not None),
        default=now,
    )
    closes: dict[int, dict[int, Bar]] = defaultdict(dict)
    for pk, bars in found.items():
        interval = members[pk].interval_ms
        rows = zip(bars.open_times.tolist(), *bars.values[:4].tolist(), strict=True)
        for open_time, *prices in rows:
            if open_time + interval <= until:
                closes[open_time + interval][pk] = Bar(open_time, *prices)
    return Course(sorted(closes.items()), until)


def _read(series: list[Series], start: int, now: int) -> dict[int, Window]:
    by_interval = defaultdict(list)
    for one in series:
        by_interval[one.interval_ms].append(one)
    found: dict[int, Window] = {one.pk: empty() for one in series}
    for interval, members in by_interval.items():
        found |= read_candles(members, start - interval + 1, now - interval + 1)
    return found


def _certain(one: Series, bars: Window, start: int, now: int) -> int:
    """Return up to when (ms) all bars of a series are there, or are known to be none."""
    interval = one.interval_ms
    end = now if one.ended_at is None else min(now, one.ended_at)
    first, behind = start // interval * interval, end // interval * interval
    if first >= behind:
        return now
    times = bars.open_times[np.searchsorted(bars.open_times, first) :]
    missing = gaps(np.concatenate([[first - interval], times, [behind]]), interval)
    if not missing:
        return now
    rows = Hole.objects.filter(series=one, end__gt=first, start__lt=behind).values_list("start", "end", "reason")
    holes = [HoleSpan(*hole) for hole in rows]
    for begin, finish in missing:
        open_still = (hole_reason(holes, begin, finish) or Hole.Reason.MISSING) == Hole.Reason.MISSING
        if open_still and now - (begin + interval) < GIVE_UP_MS:
            return begin + interval - 1
    return now
