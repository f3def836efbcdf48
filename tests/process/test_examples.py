"""The examples do what they say, with a token, at a server that asks for one; the client comes back to it."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from itertools import islice

import pytest

from realtime_agent_client import Agent, Refused, Stopped
from realtime_agent_client.position import Position
from tests.process.conftest import PATIENCE_S, ROOT

pytestmark = pytest.mark.process


@pytest.fixture
def closed(server):
    """A server that asks for a token, and an operator's token."""
    server.environment["OPEN_CONTROL"] = "false"
    server.start()
    made = server.manage("create_token", "robot", "--role", "operator")
    assert made.returncode == 0, made.stderr
    server.token = made.stdout.strip()
    return server


def run(server, *command):
    environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")} | {
        "AGENT_URL": f"http://127.0.0.1:{server.port}",
        "AGENT_TOKEN": server.token,
        "PYTHONPATH": str(ROOT),
    }
    ended = subprocess.run(
        command, cwd=ROOT / "examples", env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_the_examples_run(closed):
    with Agent(f"http://127.0.0.1:{closed.port}", closed.token) as agent:
        closed.wait(lambda: agent.status()["last_scan"])
    printed = run(closed, sys.executable, "listen.py")
    assert len(printed) == 4
    assert "above all" in printed[3]
    assert len(run(closed, sys.executable, "listen_async.py")) == 1
    answers = [json.loads(line) for line in run(closed, "sh", "control.sh")]
    me, status, off, on, scan, score, ticket = answers
    assert (me["user"], me["role"], status["enabled"], off["enabled"], on["enabled"]) == (
        "robot", "operator", True, False, True,
    )  # fmt: skip
    assert scan["results"][0]["symbol"] == score["symbol"] == "AAAUSDT"
    assert len(ticket["ticket"]) > 20
    assert len(run(closed, "node", "--experimental-websocket", "listen.mjs")) == 3


def test_a_client_comes_back_after_a_kill_and_misses_and_repeats_nothing(closed):
    got = []
    with (
        Agent(f"http://127.0.0.1:{closed.port}", closed.token) as agent,
        closing(agent.signals(position=Position(()))) as stream,
    ):
        got += islice(stream, 10)
        closed.stop(signal.SIGKILL)
        threading.Timer(1.0, closed.start).start()
        got += islice(stream, 30)
    by_symbol = {}
    for one in got:
        by_symbol.setdefault(one["symbol"], []).append(one["seq"])
    for symbol, seqs in by_symbol.items():
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), symbol


def test_a_client_without_rights_stops_and_says_why(closed):
    url = f"http://127.0.0.1:{closed.port}"
    with Agent(url) as agent, pytest.raises(Stopped, match="4501"):
        next(agent.signals())
    with Agent(url, "0" * 64) as agent, pytest.raises(Refused, match="401"):
        next(agent.signals())
    with Agent(url, closed.token) as agent, pytest.raises(Refused) as refused:
        next(agent.signals("NOPE"))
    assert refused.value.errors[0]["code"] == "unknown_symbol"
    ended = closed.manage("listen", "--url", url)
    assert ended.returncode != 0
    assert "4501" in ended.stderr
    assert "Traceback" not in ended.stderr
