"""Sockets that break the protocol itself: the bad one is closed, alone, and the server stays."""

import json
import os
import socket
import struct
import zlib
from contextlib import contextmanager, suppress

import pytest

from tests.wire.raw import BINARY, PING, TEXT, Raw

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
CONTINUATION = 0


def oversize(bad):
    """A frame that announces 2**62 bytes."""
    bad.socket.sendall(bytes([0x80 | TEXT, 0xFF]) + struct.pack(">Q", 2**62) + os.urandom(4) + b"x" * 1000)


def unmasked(bad):
    bad.send(TEXT, b'{"action": "ping"}', masked=False)


def endless_fragments(bad):
    """A message that never ends, a kilobyte at a time."""
    bad.send(TEXT, b"x" * 1000, final=False)
    for _ in range(2000):
        bad.send(CONTINUATION, b"x" * 1000, final=False)


def fragments_of_one_byte(bad):
    bad.send(TEXT, b"x", final=False)
    for _ in range(150_000):
        bad.send(CONTINUATION, b"x", final=False)


def ping_flood(bad):
    for _ in range(5000):
        bad.send(PING, b"x" * 100)


def message_flood(bad):
    for _ in range(5000):
        bad.send(TEXT, b'{"action": "ping"}')


def compression_bomb(bad):
    """Ten megabytes of nothing in ten kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (packer.compress(b"\0" * 10_000_000) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    mask = os.urandom(4)
    body = bytes(b ^ mask[i % 4] for i, b in enumerate(bomb))
    bad.socket.sendall(bytes([0xC0 | BINARY, 0x80 | 126]) + struct.pack(">H", len(bomb)) + mask + body)


def reserved_opcode(bad):
    bad.send(5, b"x")


def broken_utf8(bad):
    bad.send(TEXT, b"\xff\xfe")


def long_ping(bad):
    bad.send(PING, b"x" * 126)


ABUSE = [
    oversize, unmasked, endless_fragments, fragments_of_one_byte, ping_flood, message_flood, compression_bomb,
    reserved_opcode, broken_utf8, long_ping,
]  # fmt: skip


CLOSED = (1002, 1006, 1007, 1009, 4008, 4508, 4509)


@contextmanager
def raw(server, extensions=""):
    one = Raw(server.port, extensions=extensions)
    try:
        yield one
    finally:
        one.end()


@pytest.mark.process
@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_who_breaks_the_protocol_is_closed_alone(server, kind):
    server.environment["SERVER"] = kind
    server.start()
    codes = {}
    with server.socket() as neighbour:
        for abuse in ABUSE:
            with raw(server, DEFLATE if abuse is compression_bomb else "") as bad:
                with suppress(ConnectionError):  # closed while it was still sending, which is what is asked for
                    abuse(bad)
                codes[abuse.__name__] = bad.close_code()
            neighbour.send('{"action": "ping"}')
            while json.loads(neighbour.recv(timeout=60))["type"] != "pong":
                pass
    # A server that stops reading half way may lose its last word with the connection: 1006.
    assert {name: code for name, code in codes.items() if code not in CLOSED} == {}
    assert server.get("/health/live") == {"status": "alive"}
    server.stop()


@pytest.mark.process
def test_huge_headers_and_broken_requests_are_refused_and_the_server_stays(server):
    server.start()
    lines = [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(10_000)) + b"\r\n",
        b"GET " + b"/a" * 50_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x00" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"GET /ws/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ]
    for line in lines:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as bad:
            bad.sendall(line)
            bad.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionResetError):  # refused without a word
                while chunk := bad.recv(65536):
                    answer += chunk
            assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5", b"HTTP/1.1 101")), (line[:60], answer[:100])
        assert server.get("/health/live") == {"status": "alive"}
