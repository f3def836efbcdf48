"""The two ends of a transfer: one consistent view of the source, and a target that is empty or was begun before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dj_database_url
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from agent.transfer import TransferError

SOURCE, TARGET = "transfer_source", "transfer_target"
ENGINES = ("django.db.backends.postgresql", "django.db.backends.sqlite3")


@contextmanager
def both_ends(url: str) -> Iterator[tuple[BaseDatabaseWrapper, BaseDatabaseWrapper]]:
    """Open both databases; all reads of the source see it as it is at the first one."""
    source, target = _source_settings(), _target_settings(url)
    if identity(source) == identity(target):
        raise TransferError(f"--to {shown(target)}: is the database that is to be moved")
    connections.databases[SOURCE], connections.databases[TARGET] = source, target
    try:
        _require_answer(connections[TARGET], target)
        with transaction.atomic(using=SOURCE):
            yield connections[SOURCE], connections[TARGET]
    finally:
        for alias in (SOURCE, TARGET):
            connections[alias].close()
            del connections[alias], connections.databases[alias]


def _source_settings() -> dict[str, Any]:
    own = dict(connections["default"].settings_dict)
    if own["ENGINE"] == "django.db.backends.postgresql":
        from psycopg import IsolationLevel

        return own | {"OPTIONS": {"isolation_level": IsolationLevel.REPEATABLE_READ}}
    return own | {"OPTIONS": {"transaction_mode": "DEFERRED", "timeout": 20}}  # a reader: writers need not wait


def _target_settings(url: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except Exception as error:  # its own errors and urllib's
        raise TransferError(f"--to: {error}") from error
    if parsed.get("ENGINE") not in ENGINES or not parsed.get("NAME"):
        raise TransferError("--to: must be postgres://user:password@host:port/database or sqlite:///<file>")
    return connections.configure_settings({"default": parsed})["default"]


def identity(database: dict[str, Any]) -> str:
    """Return what tells one database from another, without its password."""
    name = str(database["NAME"])
    if database["ENGINE"].endswith("sqlite3"):
        return f"sqlite:{name if name.startswith('file:') else Path(name).resolve()}"
    return f"postgres:{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}/{name}"


def shown(database: dict[str, Any]) -> str:
    """Return a database's address without its password."""
    kind, _, rest = identity(database).partition(":")
    return f"{kind}://{rest}"


def _require_answer(target: BaseDatabaseWrapper, database: dict[str, Any]) -> None:
    try:
        target.ensure_connection()
    except DatabaseError as error:
        raise TransferError(f"--to {shown(database)}: {str(error).strip().splitlines()[0]}") from error


def require_migrated() -> None:
    """Raise TransferError if the source lacks migrations: both ends must have the same tables."""
    executor = MigrationExecutor(connections["default"])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise TransferError("the database to be moved is not up to date: run manage.py migrate first")


def require_empty(target: BaseDatabaseWrapper) -> None:
    """Raise TransferError, naming what is there, if the target holds any table."""
    tables = sorted(target.introspection.table_names())
    if tables:
        some = ", ".join(tables[:3]) + (f" and {len(tables) - 3} more" if len(tables) > 3 else "")
        raise TransferError(
            f"--to {shown(target.settings_dict)}: is not empty, it has the tables {some}. Nothing was changed. "
            "Give the name of a new, empty database (createdb)"
        )


def make_tables(target: BaseDatabaseWrapper) -> None:
    """Create the tables in the target, without the rows that a first start puts into them."""
    executor = MigrationExecutor(target)
    executor.migrate(executor.loader.graph.leaf_nodes())
