"""Backups that are none change nothing; a new epoch leaves numbers and stored ids as they are."""

import sqlite3

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from access.models import AuditEntry
from market.feeds import current_market
from signals.models import Signal


@pytest.mark.django_db
def test_a_new_epoch_is_audited_and_numbers_go_on(play):
    stored = play(6)
    before, epoch = list(Signal.objects.values_list("pk", "seq")), current_market().epoch
    call_command("new_epoch")
    assert current_market().epoch != epoch
    assert list(Signal.objects.values_list("pk", "seq")) == before
    assert AuditEntry.objects.get(action="market.epoch").old == {"epoch": str(epoch)}
    heads = {s.instrument.symbol: s.seq for s in stored}
    later = play(30)
    assert min(s.seq - heads.get(s.instrument.symbol, 0) for s in later) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a file is copied")
def test_what_is_no_backup_is_refused_by_name_and_nothing_is_changed(play, tmp_path):
    play(3)
    market = current_market().epoch
    text, empty = tmp_path / "text", tmp_path / "empty"
    text.write_text("no database")
    sqlite3.connect(empty).execute("CREATE TABLE other (x)")
    for path, why in ((tmp_path / "none", "there is no"), (text, "no backup"), (empty, "no backup")):
        with pytest.raises(CommandError, match=why):
            call_command("restore", str(path), "--noinput")
    with pytest.raises(CommandError, match="there already"):
        call_command("backup", str(text))
    assert text.read_text() == "no database"
    assert current_market().epoch == market


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "sqlite", reason="servers have tools of their own")
def test_a_server_is_backed_up_by_its_own_tools(tmp_path):
    with pytest.raises(CommandError, match="pg_dump"):
        call_command("backup", str(tmp_path / "x"))
    with pytest.raises(CommandError, match="pg_restore"):
        call_command("restore", str(tmp_path / "x"), "--noinput")
