"""Every table of the installed apps, whatever they are: its rows in batches, and a digest of what it holds."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from hashlib import blake2b
from typing import Any, NamedTuple

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from agent.transfer import TransferError

Row = Sequence[Any]


class Contents(NamedTuple):
    """How many rows a table has, and 32 hex digits over all their values, whatever their order."""

    rows: int
    digest: str


class Table:
    """The table of one model."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.name = model._meta.db_table
        self.fields = [f for f in model._meta.local_concrete_fields if not f.generated]
        self._attributes = [f.attname for f in self.fields]
        self._key = [f.attname for f in model._meta.pk_fields]

    def __repr__(self) -> str:
        return self.name

    def needs(self) -> set[type[models.Model]]:
        """Return the models whose rows must be there before these; rows may also refer to rows of their own table."""
        related = {f.remote_field.model for f in self.fields if f.remote_field}
        return {m._meta.concrete_model or m for m in related} - {self.model}

    def refers_to_itself(self) -> bool:
        return any(f.remote_field and f.remote_field.model is self.model for f in self.fields)

    def count(self, using: str) -> int:
        return self.model._base_manager.using(using).count()

    def batches(
        self, using: str, size: int, after: Sequence[Any] | None = None
    ) -> Iterator[tuple[list[Row], list[Any]]]:
        """Yield (rows, key of the last one) in the order of the primary key, behind ``after``."""
        wanted = self.model._base_manager.using(using).order_by("pk").values_list(*self._attributes, *self._key)
        while True:
            where = {} if after is None else {"pk__gt": tuple(after) if len(self._key) > 1 else after[0]}
            found = list(wanted.filter(**where)[:size])
            if not found:
                return
            after = list(found[-1][len(self._attributes) :])
            yield [row[: len(self._attributes)] for row in found], after

    def write(self, target: BaseDatabaseWrapper, rows: Sequence[Row]) -> None:
        """Insert rows as they are: no default, no automatic time, no signal."""
        prepared = ([f.get_db_prep_save(v, target) for f, v in zip(self.fields, row, strict=True)] for row in rows)
        columns = ", ".join(target.ops.quote_name(str(f.column)) for f in self.fields)
        into = f"{target.ops.quote_name(self.name)} ({columns})"
        with target.cursor() as cursor:
            if target.vendor == "postgresql":  # COPY: several times as fast as INSERT
                with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                    for row in prepared:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(self.fields))
                cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", list(prepared))  # noqa: S608  names, no input

    def clear(self, target: BaseDatabaseWrapper) -> None:
        with target.cursor() as cursor:
            cursor.execute(f"DELETE FROM {target.ops.quote_name(self.name)}")  # noqa: S608

    def contents(self, using: str, size: int) -> Contents:
        """Read all rows; equal contents of two databases of different kinds give equal digests."""
        count = total = 0
        for rows, _ in self.batches(using, size):
            count += len(rows)
            total += sum(_hash(row) for row in rows)
        return Contents(count, f"{total % 2**128:032x}")


def _hash(row: Row) -> int:
    text = repr([_plain(value) for value in row])
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")


def _plain(value: Any) -> Any:
    """Return a value as both kinds of database give it back."""
    if isinstance(value, float):
        return value + 0.0  # jsonb knows no −0
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(_plain_json(value), sort_keys=True)
    return value


def _plain_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_json(item) for item in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value  # jsonb writes 1e22 as an integer
    return value


def all_tables() -> list[Table]:
    """Return the tables of all installed apps, each behind those that it refers to."""
    managed = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    tables = {m: Table(m) for m in sorted(managed, key=lambda m: m._meta.db_table)}
    try:
        order = TopologicalSorter({m: t.needs() for m, t in tables.items()}).static_order()
        return [tables[m] for m in order if m in tables]
    except CycleError as error:
        names = " -> ".join(m._meta.label for m in error.args[1])
        raise TransferError(f"these models refer to each other in a circle: {names}") from error
