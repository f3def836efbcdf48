"""Backup, destroy, restore: clients find their way, and no number means two signals."""

import json
import signal
import sqlite3
from pathlib import Path

import pytest

pytestmark = pytest.mark.process


def told(server, count, **since):
    """Subscribe to all; return the status and the next messages up to ``count`` signals and errors."""
    with server.socket() as socket:
        status = json.loads(socket.recv(timeout=30))
        socket.send(json.dumps({"action": "subscribe", "symbols": ["AAAUSDT"], **since}))
        found = []
        while len(found) < count:
            message = json.loads(socket.recv(timeout=60))
            if message["type"] in ("signal", "error"):
                found.append(message)
        return status, found


def test_a_backup_made_beside_a_server_comes_back_under_a_new_epoch_and_clients_go_on(server, tmp_path):
    server.start()
    status, signals = told(server, 3, since={"AAAUSDT": 0})
    assert [s["seq"] for s in signals] == [1, 2, 3]
    backup = tmp_path / "backup.sqlite3"
    made = server.manage("backup", str(backup))
    assert made.returncode == 0, made.stderr
    assert backup.stat().st_mode & 0o077 == 0
    with sqlite3.connect(backup) as copy:
        [[kept]] = copy.execute(
            "SELECT max(seq) FROM signals_signal s JOIN market_instrument i ON i.id = s.instrument_id "
            "WHERE i.symbol = 'AAAUSDT'"
        )
    _, later = told(server, 1)
    assert later[-1]["seq"] > kept
    refused = server.manage("restore", str(backup), "--noinput")
    assert refused.returncode != 0
    assert "stop the server first" in refused.stderr
    server.stop(signal.SIGKILL)
    for file in Path(server.environment["DATA_DIR"]).glob("agent.sqlite3*"):
        file.unlink()
    restored = server.manage("restore", str(backup), "--noinput")
    assert restored.returncode == 0, restored.stderr
    server.start()
    mine = {"since": {"AAAUSDT": later[-1]["seq"]}, "epoch": status["epoch"]}
    again, messages = told(server, 2, **mine)
    assert again["epoch"] != status["epoch"]
    assert messages[0]["code"] == "history_lost"
    assert messages[1]["seq"] == messages[0]["head_seq"] + 1
    assert messages[0]["head_seq"] >= kept
    ids = {s["id"] for s in (*signals, *later)}
    assert not ids & {m["id"] for m in messages[1:]}
