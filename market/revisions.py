"""Corrected bars: their former values are kept, so that what was known at a time can be told later."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import numpy as np
from django.db.models import Max, Min
from django.utils import timezone

from engine.window import COLUMNS, Window, empty, join
from market.candles import read_candles
from market.models import Candle, CandleRevision, Market, Series

BATCH = 2000


class Former(NamedTuple):
    """A bar of ``series`` before it is overwritten; values as in COLUMNS, or None where it was not stored."""

    series: Series
    open_time: int
    values: list[float] | None


def keep_former(market: Market, arrivals: Iterable[tuple[Series, Window]]) -> int:
    """Keep what the arriving bars are about to change; return how many. To be called in the transaction that does it.

    A bar that closes after the market's ``last_close`` is news and is not looked up: nothing newer was ever stored.
    """
    seen = Market.objects.values_list("last_close", flat=True).get(pk=market.pk) or 0
    known = [(one, bars.between(0, seen - one.interval_ms + 1)) for one, bars in arrivals]
    known = sorted(((o, b) for o, b in known if len(b.open_times)), key=lambda arrival: arrival[0].interval_ms)
    former: list[Former] = []
    for _, group in groupby(known, key=lambda arrival: arrival[0].interval_ms):
        former += _former(list(group))
    if former:
        _number(market, former)
    return len(former)


def _former(arrivals: list[tuple[Series, Window]]) -> list[Former]:
    members = [one for one, _ in arrivals]
    first = min(int(bars.open_times[0]) for _, bars in arrivals)
    last = max(int(bars.open_times[-1]) for _, bars in arrivals)
    # Locked: of two corrections of one bar the second must find what the first has made of it.
    stored = read_candles(members, first, last + 1, lock=True)
    changed, late = [], []
    for one, bars in arrivals:
        old = stored.get(one.pk, empty())
        at = np.minimum(np.searchsorted(old.open_times, bars.open_times), len(old.open_times) - 1)
        there = old.open_times[at] == bars.open_times if len(old.open_times) else np.zeros(len(at), dtype=bool)
        same = np.ones_like(there)
        same[there] = _equal(old.values[:, at[there]], bars.values[:, there])
        changed += [Former(one, int(old.open_times[i]), old.values[:, i].tolist()) for i in at[~same]]
        late += [Former(one, int(t), None) for t in bars.open_times[~there]]
    return changed + _between_stored(late)


def _equal(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return for each bar whether all its values are equal; a missing taker volume equals a missing one."""
    return np.all((old == new) | (np.isnan(old) & np.isnan(new)), axis=0)


def _between_stored(late: list[Former]) -> list[Former]:
    """Return the late bars that have stored ones on both sides: a window may have been cut across them."""
    if not late:
        return []
    members = {bar.series.pk for bar in late}
    behind = Candle.objects.filter(series__in=members, open_time__gt=min(bar.open_time for bar in late))
    newest = dict(behind.values_list("series_id").annotate(Max("open_time")))
    late = [bar for bar in late if bar.open_time < newest.get(bar.series.pk, 0)]
    before = Candle.objects.filter(series__in={bar.series.pk for bar in late})
    oldest = dict(before.values_list("series_id").annotate(Min("open_time"))) if late else {}
    return [bar for bar in late if bar.open_time > oldest[bar.series.pk]]


def _number(market: Market, former: list[Former]) -> None:
    row = Market.objects.select_for_update().get(pk=market.pk)
    now = timezone.now()
    revisions = [
        CandleRevision(
            market=row,
            number=row.corrections + n,
            series=bar.series,
            open_time=bar.open_time,
            corrected_at=now,
            **_columns(bar.values),
        )
        for n, bar in enumerate(former, start=1)
    ]
    CandleRevision.objects.bulk_create(revisions, BATCH)
    Market.objects.filter(pk=market.pk).update(corrections=row.corrections + len(revisions))


def _columns(values: list[float] | None) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in zip(COLUMNS, values or [], strict=False)}


def known_then(series: Series, start: int, end: int, at: datetime, used: Callable[[Window], bool]) -> Window:
    """Return the bars that open in [start, end) as they were known at ``at`` (wall time).

    Who read them may have done so just before or after a correction that bears nearly the same time: of all the
    states that there were, the one that ``used`` recognises goes first.
    """
    current = read_candles([series], start, end).get(series.pk, empty())
    if used(current):
        return current
    states = list(_states(series, current, start, end))
    then = next((bars for until, bars in reversed(states) if until > at), current)
    return next((bars for _, bars in states if used(bars)), then)


def _states(series: Series, bars: Window, start: int, end: int) -> Iterator[tuple[datetime, Window]]:
    """Yield what the bars were before each correction, the newest first, each with the time until when."""
    revisions = CandleRevision.objects.filter(series=series, open_time__gte=start, open_time__lt=end)
    newest_first = revisions.order_by("-number").values_list("corrected_at", "open_time", *COLUMNS)
    for until, rows in groupby(newest_first, key=lambda row: row[0]):
        for _, open_time, *values in rows:
            bars = _put_back(bars, open_time, values)
        yield until, bars


def _put_back(bars: Window, open_time: int, values: list[float | None]) -> Window:
    parts = [bars.between(0, open_time), bars.between(open_time + 1, np.iinfo(np.int64).max)]
    if values[0] is not None:
        former = np.array(values, dtype=np.float64)[:, None]  # a missing taker volume becomes NaN
        parts.insert(1, Window(np.array([open_time], dtype=np.int64), former))
    return join(parts)
