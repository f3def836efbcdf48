"""The hub of one web process: listens to the channel layer once, whoever many sockets there are.

It joins a symbol's group while anyone here listens to it, builds each frame once and offers it to the connections
that want it. Status messages go to all connections: at each change and every 15 s.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from channels.layers import get_channel_layer
from django.db import DatabaseError
from redis.exceptions import RedisError

from access.credentials import RECHECK_S, Credential, still_good
from access.watching import access_version
from signals.codes import CloseCode
from signals.connection import Connection
from signals.history import read_heads, ring, watch_heads
from signals.memory import settle
from signals.publish import HEADS_GROUP, group_of
from signals.threads import in_thread
from signals.topics import Topic
from signals.wire.layers import receive_all
from signals.wire.outbox import Flusher
from signals.wire.paths import WritePath, fallback
from signals.wire.payload import Payload, encode
from telemetry.catalogue import LAYER_LOSSES, SEND_SECONDS
from telemetry.logs import trail

logger = logging.getLogger(__name__)

ANNOUNCEMENTS = "announcements"  # the group of messages to every client
STATUS_EVERY_S = 15.0
STATUS_POLL_S = 0.5  # a change made by another process is told within this
LEAVE_AFTER_S = 60.0
STATUS_SLICE = 100  # connections told before others on the loop have their turn

NO_FIGURES: dict[str, Any] = {
    "connections": 0,
    "subscriptions": 0,
    "messages_sent": 0,
    "uptime": 0,
    "closed": {},
    "write_paths": {},
    "write_path_fallback": None,
}

# The agent's status, handed down by agent/ at start: this floor does not import it.
status_source: Callable[[], Awaitable[dict[str, Any]]] | None = None


def _sent(messages: list[tuple[dict[str, Any], int]]) -> None:
    """The frames of signals have gone to so many sockets each."""
    now, told = time.time(), trail.isEnabledFor(logging.INFO)
    for message, sockets in messages:
        signal, published_at = message["signal"], message.get("published_at")
        if published_at is not None:
            SEND_SECONDS.observe(max(now - published_at, 0.0))  # clocks of two machines may differ
        if told:
            about = {"tick": message.get("tick", ""), "signal": signal["id"], "sockets": sockets}
            trail.info("sent %s %d", signal["symbol"], signal["seq"], extra=about)


class Hub:
    """Connections of this process by symbol. Lives on one event loop."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._topics: dict[str, Topic] = {}
        self._everything: set[Connection] = set()
        self._flusher = Flusher(self._flushed)
        self._taken: list[tuple[dict[str, Any], int]] = []  # signals not flushed yet, each for so many sockets
        self._closed: Counter[int] = Counter()
        self.started_at = time.time()
        self.loop = asyncio.get_running_loop()
        self.epoch = ""
        self._sent_by_gone = 0
        self._layer = get_channel_layer()
        self._channel = ""
        self._joined: set[str] = set()
        self._unwanted: dict[str, float] = {}  # of what is joined, since when (monotonic) nobody wants it
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._status: dict[str, Any] = {}
        self._status_at = float("-inf")
        self._access = (-1, 0.0)  # the access version last seen, and when the credentials were looked at

    async def add(self, path: WritePath, credential: Credential = Credential.OPEN) -> Connection:
        """Take in a client and greet it with a ``status``."""
        async with self._starting:
            if not self._tasks:
                await self._start()
            if time.monotonic() - self._status_at > STATUS_POLL_S:
                await self._read_status()
        connection = Connection(path, self._flusher, self._count_closed, credential)
        self.connections.add(connection)
        connection.outbox.put(self._status_payloads()(connection))
        return connection

    def _count_closed(self, code: int) -> None:
        self._closed[int(code)] += 1

    def remove(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.discard(connection)
            self.ignore(connection, list(connection.symbols), everything=connection.everything)
            self._sent_by_gone += connection.sent
        connection.cancel()

    def listen(self, connection: Connection, symbols: Iterable[str], everything: bool) -> None:
        """Let a connection have the live signals of symbols, or of all; each begins with its ``start``."""
        connection.symbols.update(symbols)
        if everything:
            connection.everything = True
            self._everything.add(connection)

    def ignore(self, connection: Connection, symbols: Iterable[str], everything: bool) -> None:
        """The reverse; what is wanted no more is stopped."""
        connection.symbols.difference_update(symbols)
        if everything:
            connection.everything = False
            self._everything.discard(connection)
        for symbol in [symbol for symbol in connection.topics if not connection.wants(symbol)]:
            connection.stop(symbol)

    def topic(self, symbol: str) -> Topic:
        """Return a symbol's topic. One seen for the first time belongs to whoever listens to everything."""
        if symbol not in self._topics:
            self._topics[symbol] = topic = Topic(symbol)
            for connection in self._everything:
                connection.start(topic, 0, 0)
        return self._topics[symbol]

    async def _start(self) -> None:
        settle()
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(HEADS_GROUP, self._channel)
        await self._layer.group_add(ANNOUNCEMENTS, self._channel)
        self.epoch = (await read_heads(())).epoch
        work = (self._listen(), self._tell_status(), watch_heads(self))
        self._tasks = [asyncio.ensure_future(one) for one in work]

    async def join(self, symbols: set[str]) -> None:
        """Listen to the groups of symbols; to be done before their heads are read."""
        self._want(symbols)
        for symbol in symbols - self._joined:
            self.topic(symbol)  # before it is joined: what comes by is counted
            await self._layer.group_add(group_of(symbol), self._channel)
            self._joined.add(symbol)

    def listens_to(self, symbols: set[str]) -> bool:
        """Whether the groups of all these are joined already; they then stay so for a while."""
        self._want(symbols)
        return symbols <= self._joined

    def _want(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._unwanted.pop(symbol, None)

    async def _leave_unwanted(self) -> None:
        """Stop listening to what nobody here has wanted for a while; not at once, for someone may be about to begin."""
        if self._everything:
            return
        now = time.monotonic()
        for symbol in list(self._joined):
            if self._topics[symbol].count():
                self._unwanted.pop(symbol, None)
            elif now - self._unwanted.setdefault(symbol, now) > LEAVE_AFTER_S:
                del self._unwanted[symbol]
                del self._topics[symbol]  # what comes by from now on is not lost
                self._joined.discard(symbol)
                await self._layer.group_discard(group_of(symbol), self._channel)

    async def _listen(self) -> None:
        while True:
            try:
                for message in await receive_all(self._layer, self._channel):
                    await self._take(message)
                await asyncio.sleep(0)  # more may be waiting: first all that was put goes out
            except (OSError, RedisError) as error:
                logger.warning("the channel layer does not answer, trying again: %s", error)
                await asyncio.sleep(1.0)
            except Exception:
                logger.exception("a message of the channel layer could not be delivered: the database has it")

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "signal.heads":
            await self.take_heads(message["heads"])
        elif message["type"] == "signal.message":
            signal = message["signal"]
            ring.add(signal)
            if (topic := self._topics.get(signal["symbol"])) is not None:
                topic.take(signal["seq"], Payload(encode(signal)))
                if count := topic.count():
                    self._taken.append((message, count))
                    self._flusher.order()
        elif message["type"] == "announcement.message":
            payload = Payload(encode(message["message"]))
            for connection in list(self.connections):
                connection.outbox.put(payload)

    def _flushed(self) -> None:
        taken, self._taken = self._taken, []
        _sent(taken)

    async def take_heads(self, heads: dict[str, int]) -> None:
        """Show every connection the last seq of symbols: what it lacks it reads."""
        if self._everything and (strangers := heads.keys() - self._joined):
            await self.join(set(strangers))
        for symbol, seq in heads.items():
            topic = self._topics.get(symbol)
            if topic is not None and (lost := topic.take_head(seq)):
                LAYER_LOSSES.inc(lost)

    async def _read_status(self) -> None:
        if status_source is None:
            raise RuntimeError("no status source was handed to the hub")
        self._status, self._status_at = await status_source(), time.monotonic()

    async def _tell_status(self) -> None:
        told, told_at = "", 0.0
        while True:
            await asyncio.sleep(STATUS_POLL_S)
            try:
                await self._leave_unwanted()
            except (OSError, RedisError) as error:
                logger.warning("the channel layer does not answer: %s", error)
            if not self.connections:
                continue
            try:
                await self._watch_access()
                await self._read_status()
            except DatabaseError as error:
                logger.warning("the status cannot be read, trying again: %s", error)
                continue
            changed = encode({k: v for k, v in self._status.items() if k in ("enabled", "running", "preset")})
            if changed != told or time.monotonic() - told_at >= STATUS_EVERY_S:
                told, told_at = changed, time.monotonic()
                await self._tell_all()

    async def _watch_access(self) -> None:
        """Close the sockets whose token or session has ended: at once when something was revoked, else at times."""
        version = await in_thread(access_version)()
        seen, looked_at = self._access
        if version == seen and time.monotonic() - looked_at < RECHECK_S:
            return
        self._access = (version, time.monotonic())
        good = await in_thread(still_good)({connection.credential for connection in self.connections})
        for connection in list(self.connections):
            if connection.credential not in good:
                connection.shut(CloseCode.CREDENTIALS)

    async def _tell_all(self) -> None:
        told = self._status_payloads()
        for number, connection in enumerate(list(self.connections)):
            connection.outbox.put(told(connection))
            if number % STATUS_SLICE == STATUS_SLICE - 1:
                await asyncio.sleep(0)

    def _status_payloads(self) -> Callable[[Connection], Payload]:
        """Return what makes a connection's ``status``: all but its own heads is encoded once."""
        common = encode(
            {
                "type": "status",
                "ws": {"connections": len(self.connections), "uptime": int(time.time() - self.started_at)},
                "agent": self._status,
                "epoch": self.epoch,
            }
        )
        return lambda connection: Payload(f'{common[:-1]},"seq":{encode(connection.heads())}}}')

    def figures(self) -> dict[str, Any]:
        """Return what ``/api/metrics`` says of the sockets of this process."""
        return NO_FIGURES | {
            "connections": len(self.connections),
            "subscriptions": sum(len(c.symbols) + c.everything for c in list(self.connections)),
            "messages_sent": self._sent_by_gone + sum(c.sent for c in list(self.connections)),
            "uptime": int(time.time() - self.started_at),
            "closed": {str(code): count for code, count in sorted(self._closed.items())},
            "write_paths": dict(Counter(c.outbox.path.name for c in list(self.connections))),
            "write_path_fallback": fallback.reason,
        }

    def depths(self) -> list[int]:
        """Return how many frames wait for each client."""
        return [len(connection.outbox.waiting) for connection in list(self.connections)]

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


def serving_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop on which this process serves sockets, or None before the first one."""
    return next((hub.loop for hub in _hubs.values() if hub.loop.is_running()), None)


def hub_figures() -> dict[str, Any]:
    """Return the figures of this process's hub from any thread; zeros before the first socket."""
    for hub in _hubs.values():
        return hub.figures()
    return dict(NO_FIGURES)


def hub_depths() -> list[int]:
    """Return how many frames wait for each client of this process, from any thread."""
    return [depth for hub in _hubs.values() for depth in hub.depths()]
