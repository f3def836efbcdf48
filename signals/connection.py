"""One client's stream: what it subscribed, and how far it is. What waits to be sent to it is its outbox's."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from access.credentials import Credential
from signals import history
from signals.codes import CloseCode, ErrorCode
from signals.topics import Topic
from signals.wire.outbox import MAX_WAITING_MESSAGES, Flusher, Outbox
from signals.wire.paths import CLOSE_PATIENCE_S, WritePath
from signals.wire.payload import Payload, encode
from telemetry.catalogue import RESUMES

logger = logging.getLogger(__name__)

HISTORY_ROOM = MAX_WAITING_MESSAGES // 2  # a page of history waits until the outbox is this empty


class Connection:
    """Delivers each symbol's signals in order, without hole or repeat; what is missing comes from the database.

    While it is in step with a topic, the topic's seq says how far it is. Apart from it, ``position`` is the last seq
    that was put in the outbox, ``_head`` a later one that is known to exist; whenever that runs ahead by more than the
    message at hand, the rows between are read and sent.
    """

    __slots__ = (
        "_behind", "_closed", "_filler", "_head", "credential", "everything", "outbox", "position", "symbols", "topics",
    )  # fmt: skip

    def __init__(
        self,
        path: WritePath,
        flusher: Flusher,
        closed: Callable[[int], None],
        credential: Credential = Credential.OPEN,
    ) -> None:
        """``closed`` is told the code when this side closes."""
        self.credential = credential
        self.outbox = Outbox(path, flusher, self._too_slow, self._broken)
        self._closed: Callable[[int], None] | None = closed
        self.symbols: set[str] = set()
        self.everything = False
        self.topics: dict[str, Topic] = {}  # of what is subscribed, begun
        self.position: dict[str, int] = {}
        self._head: dict[str, int] = {}
        self._behind: list[str] = []
        self._filler: asyncio.Task[None] | None = None

    @property
    def sent(self) -> int:
        return self.outbox.sent

    def wants(self, symbol: str) -> bool:
        return self.everything or symbol in self.symbols

    def offer(self, topic: Topic, seq: int, payload: Payload) -> None:
        """A live message, apart: sent if it is next, dropped if it was sent, else a hole to be filled."""
        symbol = topic.symbol
        if seq == self.position[symbol] + 1 and symbol not in self._behind:
            self.position[symbol] = seq
            self.outbox.put(payload)
        else:
            self.note_head(topic, seq)

    def note_head(self, topic: Topic, seq: int) -> None:
        """A seq that is known to exist: if it is beyond the position, what lies between is read."""
        symbol = topic.symbol
        if self.position[symbol] < seq:
            self._head[symbol] = max(seq, self._head.get(symbol, 0))
            self._catch_up(symbol)

    def is_at(self, symbol: str, seq: int) -> bool:
        """Whether all up to ``seq`` was put in the outbox, and no more."""
        return self.position[symbol] == seq and symbol not in self._behind

    def keep_step(self, symbol: str) -> None:
        """From now on the topic says how far this is."""
        del self.position[symbol]
        self._head.pop(symbol, None)

    def start(self, topic: Topic, position: int, head: int) -> None:
        """Begin a symbol behind ``position``; what is missing up to ``head``, or came by since, follows."""
        symbol = topic.symbol
        topic.leave(self)
        self.topics[symbol] = topic
        self.position[symbol] = position
        self.note_head(topic, max(head, topic.seq))
        topic.settle(self)

    def stop(self, symbol: str) -> None:
        if topic := self.topics.pop(symbol, None):
            topic.leave(self)
        self.position.pop(symbol, None)
        self._head.pop(symbol, None)

    def heads(self) -> dict[str, int]:
        """Return the last known seq of what is subscribed."""
        return {
            symbol: max(self.position.get(symbol, topic.seq), self._head.get(symbol, 0))
            for symbol, topic in self.topics.items()
        }

    def put_message(self, message: dict[str, Any]) -> None:
        self.outbox.put(Payload(encode(message)))

    def shut(self, code: int) -> None:
        """Close the socket with ``code``, behind what a client that keeps up still gets; nothing more is sent."""
        if self._closed is None:
            return
        closed, self._closed = self._closed, None
        if code != CloseCode.TOO_SLOW:
            self.outbox.flush()
        self.outbox.drop()
        closed(code)
        path = self.outbox.path
        _keep(_close(path, code))
        # Whatever the server makes of a client that does not answer: then it is dropped, and sees 1006.
        asyncio.get_running_loop().call_later(CLOSE_PATIENCE_S, path.abort)

    def cancel(self) -> None:
        """The socket is gone."""
        self._closed = None
        self.outbox.drop()
        if self._filler is not None:
            self._filler.cancel()

    def _too_slow(self) -> None:
        self.shut(CloseCode.TOO_SLOW)

    def _broken(self) -> None:
        self.shut(CloseCode.RESTARTING)

    def _catch_up(self, symbol: str) -> None:
        if symbol not in self._behind:
            self._behind.append(symbol)
        if self._filler is None or self._filler.done():
            self._filler = asyncio.ensure_future(self._guard())

    async def _guard(self) -> None:
        """Fill holes; if that fails, say so and let the client come back: what it missed is in the database."""
        try:
            while self._behind:
                symbol = self._behind[0]
                await self._fill_symbol(symbol)
                self._behind.pop(0)
                if topic := self.topics.get(symbol):
                    topic.settle(self)
        except Exception:
            logger.exception("history could not be read: the connection is closed")
            self.shut(CloseCode.RESTARTING)

    async def _room(self) -> None:
        """Wait until the outbox takes more of a page."""
        while len(self.outbox.waiting) > HISTORY_ROOM:
            room = asyncio.Event()
            self.outbox.roomy = room.set
            await room.wait()
            self.outbox.roomy = None

    async def _fill_symbol(self, symbol: str) -> None:
        """Read and send what lies between position and head. It stays ``behind`` meanwhile: live ones wait."""
        while symbol in self.topics and (position := self.position[symbol]) < self._head.get(symbol, 0):
            page = await history.read_page(symbol, position)
            if self.position.get(symbol) != position:
                continue  # subscribed anew while the page was read
            if not page or page[0]["seq"] != position + 1:
                self._lost(symbol, page[0]["seq"] if page else self._head[symbol] + 1)
                continue
            for frame in page:
                await self._room()
                if self.position.get(symbol) != frame["seq"] - 1:
                    break
                self.position[symbol] = frame["seq"]
                self.put_message(frame)

    def _lost(self, symbol: str, oldest: int) -> None:
        head = self._head[symbol]
        RESUMES.labels("history_lost").inc()
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


_closing: set[asyncio.Task[None]] = set()  # the loop itself keeps only a weak reference


def _keep(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _close(path: WritePath, code: int) -> None:
    """Send the close frame. Uvicorn lets it wait behind what a slow client has not taken."""
    try:
        await asyncio.wait_for(path.close(code), CLOSE_PATIENCE_S)
    except (OSError, TimeoutError) as error:
        logger.debug("a client is gone: %r", error)
    except Exception:
        logger.exception("the close frame could not be sent")
