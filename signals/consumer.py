"""``/ws/realtime``: connect, receive, close as Channels has them; delivery is the hub's and the connection's."""

import time
from collections import Counter
from contextlib import suppress
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from access.handshakes import credential_of_scope
from rest.callers import address_of, is_loopback, meta_of
from signals.codes import CloseCode, ErrorCode
from signals.connection import Connection, history_lost
from signals.history import Heads, read_heads
from signals.hub import Hub, get_hub
from signals.messages import EVERYTHING, MAX_SYMBOLS, Ping, Refused, Subscribe, Unsubscribe, parse
from signals.threads import in_thread
from signals.wire.paths import SCOPE_KEY, choose
from telemetry.catalogue import RESUMES

MAX_MESSAGE_BYTES = 64 * 1024
RATE_PER_S, BURST = 20.0, 40.0
PATIENCE = 200  # messages beyond the rate, all answered, before the socket is closed


class RateLimit:
    """A bucket of BURST tokens that fills at RATE_PER_S."""

    __slots__ = ("_at", "_tokens", "refused")

    def __init__(self) -> None:
        self._tokens, self._at, self.refused = BURST, time.monotonic(), 0

    def allows(self) -> bool:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._at) * RATE_PER_S)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return True
        self.refused += 1
        return False


_sockets: Counter[str] = Counter()  # of this process, by client address


class RealtimeConsumer(AsyncWebsocketConsumer):
    """One client. Its messages are handled one after the other."""

    hub: Hub
    connection: Connection | None = None
    address = ""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Handle what comes, without a channel of its own: the hub listens to the layer, once for all.

        Channels' own waits for several sources at a time, which keeps two tasks, a future and four frames a client.
        """
        self.scope, self.channel_layer, self.base_send = scope, None, send
        with suppress(StopConsumer):
            while True:
                await self.dispatch(await receive())

    async def connect(self) -> None:
        await self.accept()  # first: a close before it becomes a 403 whose reason the browser never sees
        address = address_of(meta_of(self.scope))
        # One machine's own programs may be many; what is to be kept off is one stranger who takes all sockets.
        if address and not is_loopback(address) and _sockets[address] >= settings.SOCKETS_PER_ADDRESS:
            return await self._close(CloseCode.TOO_MANY_SOCKETS)
        if address:  # none: a connection over a Unix socket
            self.address = address
            _sockets[address] += 1
        credential = await in_thread(credential_of_scope)(self.scope)
        if credential is None:
            return await self._close(CloseCode.CREDENTIALS)
        self.rate = RateLimit()
        self.hub = get_hub()
        path = choose(self.scope.get(SCOPE_KEY), self.base_send, self._close)
        self.scope.clear()  # headers, cookies, session: nothing reads them again
        self.connection = await self.hub.add(path, credential)
        return None

    async def _close(self, code: int) -> None:
        await self.close(code=int(code))  # daphne takes no enum

    async def disconnect(self, code: int) -> None:
        if self.address:
            _sockets[self.address] -= 1
            if not _sockets[self.address]:
                del _sockets[self.address]
        if self.connection is not None:
            self.hub.remove(self.connection)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        connection = self.connection
        if connection is None:
            return  # refused, and being closed
        try:
            self._admit(connection, text_data, bytes_data)
            if text_data is None:
                raise Refused(ErrorCode.INVALID_MESSAGE, "send text frames, this one was binary")
            await self._answer(connection, parse(text_data))
        except Refused as refused:
            connection.put_message({"type": "error", "code": refused.code, "message": str(refused)})

    def _admit(self, connection: Connection, text_data: str | None, bytes_data: bytes | None) -> None:
        size = len(text_data.encode()) if text_data is not None else len(bytes_data or b"")
        if size > MAX_MESSAGE_BYTES:
            connection.shut(CloseCode.TOO_LARGE)
        elif not self.rate.allows():
            if self.rate.refused > PATIENCE:
                connection.shut(CloseCode.ABUSE)
            raise Refused(ErrorCode.RATE_LIMITED, f"at most {RATE_PER_S:.0f} messages a second, {BURST:.0f} at once")

    async def _answer(self, connection: Connection, message: Subscribe | Unsubscribe | Ping) -> None:
        if isinstance(message, Ping):
            connection.put_message({"type": "pong", "ts": int(time.time() * 1000)})
        elif isinstance(message, Unsubscribe):
            await self._unsubscribe(connection, message)
        else:
            await self._subscribe(connection, message)

    async def _subscribe(self, connection: Connection, message: Subscribe) -> None:
        everything = EVERYTHING in message.symbols
        named = set(message.symbols) - {EVERYTHING}
        if len(connection.symbols | named) > MAX_SYMBOLS:
            raise Refused(ErrorCode.TOO_MANY_SYMBOLS, f"at most {MAX_SYMBOLS} symbols a connection")
        asked = None if everything else tuple(named)
        # Join, then read: a signal stored in between comes twice and is dropped by its seq; reversed, it is lost.
        joined = not everything and self.hub.listens_to(named)
        known = await read_heads(asked)
        unknown = sorted((named | message.since.keys()) - known.seq.keys())
        if unknown:
            raise Refused(ErrorCode.UNKNOWN_SYMBOL, f"unknown symbol {', '.join(unknown[:5])}"[:300])
        if not joined:
            await self.hub.join(set(known.seq))
            known = await read_heads(asked)
        self._begin(connection, message, known, everything, named)

    def _begin(
        self, connection: Connection, message: Subscribe, heads: Heads, everything: bool, named: set[str]
    ) -> None:
        self.hub.listen(connection, named, everything)
        confirmed = {"type": "subscription_confirmed", "symbols": list(message.symbols), "seq": heads.seq}
        connection.put_message(confirmed)
        foreign = message.epoch is not None and message.epoch != heads.epoch
        for symbol, head in heads.seq.items():
            since = message.since.get(symbol)
            if since is None and symbol in connection.topics and symbol not in named:
                continue  # "*" on top of a symbol that already runs
            if since is not None and (foreign or since > head):
                why = "its numbering is another (epoch)" if foreign else f"since {since} is beyond the head"
                connection.put_message(history_lost(symbol, head + 1, head, why))
                RESUMES.labels("history_lost").inc()
                since = None
            elif since is not None:
                RESUMES.labels("resumed").inc()
            # What came by between reading the heads and now is behind the head that was confirmed: it follows.
            connection.start(self.hub.topic(symbol), head if since is None else since, head)

    async def _unsubscribe(self, connection: Connection, message: Unsubscribe) -> None:
        strangers = sorted(set(message.symbols) - connection.symbols - {EVERYTHING})
        known = await read_heads(tuple(strangers)) if strangers else None
        unknown = [s for s in strangers if known is not None and s not in known.seq]
        if unknown:
            raise Refused(ErrorCode.UNKNOWN_SYMBOL, f"unknown symbol {', '.join(unknown[:5])}"[:300])
        self.hub.ignore(connection, message.symbols, EVERYTHING in message.symbols)
        confirmation: dict[str, Any] = {"type": "unsubscription_confirmed", "symbols": list(message.symbols)}
        connection.put_message(confirmation)
