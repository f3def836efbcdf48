"""The server as a process: started, asked, stopped or killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.playing import FIVE, START

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 60.0  # how long a slow machine may take; nothing here is about speed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """``manage.py serve`` on a database of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.port = int(environment["PORT"])
        self.process: subprocess.Popen | None = None
        # A file: a pipe that nobody reads would stop a server that says much.
        self.log = Path(environment["DATA_DIR"]) / f"server-{self.port}.log"

    def manage(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def start(self) -> "Server":
        if "DATABASE_URL" in self.environment:
            assert self.manage("migrate", "-v0").returncode == 0
        command = [sys.executable, "manage.py", "serve"]
        environment = self.environment | {"PYTHONFAULTHANDLER": "1"}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.wait(lambda: self.get("/health/live"))
        return self

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, look, seconds: float = PATIENCE_S):
        """Return what ``look`` returns as soon as it is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.process is None or self.process.poll() is None, self.said()
            try:
                if found := look():
                    return found
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass  # not listening yet: that is what is waited for
            time.sleep(0.05)
        raise AssertionError("it did not happen in time")

    def get(self, path: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def put(self, path: str):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=b"{}", method="PUT")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def socket(self):
        return connect(f"ws://127.0.0.1:{self.port}/ws/realtime", open_timeout=PATIENCE_S)

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        try:
            code = self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it tells where its threads stand
            self.process.wait()
            self.process = None
            raise AssertionError(f"it does not end:\n{self.said()[-8000:]}") from None
        self.process = None
        return code


@pytest.fixture(scope="session", autouse=True)
def heeding_interrupts():
    """Undo what a shell does to background jobs: they ignore SIGINT, and so does all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def environment(tmp_path, replay_folder, migrated) -> dict[str, str]:
    """The environment of a server that replays made-up candles slowly enough to be watched."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(migrated, data)
    return {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")},
        "DATA_DIR": str(data),
        "PORT": str(free_port()),
        "MARKET_SOURCE": f"replay:{replay_folder}",
        "REPLAY_START": str_time(START + 3250 * FIVE),
        "REPLAY_SPEED": "3000",
    }


def str_time(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000))


@pytest.fixture
def server(environment):
    """A server that is not started yet; killed at the end if it still runs."""
    one = Server(environment)
    yield one
    if one.process is not None:
        one.stop(signal.SIGKILL)
