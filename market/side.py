"""Series beside the candles: checked and appended at the one door, kept in memory for the scan."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

import numpy as np
from django.db import transaction

from engine.side import HISTORY_MS, KINDS, SideValues, read_as
from engine.timeframes import INTERVAL_MS
from market.among import Among
from market.models import Instrument, SideSeries, SideValue

BATCH = 2000
COMMIT_MS = 1000  # a scan that runs while a value is being stored must not be the only one to miss it
# A window may end this much before the time that is asked for: two of the longest bars, then it is stale.
SLACK_MS = 2 * max(INTERVAL_MS.values())


class Arrival(NamedTuple):
    """A value as it comes in. time: ms, what it is of. value: as in ``SideValue``."""

    time: int
    value: float


def store(instrument: Instrument, kind: str, arrivals: Iterable[Arrival], known_at: int | None = None) -> Counter[str]:
    """Append values of one kind, oldest first; return how many were ``stored`` and how many rejected, by reason.

    known_at: market time, ms, at which a feed has them; only bars that close a second later or more will read them, so
    that a score of the past stays what it was. None: each was known at its own time, as for history that is imported.
    A value that is stored already is counted as ``stored before``. Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of side series; known are {', '.join(KINDS)}")
    counts: Counter[str] = Counter()
    SideSeries.objects.get_or_create(instrument=instrument, kind=kind)
    with transaction.atomic():
        series = SideSeries.objects.select_for_update().get(instrument=instrument, kind=kind)
        given = list(arrivals)
        oldest = min((one.time for one in given), default=0)
        stored = dict(series.values.filter(time__gte=oldest).values_list("time", "value"))
        rows = []
        for arrival in given:
            fault = _fault(kind, arrival, known_at) or _misplaced(series, stored, arrival)
            if fault:
                counts[fault] += 1
                continue
            series.newest = arrival.time
            known = arrival.time if known_at is None else known_at + COMMIT_MS
            series.known_until = max(series.known_until, known)
            rows.append(
                SideValue(series=series, time=arrival.time, known_at=series.known_until, value=float(arrival.value))
            )
        SideValue.objects.bulk_create(rows, BATCH)
        series.save(update_fields=["newest", "known_until"])
    counts["stored"] = len(rows)
    return counts


def _fault(kind: str, arrival: Arrival, known_at: int | None) -> str | None:
    low, high = KINDS[kind].low, KINDS[kind].high
    if arrival.time <= 0:
        return "time is not above 0"
    if not low <= arrival.value <= high:  # false for NaN as well
        return f"{kind} is out of range or no number"
    if known_at is not None and arrival.time > known_at:
        return "time lies in the future"
    return None


def _misplaced(series: SideSeries, stored: Mapping[int, float], arrival: Arrival) -> str | None:
    if arrival.time > series.newest:
        return None
    if stored.get(arrival.time) == arrival.value:
        return "stored before"
    return "another value is stored for this time" if arrival.time in stored else "time does not increase"


def read(members: Iterable[SideSeries], after: int) -> dict[int, SideValues]:
    """Return stored values with a later time than ``after`` by series id, oldest first; without values: left out."""
    kinds = {one.pk: one.kind for one in members}
    wanted = SideValue.objects.filter(Among("series_id", kinds), time__gt=after)
    rows = wanted.order_by("series_id", "time").values_list("series_id", "time", "known_at", "value")
    found = {}
    for pk, group in groupby(rows.iterator(), key=lambda row: row[0]):
        _, times, known_at, values = zip(*group, strict=True)
        found[pk] = SideValues(
            np.array(times, dtype=np.int64), np.array(known_at, dtype=np.int64), read_as(kinds[pk], list(values))
        )
    return found


def beside(instrument: int, begin: int) -> dict[str, SideValues]:
    """Return by kind what lies beside an instrument's (id) candles, as far back as closes from ``begin`` on read."""
    members = {one.pk: one for one in SideSeries.objects.filter(instrument=instrument)}
    found = read(members.values(), begin - HISTORY_MS) if members else {}
    return {members[pk].kind: values for pk, values in found.items()}


class SideMemory:
    """The newest values beside the candles of many instruments; ``refresh`` reads what is new."""

    def __init__(self) -> None:
        self._values: dict[int, SideValues] = {}
        self._series: dict[int, dict[str, int]] = {}

    def refresh(self, instruments: Iterable[int], until: int) -> None:
        """Read what bars of these instruments (ids) that close at ``until`` may read."""
        ids = set(instruments)
        members = list(SideSeries.objects.filter(Among("instrument_id", ids))) if ids else []
        for pk in ids:
            self._series[pk] = {}
        for one in members:
            self._series[one.instrument_id][one.kind] = one.pk
        oldest = until - HISTORY_MS - SLACK_MS
        new = [one for one in members if one.pk not in self._values]
        self._take(new, oldest, oldest)
        grown = [one for one in members if one.newest > self._newest(one)]
        if grown:
            self._take(grown, max(min(self._newest(one) for one in grown), oldest), oldest)

    def of(self, instrument: int) -> dict[str, SideValues]:
        """Return the values beside an instrument's candles, by kind."""
        return {kind: self._values[pk] for kind, pk in self._series.get(instrument, {}).items()}

    def _newest(self, one: SideSeries) -> int:
        times = self._values[one.pk].times
        return int(times[-1]) if len(times) else 0

    def _take(self, members: list[SideSeries], after: int, oldest: int) -> None:
        """Append what is newer than ``after`` and than what is there; forget what is as old as ``oldest``."""
        found = read(members, after) if members else {}
        for one in members:
            old, new = self._values.get(one.pk, NOTHING), found.get(one.pk, NOTHING)
            fresh = new.newer_than(int(old.times[-1]) if len(old.times) else 0)
            joined = SideValues(
                np.concatenate([old.times, fresh.times]),
                np.concatenate([old.known_at, fresh.known_at]),
                np.concatenate([old.values, fresh.values]),
            )
            self._values[one.pk] = joined.newer_than(oldest)


NOTHING = SideValues(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
