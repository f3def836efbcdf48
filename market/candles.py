"""Bars out of and into the candle table, many at a time: no object a bar, and on PostgreSQL no text either."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.db.models import F, FloatField, QuerySet, Value
from django.db.models.functions import Coalesce

from engine.window import COLUMNS, Window
from market.among import Among
from market.models import Candle, Series

# Around the rows of PostgreSQL's binary format: its signature without flags and extension, and the mark of its end.
COPY_HEAD, COPY_TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
# A row of it: how many fields, then each one's length and bytes. No field is null: see ``_query``.
ROW = np.dtype(
    [("fields", ">i2")]
    + [(name + part, kind) for name in ("series", "time") for part, kind in (("_bytes", ">i4"), ("", ">i8"))]
    + [(name + part, kind) for name in COLUMNS for part, kind in (("_bytes", ">i4"), ("", ">f8"))]
)


class Rows(NamedTuple):
    """Bars of many series, one series after the other, oldest first. values: (6, n), rows as in COLUMNS."""

    series: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def by_series(self) -> Iterator[tuple[int, Window]]:
        """Yield each series' id and bars."""
        firsts = np.flatnonzero(np.diff(self.series, prepend=-1))
        for a, b in zip(firsts, np.append(firsts, len(self.series))[1:], strict=True):
            yield int(self.series[a]), Window(self.times[a:b], np.ascontiguousarray(self.values[:, a:b]))


def read_rows(members: Sequence[Series], start: int, end: int, lock: bool = False) -> Rows:
    """Return stored bars that open in [start, end).

    ``lock``: nobody else may change them until the transaction ends.
    """
    query = _query(members, start, end)
    if lock:
        query = query.select_for_update()
    return _copied(query) if connection.vendor == "postgresql" and not lock else _fetched(query)


def _query(members: Sequence[Series], start: int, end: int) -> QuerySet[Candle, Any]:
    bars = Candle.objects.filter(Among("series_id", (one.pk for one in members))).opening(start, end)
    names = [*COLUMNS[:-1], "taker"]
    taker: Any = F(COLUMNS[-1])
    if connection.vendor == "postgresql":
        taker = Coalesce(taker, Value(float("nan"), FloatField()))
    return bars.annotate(taker=taker).order_by("series_id", "open_time").values_list("series_id", "open_time", *names)


def _fetched(query: QuerySet[Candle, Any]) -> Rows:
    # An id or a time in ms is exact below 2**53; a missing taker volume becomes NaN.
    rows = np.array(query, dtype=np.float64).reshape(-1, 2 + len(COLUMNS))
    return Rows(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), np.ascontiguousarray(rows[:, 2:].T))


def _copied(query: QuerySet[Candle, Any]) -> Rows:
    sql, parameters = query.query.sql_with_params()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", parameters) as copy:
        data = b"".join(copy)
    rows = np.frombuffer(
        data, dtype=ROW, count=(len(data) - len(COPY_HEAD) - len(COPY_TAIL)) // ROW.itemsize, offset=len(COPY_HEAD)
    )
    values = np.empty((len(COLUMNS), len(rows)))
    for column, name in zip(values, COLUMNS, strict=True):
        column[:] = rows[name]
    return Rows(rows["series"].astype(np.int64), rows["time"].astype(np.int64), values)


def read_candles(members: Sequence[Series], start: int, end: int, lock: bool = False) -> dict[int, Window]:
    """Return stored bars that open in [start, end) by series id, oldest first; series without bars are left out.

    ``lock``: as for ``read_rows``.
    """
    return dict(read_rows(members, start, end, lock).by_series())
