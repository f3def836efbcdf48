"""One client's stream: what it subscribed, how far it is, and what waits to be sent to it."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from signals import history
from signals.codes import CloseCode, ErrorCode

logger = logging.getLogger(__name__)

MAX_WAITING_MESSAGES = 1024
MAX_WAITING_BYTES = 1024 * 1024
HISTORY_ROOM = MAX_WAITING_MESSAGES // 2  # a page of history waits until the outbox is this empty


def encode(message: dict[str, Any]) -> str:
    """Return a message as one text frame. NaN and Infinity raise: they are never sent."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


class Connection:
    """Delivers each symbol's signals in order, without hole or repeat; what is missing comes from the database.

    ``position`` is the last seq that was put in the outbox, ``head`` the last that is known to exist. Whenever head
    runs ahead of position by more than the message at hand, the rows between are read and sent.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]], close: Callable[[int], Awaitable[None]]) -> None:
        self._send, self._close = send, close
        self.symbols: set[str] = set()
        self.everything = False
        self.position: dict[str, int] = {}
        self._head: dict[str, int] = {}
        self._behind: deque[str] = deque()
        self._outbox: deque[str] = deque()
        self._waiting_bytes = 0
        self._work, self._room, self._missing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()
        self._closing = False
        self._tasks = [asyncio.ensure_future(self._speak(self._write())), asyncio.ensure_future(self._guard())]
        self.sent = 0

    def wants(self, symbol: str) -> bool:
        return self.everything or symbol in self.symbols

    def offer(self, symbol: str, seq: int, text: str) -> None:
        """A live message: sent if it is next, dropped if it was sent, else a hole to be filled from the database."""
        self._head[symbol] = max(seq, self._head.get(symbol, 0))
        position = self.position.get(symbol, 0)
        if seq <= position:
            return  # a repeat
        if seq == position + 1 and symbol not in self._behind:
            self.position[symbol] = seq
            self.put(text)
        else:
            self._catch_up(symbol)

    def note_head(self, symbol: str, seq: int) -> None:
        """A symbol's last seq, by way of a ``heads`` message: shows what the channel layer lost."""
        self._head[symbol] = max(seq, self._head.get(symbol, 0))
        if self.position.get(symbol, seq) < seq:
            self._catch_up(symbol)

    def start(self, symbol: str, position: int, head: int) -> None:
        """Begin a symbol behind ``position``; what is missing up to the newest known head follows."""
        self._head[symbol] = max(head, self._head.get(symbol, 0))
        self.position[symbol] = position
        if position < self._head[symbol]:
            self._catch_up(symbol)

    def stop(self, symbol: str) -> None:
        self.position.pop(symbol, None)
        self._head.pop(symbol, None)

    def heads(self) -> dict[str, int]:
        """Return the last known seq of what is subscribed."""
        return {symbol: self._head.get(symbol, seq) for symbol, seq in self.position.items()}

    def put(self, text: str) -> None:
        """Queue a frame; a client for whom too much waits is closed, to come back with ``since``."""
        if self._closing:
            return
        self._outbox.append(text)
        self._waiting_bytes += len(text)
        if len(self._outbox) > MAX_WAITING_MESSAGES or self._waiting_bytes > MAX_WAITING_BYTES:
            self.shut(CloseCode.TOO_SLOW)
            return
        self._work.set()
        if len(self._outbox) > HISTORY_ROOM:
            self._room.clear()

    def put_message(self, message: dict[str, Any]) -> None:
        self.put(encode(message))

    def shut(self, code: int) -> None:
        """Close the socket with ``code``; nothing more is sent."""
        if not self._closing:
            self._closing = True
            self._outbox.clear()
            self._tasks.append(asyncio.ensure_future(self._speak(self._close(code))))

    def cancel(self) -> None:
        """The socket is gone."""
        self._closing = True
        for task in self._tasks[:2]:
            task.cancel()

    def _catch_up(self, symbol: str) -> None:
        if symbol not in self._behind:
            self._behind.append(symbol)
        self._missing.set()

    async def _speak(self, work: Awaitable[None]) -> None:
        """Run ``work``, which sends. A client that is gone is no fault, and each server has its own error for it."""
        try:
            await work
        except Exception as error:
            logger.info("a client is gone: %r", error)
            self._closing = True

    async def _guard(self) -> None:
        """Fill holes; if that fails, say so and let the client come back: what it missed is in the database."""
        try:
            await self._fill()
        except Exception:
            logger.exception("history could not be read: the connection is closed")
            self.shut(CloseCode.RESTARTING)

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            while self._outbox:
                text = self._outbox.popleft()
                self._waiting_bytes -= len(text)
                await self._send(text)
                self.sent += 1
                if len(self._outbox) <= HISTORY_ROOM:
                    self._room.set()
            self._work.clear()

    async def _fill(self) -> None:
        while True:
            await self._missing.wait()
            while self._behind:
                await self._fill_symbol(self._behind[0])
                self._behind.popleft()
            self._missing.clear()

    async def _fill_symbol(self, symbol: str) -> None:
        """Read and send what lies between position and head. It stays ``behind`` meanwhile: live ones wait."""
        while self.wants(symbol) and self.position.get(symbol, 0) < self._head.get(symbol, 0):
            position = self.position[symbol]
            page = await history.read_page(symbol, position)
            if self.position.get(symbol) != position:
                continue  # subscribed anew while the page was read
            if not page or page[0]["seq"] != position + 1:
                self._lost(symbol, page[0]["seq"] if page else self._head[symbol] + 1)
                continue
            for frame in page:
                await self._room.wait()
                if self.position.get(symbol) != frame["seq"] - 1:
                    break
                self.position[symbol] = frame["seq"]
                self.put_message(frame)

    def _lost(self, symbol: str, oldest: int) -> None:
        head = self._head[symbol]
        self.put_message(history_lost(symbol, oldest, head, "that much history is no longer kept"))
        self.position[symbol] = head


def history_lost(symbol: str, oldest: int, head: int, why: str) -> dict[str, Any]:
    """Return the message that says: what you missed cannot be sent, the live signals follow."""
    return {
        "type": "error",
        "code": ErrorCode.HISTORY_LOST,
        "symbol": symbol,
        "oldest_seq": oldest,
        "head_seq": head,
        "message": f"{symbol}: {why}; live signals follow after {head}",
    }
