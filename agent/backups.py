"""A copy of the database of one process, made beside it and put back; and a new epoch for what was put back."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from django.db import connection, transaction

from access import audit
from agent.models import Runner
from market.models import Market

PAGES = 2000  # copied before others may write


class BackupError(Exception):
    """It cannot be done; nothing was changed."""


def write_backup(path: Path) -> int:
    """Copy the SQLite database to ``path``, which must not be there, beside whoever writes to it; return its bytes."""
    _require_sqlite("pg_dump --format=custom --file=agent.dump DATABASE_URL")
    if path.exists():
        raise BackupError(f"{path} is there already")
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    connection.ensure_connection()
    with closing(sqlite3.connect(part)) as target:
        connection.connection.backup(target, pages=PAGES, sleep=0.01)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, whoever opens it
    part.rename(path)
    return path.stat().st_size


def put_back(path: Path) -> None:
    """Put a backup in the place of the SQLite database, with a new epoch. No process may use it meanwhile."""
    _require_sqlite("pg_restore --clean --if-exists --dbname=DATABASE_URL agent.dump, then manage.py new_epoch")
    _require_sound(path)
    place = Path(connection.settings_dict["NAME"])
    if place.exists() and _is_used():
        raise BackupError(f"a process scans on {place}: stop the server first")
    connection.close()
    part = place.with_name(f"{place.name}.part")
    part.write_bytes(path.read_bytes())
    for beside in ("-wal", "-shm"):  # of the database that goes: they would be played into the other one
        place.with_name(place.name + beside).unlink(missing_ok=True)
    part.replace(place)
    begin_epoch()


def begin_epoch() -> int:
    """Give every market a new epoch: numbers that were told after a backup are given again, for other signals.

    Return how many markets there are. Numbers go on; signals that are stored keep their ids.
    """
    with transaction.atomic():
        markets = list(Market.objects.select_for_update().order_by("pk"))
        for market in markets:
            old, market.epoch = market.epoch, uuid.uuid4()
            market.save(update_fields=["epoch"])
            audit.record("market.epoch", f"market {market.key}", {"epoch": str(old)}, {"epoch": str(market.epoch)})
    return len(markets)


def _require_sqlite(instead: str) -> None:
    if connection.vendor != "sqlite":
        raise BackupError(f"the database is no file of this machine: {instead}")


def _require_sound(path: Path) -> None:
    if not path.is_file():
        raise BackupError(f"there is no {path}")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source:
            [found] = source.execute("PRAGMA quick_check(1)").fetchone()
            source.execute("SELECT epoch FROM market_market").fetchall()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{path} is no backup of an agent: {error}") from error
    if found != "ok":
        raise BackupError(f"{path} is damaged: {found}")


def _is_used() -> bool:
    return "agent_runner" in connection.introspection.table_names() and Runner.alive().exists()
