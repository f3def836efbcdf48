"""What a socket keeps, and does not keep, between its handshake and its end."""

import asyncio
import inspect
import re

import pytest
from autobahn.websocket import protocol
from daphne import http_protocol, ws_protocol

from agent.guard_daphne import HANDSHAKE
from agent.inbox import Inbox
from realtime_agent.sockets import after_handshake, short_lived


async def test_an_inbox_gives_in_order_what_is_there_and_what_comes():
    inbox = Inbox()
    inbox.put_nowait({"n": 1})
    inbox.put_nowait({"n": 2})
    assert [await inbox.get(), await inbox.get()] == [{"n": 1}, {"n": 2}]
    assert inbox.empty()
    waits = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait({"n": 3})
    inbox.put_nowait({"n": 4})
    assert (await waits, await inbox.get()) == ({"n": 3}, {"n": 4})


async def test_who_is_cancelled_while_waiting_takes_nothing_along():
    inbox = Inbox()
    waits = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait({"n": 1})
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert await inbox.get() == {"n": 1}


class Middleware:
    """Adds to the scope, wraps ``send`` and knows whether it runs."""

    def __init__(self, inner):
        self.inner, self.runs = inner, False

    async def __call__(self, scope, receive, send):
        async def wrapped(message):
            await send(message)

        self.runs = True
        try:
            await self.inner({**scope, "user": "ada"}, receive, wrapped)
        finally:
            self.runs = False


async def opened(kind, mark):
    """Return what a socket, or whatever ``kind`` is, was run with, and whether the middleware ran meanwhile."""
    seen = []

    async def inner(scope, receive, send):
        seen.append((scope.get("user"), send, middleware.runs))

    async def send(message):
        pass

    middleware = Middleware(mark(inner))
    await short_lived(middleware)({"type": kind}, None, send)
    return seen, send


async def test_a_socket_lives_when_its_middleware_has_returned():
    seen, send = await opened("websocket", after_handshake)
    assert seen == [("ada", send, False)]


async def test_a_request_runs_inside_its_middleware():
    [(user, _, inside)], _ = await opened("http", lambda inner: inner)
    assert (user, inside) == ("ada", True)


async def test_a_refused_handshake_runs_no_socket():
    async def refuses(scope, receive, send):
        await send({"type": "websocket.close"})

    sent = []

    async def send(message):
        sent.append(message)

    await short_lived(refuses)({"type": "websocket"}, None, send)
    assert sent == [{"type": "websocket.close"}]


def test_what_a_daphne_socket_forgets_is_what_its_handshake_leaves():
    """A new version that names it otherwise would keep it."""
    source = "".join(map(inspect.getsource, (protocol, ws_protocol, http_protocol)))
    assert [name for name in HANDSHAKE if not re.search(rf"\.{name}\b", source)] == []
