"""The hub of one web process: listens to the channel layer once, whoever many sockets there are.

It joins a symbol's group while anyone here listens to it, builds each frame once and offers it to the connections
that want it. Status messages go to all connections: at each change and every 15 s.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer
from django.db import DatabaseError
from redis.exceptions import RedisError

from signals.codes import CloseCode
from signals.connection import Connection, encode
from signals.history import read_heads
from signals.publish import HEADS_GROUP, group_of

logger = logging.getLogger(__name__)

STATUS_EVERY_S = 15.0
STATUS_POLL_S = 0.5  # a change made by another process is told within this

# The agent's status, handed down by agent/ at start: this floor does not import it.
status_source: Callable[[], Awaitable[dict[str, Any]]] | None = None


class Hub:
    """Connections of this process by symbol. Lives on one event loop."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.started_at = time.time()
        self.epoch = ""
        self._sent_by_gone = 0
        self._layer = get_channel_layer()
        self._channel = ""
        self._joined: set[str] = set()
        self.seen: dict[str, int] = {}  # last seq that came by, of every symbol joined
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._status: dict[str, Any] = {}

    async def add(self, connection: Connection) -> None:
        """Take in a connection and greet it with a ``status``."""
        async with self._starting:
            if not self._tasks:
                await self._start()
        self.connections.add(connection)
        self._status = await self._read_status()
        connection.put_message(self.status_message(connection))

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._sent_by_gone += connection.sent
        connection.cancel()

    async def _start(self) -> None:
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(HEADS_GROUP, self._channel)
        self.epoch = (await read_heads(())).epoch
        self._tasks = [asyncio.ensure_future(self._listen()), asyncio.ensure_future(self._tell_status())]

    async def join(self, symbols: set[str]) -> None:
        """Listen to the groups of symbols; to be done before their heads are read."""
        for symbol in symbols - self._joined:
            await self._layer.group_add(group_of(symbol), self._channel)
            self._joined.add(symbol)

    async def leave_unwanted(self) -> None:
        """Stop listening to symbols that nobody here wants any more."""
        for symbol in list(self._joined):
            if not any(connection.wants(symbol) for connection in self.connections):
                self._joined.discard(symbol)
                await self._layer.group_discard(group_of(symbol), self._channel)

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self._channel)
                await self._take(message)
            except (OSError, RedisError) as error:
                logger.warning("the channel layer does not answer, trying again: %s", error)
                await asyncio.sleep(1.0)

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "signal.heads":
            await self._join_new(message["heads"])
            for symbol, seq in message["heads"].items():
                self.seen[symbol] = max(seq, self.seen.get(symbol, 0))
                for connection in self._listeners(symbol):
                    connection.note_head(symbol, seq)
        elif message["type"] == "signal.message":
            signal = message["signal"]
            self.seen[signal["symbol"]] = max(signal["seq"], self.seen.get(signal["symbol"], 0))
            listeners = self._listeners(signal["symbol"])
            text = encode(signal) if listeners else ""
            for connection in listeners:
                connection.offer(signal["symbol"], signal["seq"], text)

    async def _join_new(self, heads: dict[str, int]) -> None:
        """A symbol seen for the first time belongs to whoever listens to everything."""
        if any(connection.everything for connection in self.connections):
            strangers = heads.keys() - self._joined
            await self.join(set(strangers))
            for connection in self.connections:
                for symbol in strangers:
                    if connection.everything and symbol not in connection.position:
                        connection.start(symbol, 0, 0)

    def _listeners(self, symbol: str) -> list[Connection]:
        return [connection for connection in self.connections if connection.wants(symbol)]

    async def _read_status(self) -> dict[str, Any]:
        if status_source is None:
            raise RuntimeError("no status source was handed to the hub")
        return await status_source()

    async def _tell_status(self) -> None:
        told, told_at = "", 0.0
        while True:
            await asyncio.sleep(STATUS_POLL_S)
            if not self.connections:
                continue
            try:
                self._status = await self._read_status()
            except DatabaseError as error:
                logger.warning("the status cannot be read, trying again: %s", error)
                continue
            changed = encode({k: v for k, v in self._status.items() if k in ("enabled", "running", "preset")})
            if changed != told or time.monotonic() - told_at >= STATUS_EVERY_S:
                told, told_at = changed, time.monotonic()
                for connection in list(self.connections):
                    connection.put_message(self.status_message(connection))

    def status_message(self, connection: Connection) -> dict[str, Any]:
        return {
            "type": "status",
            "ws": {"connections": len(self.connections), "uptime": int(time.time() - self.started_at)},
            "agent": self._status,
            "epoch": self.epoch,
            "seq": connection.heads(),
        }

    def figures(self) -> dict[str, int]:
        """Return what ``/api/metrics`` says of the sockets of this process."""
        return {
            "connections": len(self.connections),
            "subscriptions": sum(len(c.symbols) + c.everything for c in list(self.connections)),
            "messages_sent": self._sent_by_gone + sum(c.sent for c in list(self.connections)),
            "uptime": int(time.time() - self.started_at),
        }

    async def shut(self) -> None:
        """The server stops: tell every client to come back, and let the frames go out."""
        for connection in list(self.connections):
            connection.shut(CloseCode.RESTARTING)
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0.2)


_hubs: dict[int, Hub] = {}


def get_hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    key = id(loop)
    if key not in _hubs:
        _hubs.clear()  # a process serves on one loop; another one is a test's
        _hubs[key] = Hub()
    return _hubs[key]


def hub_figures() -> dict[str, int]:
    """Return the figures of this process's hub from any thread; zeros before the first socket."""
    for hub in _hubs.values():
        return hub.figures()
    return {"connections": 0, "subscriptions": 0, "messages_sent": 0, "uptime": 0}
