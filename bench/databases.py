"""Databases of a bench's own, migrated and empty, under settings of their own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _migrated(**environment: str) -> None:
    os.environ |= environment | {"MARKET_SOURCE": "simulated", "DJANGO_SETTINGS_MODULE": "realtime_agent.settings"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


@contextmanager
def on_sqlite() -> Iterator[Path]:
    """Give the folder of an embedded agent's data."""
    with tempfile.TemporaryDirectory() as folder:
        _migrated(DATA_DIR=folder)
        yield Path(folder)


@contextmanager
def on_postgresql() -> Iterator[Path]:
    """The same on the server of TEST_DATABASE_URL, as a worker has it."""
    from tests.databases import empty_database

    with empty_database() as url, tempfile.TemporaryDirectory() as folder:
        for name in ("REDIS_URL", "CELERY_BROKER_URL"):
            os.environ.pop(name, None)
        _migrated(DATABASE_URL=url, DATA_DIR=folder, DATABASE_POOL_SIZE="0")
        from django.db import connection

        yield Path(folder)
        connection.close()
