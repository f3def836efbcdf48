"""Which path a connection gets, what bounds it, and what happens when writing fails."""

import asyncio
import logging
import re
from pathlib import Path

import pytest

from signals.codes import CloseCode
from signals.connection import Connection
from signals.wire import outbox as outbox_module
from signals.wire import paths, servers
from signals.wire.outbox import MAX_WAITING_MESSAGES, Flusher
from signals.wire.paths import DirectPath, Fallback, PortablePath, choose
from signals.wire.payload import Payload, encode
from tests.wire.raw import Raw

ROOT = Path(__file__).resolve().parent.parent.parent


class Socket:
    """A server's socket with room for ``room`` bytes in the kernel."""

    server = "daphne"

    def __init__(self, room=0, plain=True):
        self.room, self.plain, self.opened, self.sent, self.buffered = room, plain, True, b"", b""
        self.aborted = False

    def is_open(self):
        return self.opened

    def is_plain(self):
        return self.plain

    def unsent(self):
        return len(self.buffered)

    def unsent_if_open(self):
        if not self.opened:
            raise ConnectionResetError
        return self.unsent()

    def send(self, data):
        if not self.opened:
            raise ConnectionResetError
        taken = 0 if self.buffered else min(self.room, len(data))
        self.room -= taken
        self.sent += data[:taken]
        return taken

    def hand_over(self, data):
        self.buffered += data

    def patient_close(self, seconds):
        pass

    def abort(self):
        self.aborted = True


async def no_close(code):
    pass


def direct(socket):
    """A connection on the direct path, and the codes it was closed with."""
    codes = []
    return Connection(DirectPath(socket, no_close), Flusher(), codes.append), codes


def put(connection, *texts):
    for text in texts:
        connection.outbox.put(Payload(text))


def test_the_tested_versions_are_those_that_are_pinned():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    for packages in servers.TESTED.values():
        for package, version in packages.items():
            assert pinned[package.lower()] == version, package


@pytest.mark.process
@pytest.mark.parametrize("server, package", [("daphne", "Twisted"), ("uvicorn", "uvicorn")])
def test_an_unknown_version_falls_back_to_send_and_says_so(serve, server, package):
    served = serve(f"{server} direct memory plain", versions={package: "99.9"})
    client = Raw(served.port)
    client.say(action="subscribe", symbols=["AAAUSDT"])
    client.message("subscription_confirmed")
    assert served.store(AAAUSDT=30) == [client.message("signal") for _ in range(30)]
    figures = served.figures()
    assert figures["write_paths"] == {"portable": 1}
    assert figures["write_path_fallback"].startswith(f"{package} is 99.9, tested is ")
    assert "slower" in served.said()
    client.end()


async def test_tls_an_unknown_server_and_an_unfinished_handshake_get_the_portable_path(monkeypatch, caplog):
    found = {"tls": Socket(plain=False), "early": Socket(), "unknown": None}
    found["early"].opened = False
    monkeypatch.setattr(paths, "find", lambda name: (found[name], "" if found[name] else "who is it"))
    monkeypatch.setattr(paths, "fallback", Fallback())
    with caplog.at_level(logging.WARNING):
        for name in found:
            assert isinstance(choose(name, no_close, no_close), PortablePath)
            choose(name, no_close, no_close)
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "daphne speaks TLS itself",
        "who is it",
    ]


async def test_a_frame_cut_by_a_full_socket_goes_on_in_the_servers_buffer_and_nothing_overtakes_it():
    socket = Socket(room=100)
    connection, codes = direct(socket)
    put(connection, "a" * 80, "b" * 80)
    await asyncio.sleep(0)
    put(connection, "c" * 80)
    await asyncio.sleep(0)
    assert socket.sent + socket.buffered == b"".join(Payload(letter * 80).frame for letter in "abc")
    assert len(socket.sent) == 100
    assert codes == []


async def test_a_burst_within_one_tick_is_no_slowness():
    socket = Socket(room=10**9)
    connection, codes = direct(socket)
    put(connection, *map(str, range(3 * MAX_WAITING_MESSAGES)))
    await asyncio.sleep(0)
    assert codes == []
    assert connection.sent == 3 * MAX_WAITING_MESSAGES


@pytest.mark.parametrize("size, count", [(100, 3 * MAX_WAITING_MESSAGES), (60_000, 40)])
async def test_a_reader_too_slow_is_closed_with_4008_and_told_nothing_more(size, count):
    socket = Socket()
    connection, codes = direct(socket)
    put(connection, *["x" * size] * count)
    await asyncio.sleep(0)
    assert codes == [4008]
    held, sent = len(socket.buffered), connection.sent
    assert held <= 2 * outbox_module.MAX_WAITING_BYTES
    put(connection, "more")
    await asyncio.sleep(0.05)
    assert (len(socket.buffered), connection.sent) == (held, sent)
    assert codes == [4008]


async def test_a_close_for_another_reason_comes_behind_what_was_waiting():
    socket = Socket(room=10**6)
    said = []

    async def close(code):
        said.append((code, socket.sent))

    connection = Connection(DirectPath(socket, close), Flusher(), lambda code: None)
    put(connection, "last words")
    connection.shut(CloseCode.RESTARTING)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert said == [(4012, Payload("last words").frame)]


async def test_a_fault_in_writing_is_logged_as_one_and_a_client_that_is_gone_is_not(caplog):
    gone, codes = direct(Socket())
    gone.outbox.path._socket.opened = False
    put(gone, "a")
    faulty, faulty_codes = direct(Socket())
    faulty.outbox.path._socket.send = lambda data: 1 // 0
    put(faulty, "b")
    with caplog.at_level(logging.INFO):
        await asyncio.sleep(0.01)
    assert codes == []
    assert faulty_codes == [4012]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info[0] is ZeroDivisionError


def test_a_number_that_is_none_is_never_sent_and_null_is():
    assert encode({"probability": None, "symbol": "null"}) == '{"probability":null,"symbol":"null"}'
    for broken in ({"a": float("nan")}, {"a": None, "b": [float("inf")]}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            encode(broken)


async def test_the_portable_path_waits_for_send_and_keeps_the_order():
    sent, gate, done = [], asyncio.Event(), asyncio.Event()

    async def send(message):
        await gate.wait()
        sent.append(message["text"])
        if len(sent) == 200:
            done.set()

    codes = []
    connection = Connection(PortablePath(send, no_close, None), Flusher(), codes.append)
    put(connection, *map(str, range(200)))
    await asyncio.sleep(0.05)
    assert sent == []
    gate.set()
    await asyncio.wait_for(done.wait(), 30)
    assert sent == [str(number) for number in range(200)]
    assert codes == []
