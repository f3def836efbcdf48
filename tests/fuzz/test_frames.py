"""Frames made by mutating good ones: each is answered, none ends a connection or leaves a traceback."""

import json
import logging
import random

import pytest
from channels.testing import WebsocketCommunicator

from realtime_agent.asgi import application
from signals import consumer
from signals.threads import in_thread
from tests.scale import tries

pytestmark = pytest.mark.django_db(transaction=True)

FRAMES = tries(5000, 20_000)
GOOD = [
    '{"action": "ping"}',
    '{"action": "subscribe", "symbols": ["AAAUSDT", "BBBUSDT"]}',
    '{"action": "subscribe", "symbols": ["*"], "since": {"AAAUSDT": 3}}',
    '{"action": "subscribe", "symbols": ["AAAUSDT"], "since": {"AAAUSDT": 0}, "epoch": '
    '"11111111-2222-4333-8444-555555555555"}',
    '{"action": "unsubscribe", "symbols": ["AAAUSDT"]}',
]
PIECES = ["null", "true", "-1", "1e999", "NaN", "[]", "{}", '""', '"*"', "9" * 400, "[" * 500, '{"a":' * 300, "\x00"]
PIECES += ["\ud800", "😀", "\\u0000", "\\ud800", '"since"', '"symbols"', '"action"', ",", ":", '"', "\\", "</script>"]


def mutated(rng: random.Random) -> str:
    """Return a good frame after one to four changes: cut, doubled, replaced, nested, or given another value."""
    text = rng.choice(GOOD)
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + text[to:]
        elif kind == 1:
            text = text[:at] + rng.choice(PIECES) + text[to:]
        elif kind == 2:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == 3:
            text = text[:to] + text[at:]
        else:
            text = text[:at] + chr(rng.randrange(1, 0x2FF)) + text[at:]
    return (text or " ").encode("utf8", "replace").decode()  # a server hands on nothing but UTF-8


async def answers(socket, mark):
    """Return the messages up to the answer to ``mark``, an unknown action that is sent behind the others."""
    await socket.send_to(text_data=json.dumps({"action": mark}))
    seen = []
    while True:
        event = await socket.receive_output(timeout=30)
        assert event["type"] == "websocket.send", event
        seen.append(json.loads(event["text"], parse_constant=pytest.fail))
        if mark in seen[-1].get("message", ""):
            return seen


@pytest.mark.parametrize("seed", range(5))
async def test_no_mutated_frame_closes_a_socket_or_fails(play, monkeypatch, caplog, seed):
    await in_thread(play)(5)
    monkeypatch.setattr(consumer.RateLimit, "allows", lambda self: True)
    sockets = []
    for _ in range(2):
        socket = WebsocketCommunicator(application, "/ws/realtime", headers=[(b"host", b"127.0.0.1:8000")])
        socket.scope["client"] = ["127.0.0.1", 50000]
        assert (await socket.connect(timeout=30))[0]
        sockets.append(socket)
    neighbour, fuzzed = sockets
    rng = random.Random(seed)
    with caplog.at_level(logging.WARNING):
        for batch in range(FRAMES // 5 // 100):
            frames = [mutated(rng) for _ in range(100)]
            for frame in frames:
                await fuzzed.send_to(text_data=frame)
            replies = [m for m in await answers(fuzzed, f"mark-{batch}") if m["type"] not in ("status", "signal")]
            assert len(replies) > len(frames)
    await neighbour.send_to(text_data='{"action": "ping"}')
    while json.loads((await neighbour.receive_output(timeout=30))["text"])["type"] != "pong":
        pass
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR or r.exc_info] == []
    for socket in sockets:
        await socket.disconnect()
