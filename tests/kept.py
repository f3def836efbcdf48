"""Rows that are taken out of the database as they are and put back into it later: faster than making them again."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, transaction

from market.feeds import market_key
from presets.services import active_version

MILESTONES = (30, 60)  # kept on the way: where most tests begin
PLAYED = ("market", "signals", "agent", "risk", "alerts")  # the apps in whose tables a tick writes


class Kept(NamedTuple):
    """What one table held: on SQLite tuples, on PostgreSQL the text of COPY."""

    columns: str
    rows: Any


Rows = dict[str, Kept]  # by table
_markets: dict[tuple, Rows] = {}  # by market, preset version, ticks


def tables(*labels: str) -> list[str]:
    """Return the tables of these apps, or of all."""
    models = apps.get_models(include_auto_created=True)
    return [m._meta.db_table for m in models if m._meta.managed and (not labels or m._meta.app_label in labels)]


def filled(names: Iterable[str]) -> list[str]:
    """Return the tables that hold a row."""
    each = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return [name for (name,) in cursor.fetchall()]


def taken(names: Iterable[str]) -> Rows:
    """Return what these tables hold, but those that are empty."""
    with connection.cursor() as cursor:
        return {name: _read(cursor, name) for name in filled(names)}


def put_back(rows: Rows) -> None:
    """Insert what ``taken`` returned, under the same ids: this database has given them, it gives none of them again."""
    with transaction.atomic(), connection.cursor() as cursor:
        for name, kept in rows.items():
            _write(cursor, name, kept)


def restore(rows: Rows) -> None:
    """Let the whole database hold these rows and no others. Unlike TRUNCATE it waits for nobody who only reads."""
    with transaction.atomic(), connection.cursor() as cursor:
        for name in reversed(filled(tables())):
            cursor.execute(f'DELETE FROM "{name}"')
        put_back(rows)


def put_back_played(ticks: int, play: Callable[[int], object]) -> None:
    """Let the configured market be as ``play`` leaves it after so many ticks of an agent that nobody has configured.

    Played once in a process, from the longest part of it that was played before.
    """
    there = filled(tables(*PLAYED))
    assert not there, f"{there} hold rows already: what comes of them is to be played"
    kind = market_key(), active_version().pk
    done = max((n for *of, n in _markets if tuple(of) == kind and n <= ticks), default=0)
    if done:
        put_back(_markets[*kind, done])
    for until in (*(n for n in MILESTONES if done < n < ticks), ticks):
        if until > done:
            play(until - done)
            _markets[*kind, until], done = taken(tables(*PLAYED)), until


def put_back_begun(begin: Callable[[], object]) -> None:
    """Let the configured market stand at its beginning, as ``begin`` leaves it: its history, loaded once a process."""
    kind = market_key(), None, 0
    if kind in _markets:
        put_back(_markets[kind])
    else:
        begin()
        _markets[kind] = taken(tables("market"))


def _read(cursor: Any, name: str) -> Kept:
    cursor.execute(f'SELECT * FROM "{name}" LIMIT 0')
    columns = ", ".join(f'"{column[0]}"' for column in cursor.description)
    if connection.vendor == "postgresql":
        with cursor.copy(f'COPY (SELECT {columns} FROM "{name}") TO STDOUT') as copy:
            return Kept(columns, b"".join(copy))
    cursor.execute(f'SELECT {columns} FROM "{name}"')
    return Kept(columns, cursor.fetchall())


def _write(cursor: Any, name: str, kept: Kept) -> None:
    if connection.vendor == "postgresql":
        with cursor.copy(f'COPY "{name}" ({kept.columns}) FROM STDIN') as copy:
            copy.write(kept.rows)
    else:
        values = ", ".join(["%s"] * len(kept.rows[0]))
        cursor.executemany(f'INSERT INTO "{name}" ({kept.columns}) VALUES ({values})', kept.rows)
