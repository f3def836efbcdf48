"""A receiver on loopback, as slow, rude or friendly as a test wants it, and a market whose signals a test makes up."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import NamedTuple

import pytest

from alerts import services
from alerts.fields import rule_changes
from alerts.models import Rule, Target


class Received(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets and answers what ``answers`` says, one after the other, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Received] = []
        self.answers: list[tuple[int, dict[str, str]]] = [(200, {})]
        self.drip_s = 0.0
        self.silent = threading.Event()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append(Received(self.path, headers, body))
        if self.server.silent.is_set():
            self.server.released.wait(60)
            return
        answers = self.server.answers
        status, more = answers.pop(0) if len(answers) > 1 else answers[0]
        if self.server.drip_s:
            self._drip()
            return
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST

    def _drip(self) -> None:
        """Send a head without end, a line every now and then: no single read ever waits for long."""
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.released.is_set():
                self.wfile.write(b"x: y\r\n")
                time.sleep(self.server.drip_s)
        except OSError:
            return  # the sender has had enough, which is what the test is about

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture
def receiver():
    one = Receiver()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield one
    one.released.set()
    one.shutdown()
    one.server_close()


@pytest.fixture
def loopback_allowed(settings):
    settings.ALERTS_ALLOWED_NETWORKS = [ip_network("127.0.0.1")]


@pytest.fixture
def make_target(db):
    """Return a function that stores a target; its signing secret is at ``.secret``."""

    def make(url: str, name: str = "phone", kind: str = "webhook") -> Target:
        target = Target()
        target.secret = services.save_target(target, {"name": name, "kind": kind, "url": url})
        return target

    return make


@pytest.fixture
def make_rule(db):
    """Return a function that stores a rule from what the API would take."""

    def make(*targets: Target, name: str = "mine", **given) -> Rule:
        return services.save_rule(Rule(), rule_changes({"name": name, **given}), list(targets))

    return make
