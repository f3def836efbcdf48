"""A receiver of webhooks on loopback, as slow, rude or friendly as a test wants it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


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


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver that listens as long as the block runs."""
    one = Receiver()
    threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield one
    finally:
        one.released.set()
        one.shutdown()
        one.server_close()
