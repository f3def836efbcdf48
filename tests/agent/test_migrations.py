"""An upgrade can be undone: every migration has a reverse, and there and back keeps what is stored."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

OURS = {c.label for c in apps.get_app_configs() if str(c.path).startswith(str(settings.BASE_DIR / c.label))}
LOADER = MigrationLoader(None, ignore_no_migrations=True)
MIGRATIONS = sorted(key for key in LOADER.disk_migrations if key[0] in OURS)

CACHE = "signals_seriesstate"  # the next scan fills it again


def test_the_apps_of_the_house_are_looked_at():
    assert {"access", "market", "presets", "signals", "backtest", "agent"} <= OURS
    assert len(MIGRATIONS) > 15


@pytest.mark.parametrize("key", MIGRATIONS, ids="/".join)
def test_every_operation_of_a_migration_has_a_reverse(key):
    lacking = [operation.describe() for operation in LOADER.disk_migrations[key].operations if not operation.reversible]
    assert lacking == []


def rows():
    """Return the number of rows of every table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table != "django_migrations":
                cursor.execute(f"SELECT count(*) FROM {table}")
                found[table] = cursor.fetchone()[0]
    return found


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor


@pytest.mark.django_db(transaction=True)
def test_going_one_migration_back_and_on_again_keeps_every_row(play):
    stored = play(8)
    signals = {(s.pk, s.instrument_id, s.seq) for s in stored}
    before = rows()
    assert before["signals_signal"] == len(signals) > 0
    assert before["agent_tally"] > 0
    leaves = [key for key in LOADER.graph.leaf_nodes() if key[0] in OURS]
    back = [max(older) for leaf in leaves if (older := [k for k in MIGRATIONS if k[0] == leaf[0] and k < leaf])]
    try:
        migrate(back)
        lost = {*(set(before) - set(rows())), CACHE}
        kept = {table: count for table, count in before.items() if table not in lost}
        assert {table: rows()[table] for table in kept} == kept
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, instrument_id, seq FROM signals_signal")
            assert {tuple(map(str, row)) for row in cursor.fetchall()} == {
                (s[0].hex if connection.vendor == "sqlite" else str(s[0]), str(s[1]), str(s[2])) for s in signals
            }
    finally:
        migrate(leaves)
    after = rows()
    # What only the newer release keeps was counted anew from what is stored; nothing else is missing.
    recounted = {"agent_tally", "agent_processfigures"} | lost
    assert {t: n for t, n in after.items() if t not in recounted} == {
        t: n for t, n in before.items() if t not in recounted
    }
    assert after["agent_tally"] > 0
    later = play(40)
    heads = {}
    for signal in stored:
        heads[signal.instrument_id] = max(signal.seq, heads.get(signal.instrument_id, 0))
    for signal in later:
        assert signal.seq == heads.get(signal.instrument_id, 0) + 1
        heads[signal.instrument_id] = signal.seq
