"""How far a transfer is: rows of the target, written with the batch that they tell of."""

import json
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

NAME = "transfer_progress"


class Progress:
    """Named values in a table of the target that is there only while a transfer is under way."""

    def __init__(self, target: BaseDatabaseWrapper) -> None:
        self._target = target

    def exists(self) -> bool:
        return NAME in self._target.introspection.table_names()

    def create(self) -> None:
        self._execute(f"CREATE TABLE {NAME} (name varchar(200) PRIMARY KEY, value text NOT NULL)")

    def drop(self) -> None:
        self._execute(f"DROP TABLE {NAME}")

    def __getitem__(self, name: str) -> Any:
        """Return the value, or None."""
        with self._target.cursor() as cursor:
            cursor.execute(f"SELECT value FROM {NAME} WHERE name = %s", [name])  # noqa: S608
            row = cursor.fetchone()
        return json.loads(row[0]) if row else None

    def __setitem__(self, name: str, value: Any) -> None:
        sql = f"INSERT INTO {NAME} VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"  # noqa: S608
        self._execute(sql, [name, json.dumps(value, default=str)])

    def _execute(self, sql: str, parameters: list[str] | None = None) -> None:
        with self._target.cursor() as cursor:
            cursor.execute(sql, parameters)
