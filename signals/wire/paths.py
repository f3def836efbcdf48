"""The two ways out of this process, one chosen for each connection.

Direct: joined, prebuilt frames to the socket itself while the server's own buffer is empty, else to its transport.
Portable: ASGI's ``send``, a message each; under TLS, on servers and versions not in :data:`servers.TESTED`, and
wherever WRITE_PATH=portable asks for it.
"""

import asyncio
import logging
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from django.conf import settings

from signals.wire.payload import Payload
from signals.wire.servers import TESTED, ServerSocket, find

logger = logging.getLogger(__name__)

ENOUGH_UNSENT = 64 * 1024  # bytes in the server's buffer from which on messages wait in the outbox, where they count
ONE_WRITE = 256 * 1024  # bytes joined at most, so that what a full socket leaves over stays small
CLOSE_PATIENCE_S = 6.0  # a client that reads again within 5 s of its close frame still gets it

SCOPE_KEY = "signals.server_send"  # of the server's own ``send``: the one that middleware passes on may be a wrapper
Send = Callable[[dict[str, Any]], Awaitable[None]]


class WritePath:
    """What an outbox writes to."""

    __slots__ = ("handed", "left_over", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.left_over = False  # whether the last take left something in the server's buffer, or under way to it
        self.handed = 0  # bytes given to the server

    def take(self, waiting: list[Payload]) -> int:
        """Send the first of ``waiting``; return how many went out. Raises OSError when the client is gone."""
        raise NotImplementedError

    def unsent(self) -> int:
        """Return the bytes that wait in the server's buffer; 0 where that cannot be known."""
        raise NotImplementedError

    async def close(self, code: int) -> None:
        """Send a close frame behind what was sent."""
        raise NotImplementedError

    def abort(self) -> None:
        """Drop the connection now, where the server can be reached."""
        raise NotImplementedError


_NAMES = {(path, server): f"{path} {server}" for path in ("direct", "portable") for server in TESTED}  # one for all


class DirectPath(WritePath):
    __slots__ = ("_close", "_socket")

    def __init__(self, socket: ServerSocket, close: Callable[[int], Awaitable[None]]) -> None:
        super().__init__(_NAMES["direct", socket.server])
        self._socket, self._close = socket, close

    def take(self, waiting: list[Payload]) -> int:
        # The hot path: once a client and tick. Calls are most of what Python adds to the write itself.
        if self.left_over and self._socket.unsent_if_open() >= ENOUGH_UNSENT:
            return 0
        count = len(waiting)
        if count == 1:
            data = waiting[0].frame
        elif count <= 32:  # a message is about half a KiB
            data = b"".join([payload.frame for payload in waiting])
        else:
            count = _fitting(waiting)
            data = b"".join([payload.frame for payload in waiting[:count]])
        written = self._socket.send(data)
        self.handed += len(data)
        if written < len(data):
            self.left_over = True
            self._socket.hand_over(data[written:])
        elif self.left_over:
            self.left_over = False
        return count

    def unsent(self) -> int:
        return self._socket.unsent() if self._socket.is_open() else 0

    async def close(self, code: int) -> None:
        self._socket.patient_close(CLOSE_PATIENCE_S + 1.0)
        await self._close(code)

    def abort(self) -> None:
        self._socket.abort()


def _fitting(waiting: list[Payload]) -> int:
    """Return how many of ``waiting`` make one write: at least one."""
    size = 0
    for count, payload in enumerate(waiting):
        size += len(payload.frame)
        if size > ONE_WRITE and count:
            return count
    return len(waiting)


class PortablePath(WritePath):
    """``socket``, where it can be reached, only tells what waits: ``send`` of daphne never does."""

    __slots__ = ("_close", "_send", "_sending", "_socket")
    BATCH = 16

    def __init__(self, send: Send, close: Callable[[int], Awaitable[None]], socket: ServerSocket | None) -> None:
        super().__init__(_NAMES["portable", socket.server] if socket else "portable")
        self._send, self._close, self._socket = send, close, socket
        self._sending: asyncio.Task[None] | None = None

    def take(self, waiting: list[Payload]) -> int:
        self.left_over = True
        if self._sending is not None:
            if not self._sending.done():
                return 0
            done, self._sending = self._sending, None
            done.result()
        if self._socket is not None and self._socket.unsent_if_open() >= ENOUGH_UNSENT:
            return 0
        batch = waiting[: self.BATCH]
        self.handed += sum(len(payload.frame) for payload in batch)
        # A known server's send mostly has nothing to wait for: a task for each would cost half of it again.
        self._sending = _start(self._send_all(batch)) if self._socket else asyncio.ensure_future(self._send_all(batch))
        self.left_over = self._sending is not None or self.unsent() > 0
        return len(batch)

    async def _send_all(self, batch: list[Payload]) -> None:
        for payload in batch:
            await self._send({"type": "websocket.send", "text": payload.text})

    def unsent(self) -> int:
        if self._socket is not None:
            return self._socket.unsent() if self._socket.is_open() else 0
        return int(self._sending is not None and not self._sending.done())

    async def close(self, code: int) -> None:
        if self._socket is not None:
            self._socket.patient_close(CLOSE_PATIENCE_S + 1.0)
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await self._close(code)

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.abort()


def _start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine up to its first wait, at once. Return the task that does the rest, None if nothing is left."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return asyncio.ensure_future(_finish(waits_for, coroutine))


@types.coroutine
def _finish(waits_for: Any, coroutine: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    try:
        yield waits_for
    except BaseException:
        coroutine.close()
        raise
    yield from coroutine


def choose(server_send: Send | None, send: Send, close: Callable[[int], Awaitable[None]]) -> WritePath:
    """Return the fastest path that fits.

    server_send: the server's own ``send``, by which its socket is found, or None; send, close: what the consumer has.
    """
    # Middleware wraps send for what it does at the handshake; a message would pass through all of it for nothing.
    send = server_send or send
    socket, why = find(server_send) if server_send is not None else (None, "the scope does not hold the server's send")
    if settings.WRITE_PATH == "portable":
        return PortablePath(send, close, socket)
    if socket is None:
        fallback.note(why)
    elif not socket.is_plain():
        fallback.note(f"{socket.server} speaks TLS itself")
    elif socket.is_open():
        return DirectPath(socket, close)
    return PortablePath(send, close, socket)


class Fallback:
    """Why connections of this process are not on the direct path. Logged once a reason."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def note(self, reason: str) -> None:
        if reason != self.reason:
            logger.warning("sockets are written through ASGI send, which is slower: %s", reason)
            self.reason = reason


fallback = Fallback()
