"""``manage.py transfer`` as its users run it: from SQLite to PostgreSQL, killed on the way, while a client waits."""

import random
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from tests.process.conftest import ROOT, Server, free_port
from tests.process.test_serve import subscribe, take

pytestmark = pytest.mark.process

KILLS = 2


def noted(url: str) -> int:
    """Return how much the target remembers of a transfer under way."""
    try:
        with psycopg.connect(url) as target:
            return target.execute("SELECT count(*) FROM transfer_progress").fetchone()[0]
    except psycopg.errors.UndefinedTable:
        return 0


def kill_on_the_way(server: Server, url: str, when: int) -> None:
    """Start a transfer and kill it as soon as the target remembers ``when`` things of it."""
    command = [sys.executable, "manage.py", "transfer", "--to", url, "--batch", "20"]
    process = subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=subprocess.DEVNULL)
    while noted(url) < when:
        assert process.poll() is None, f"it was over before {when}"
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_a_client_goes_on_with_since_after_the_move_as_if_nothing_had_happened(server, environment, postgres_url):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    server.start()
    seen: dict[str, list[int]] = {}
    with subscribe(server) as socket:
        epoch = take(socket, seen, lambda s: sum(map(len, s.values())) >= 6)
    server.wait(lambda: server.get("/api/metrics")["system"]["signals_total"] > sum(map(len, seen.values())) + 3)
    server.stop(signal.SIGTERM)
    for when in sorted(random.Random(seed).sample(range(1, 20), KILLS)):
        kill_on_the_way(server, postgres_url, when)
    moved = server.manage("transfer", "--to", postgres_url)
    assert moved.returncode == 0, moved.stderr
    assert "equal at both ends" in moved.stdout

    here = Server(environment | {"PORT": str(free_port())}).start()
    assert here.get("/api/agent/status")["enabled"] is False
    old = here.get("/api/signals?limit=500")["results"]
    here.stop()

    there = Server(environment | {"DATABASE_URL": postgres_url, "PORT": str(free_port())})
    try:
        there.start()
        assert there.get("/api/agent/status")["enabled"] is True
        assert {s["id"] for s in old} <= {s["id"] for s in there.get("/api/signals?limit=500")["results"]}
        with subscribe(there, {symbol: seqs[-1] for symbol, seqs in seen.items()}, epoch) as socket:
            total = len(old) + 3  # what it missed while it was away, and what the agent has found since
            assert take(socket, seen, lambda s: sum(map(len, s.values())) >= total) == epoch
        for symbol, seqs in seen.items():
            assert seqs == list(range(1, len(seqs) + 1)), symbol
    finally:
        if there.process is not None:
            there.stop(signal.SIGKILL)
