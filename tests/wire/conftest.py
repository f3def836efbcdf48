"""Servers to speak to, one for each combination of server, write path, channel layer and compression."""

import asyncio
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.conftest import absent

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 60.0
FULL = os.environ.get("WIRE_FULL") == "1"  # make faults
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
EVERY = [
    " ".join(words)
    for words in product(("daphne", "uvicorn"), ("direct", "portable"), ("memory", "redis"), ("deflate", "plain"))
]
# Half of them: each server and path with each layer and with each compression.
SOME = [one for one in EVERY if ("memory" in one) == ("deflate" in one)]


def grouped(kinds):
    """Return the kinds as parameters: what is asked of one kind runs in one process, and its server starts once."""
    return [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in kinds]


KINDS = grouped(EVERY if FULL else SOME)
FEW = grouped(EVERY if FULL else [one for one in EVERY if "memory plain" in one])  # of what takes seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """A server process, and the door to it."""

    def __init__(self, kind, folder, template, versions=None, tls=""):
        self.server, self.path, self.layer, compression = kind.split()
        self.deflate = compression == "deflate"
        self.tls = tls
        self.port, self.door_port = free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(template, folder / "agent.sqlite3")
        environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")} | {
            "DATA_DIR": str(folder),
            "REALTIME_AGENT_ENABLED": "false",  # signals come through the door alone
            "WRITE_PATH": "auto" if self.path == "direct" else "portable",
            "REDIS_URL": REDIS_URL if self.layer == "redis" else "",
        }
        options = {
            "server": self.server,
            "port": self.port,
            "door": self.door_port,
            "deflate": self.deflate,
            "versions": versions or {},
            "tls": tls,
        }
        self.log = (folder / "log").open("w+")
        command = [sys.executable, "-m", "tests.wire.server", json.dumps(options)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        self.door = self._open()
        self.stored = []  # texts by the order of publishing

    def _open(self):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                with socket.create_connection(("127.0.0.1", self.door_port), PATIENCE_S) as door:
                    return door.makefile("rwb")  # which keeps it open
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.said())

    def ask(self, **question):
        self.door.write(json.dumps(question).encode() + b"\n")
        self.door.flush()
        return json.loads(self.door.readline())

    def store(self, **counts):
        texts = self.ask(store=counts)
        self.stored += texts
        return texts

    async def storing(self, **counts):
        return await asyncio.to_thread(self.store, **counts)

    def figures(self):
        return self.ask(figures=True)

    def wait(self, look):
        until = time.monotonic() + PATIENCE_S
        while not look():
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    def said(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def client(self):
        """Return a connection of the independent client."""
        compression = "deflate" if self.deflate else None
        options = {"compression": compression, "open_timeout": PATIENCE_S, "max_queue": None, "ping_interval": None}
        if self.tls:
            options["ssl"] = ssl.create_default_context(cafile=self.tls)
        return connect(f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/ws/realtime", **options)

    def stop(self):
        self.door.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def serve(migrated, tmp_path_factory):
    """Return a function that starts a server of a kind; all end with the module."""
    running = []

    def start(kind, **more):
        if "redis" in kind:
            host, _, port = REDIS_URL.removeprefix("redis://").split("/")[0].partition(":")
            try:
                socket.create_connection((host, int(port or 6379)), 2).close()
            except OSError:
                absent(f"{REDIS_URL} does not answer")
        running.append(Served(kind, tmp_path_factory.mktemp("served"), migrated, **more))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="module", params=KINDS)
def served(request, serve):
    return serve(request.param)
