"""Backtests where there is a broker: a worker runs them, the web process tells of them."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.faults.servers import Redis
from tests.faults.stack import WORKER
from tests.playing import FIVE, START, walk, write_csv
from tests.process.conftest import PATIENCE_S, ROOT

pytestmark = pytest.mark.process

BARS = 70_000  # more than are answered at once


@pytest.fixture
def redis(tmp_path):
    one = Redis(tmp_path / "redis").start()
    yield one
    one.kill()


@pytest.fixture
def worker(server, redis, postgres_url, tmp_path):
    """A web process that is started and a worker of the same settings, in a process group of its own."""
    write_csv(tmp_path / "candles", "AAAUSDT", walk(BARS, seed=31))
    server.environment |= {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis.url,
        "MARKET_SOURCE": f"replay:{tmp_path / 'candles'}",
    }
    server.start()
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen(
            WORKER, cwd=ROOT, env=server.environment, stdout=log, stderr=log, start_new_session=True
        )
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ask(server, path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.status, json.load(answer)


def run(server, bars, **changes):
    body = {"symbol": "AAAUSDT", "timeframe": "5m", "start_date": START, "end_date": START + bars * FIVE}
    return ask(server, "/api/backtest/run", "POST", body | changes)


def imports_numba(process):
    """Whether a running process has loaded numba's compiled parts."""
    return "/llvmlite/" in Path(f"/proc/{process.pid}/maps").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_runs_backtests_and_another_process_tells_of_them_and_cancels_them(server, worker):
    with server.socket() as socket:
        status, job = run(server, BARS)
        assert (status, job["status"]) == (202, "queued")
        message = {}
        while message.get("status") != "done":
            message = json.loads(socket.recv(timeout=PATIENCE_S))
            message = message if message["type"] == "backtest" and message["id"] == job["id"] else {}
    status, result = ask(server, f"/api/backtest/results/{job['id']}")
    assert (status, result["meta"]["candles"]) == (200, BARS)

    os.killpg(worker.pid, signal.SIGSTOP)
    _, waiting = run(server, BARS, fee=0.002)
    _, cancelled = ask(server, f"/api/backtest/results/{waiting['id']}", "DELETE")
    assert cancelled["status"] == "cancelled"
    os.killpg(worker.pid, signal.SIGCONT)
    status, small = run(server, 2_000)  # behind it in the queue
    assert (status, small["meta"]["candles"]) == (200, 2_000)
    _, jobs = ask(server, "/api/backtest/results")
    assert {one["id"]: one["status"] for one in jobs["results"]}[waiting["id"]] == "cancelled"
    assert not imports_numba(server.process)
