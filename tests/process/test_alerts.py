"""An alert survives the process that was to send it."""

import json
import signal
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.receiving import listening

pytestmark = pytest.mark.process


def post(server, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def database(server):
    return sqlite3.connect(Path(server.environment["DATA_DIR"]) / "agent.sqlite3", timeout=20, isolation_level=None)


def outbox_of(server, status):
    """Return the ids of the outbox's messages of a status."""
    with closing(database(server)) as stored:
        rows = stored.execute("SELECT id FROM alerts_delivery WHERE status = ?", [status])
        return {row[0] for row in rows}


def ids(requests):
    return [one.headers["webhook-id"].replace("-", "") for one in requests]


@pytest.fixture
def receiver():
    with listening() as one:
        yield one


def test_what_was_stored_when_the_server_was_killed_is_sent_by_another_process_under_the_same_id(server, receiver):
    server.environment |= {"ALERTS_ALLOWED_NETWORKS": "127.0.0.1", "REALTIME_AGENT_ENABLED": "false"}
    receiver.silent.set()  # it takes the first message and says nothing: that one is in hand, the others wait
    server.start()
    target = post(server, "/api/alerts/targets", {"name": "hook", "kind": "webhook", "url": receiver.url})
    every = {"trigger": "every", "cooldown_s": 0}
    post(server, "/api/alerts/rules", {"name": "all", "targets": [target["id"]], **every})
    server.put("/api/agent/toggle?enabled=true")
    server.wait(lambda: receiver.got and len(outbox_of(server, "pending")) >= 3)
    server.put("/api/agent/toggle?enabled=false")
    server.stop(signal.SIGKILL)
    unsent, in_hand = outbox_of(server, "pending"), ids(receiver.got)
    assert outbox_of(server, "sent") == set()
    assert set(in_hand) < unsent
    with closing(database(server)) as stored:  # a minute later: the leases of the dead are over
        stored.execute("UPDATE alerts_delivery SET lease_until = '2001-01-01' WHERE lease_until IS NOT NULL")
        stored.execute("UPDATE alerts_delivery SET due_at = '2001-01-01'")
        stored.execute("UPDATE alerts_target SET paused_until = NULL")

    receiver.silent.clear()
    sent = server.manage("alerts", "send", "--once")
    assert sent.returncode == 0, sent.stderr
    later = ids(receiver.got)[len(in_hand) :]
    assert sorted(later) == sorted(unsent)
    assert outbox_of(server, "sent") == unsent
