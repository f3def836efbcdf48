"""What waits for one client, bounded, and the flusher that writes all that is pending once a loop tick."""

import asyncio
import logging
from collections.abc import Callable

from signals.wire.paths import WritePath
from signals.wire.payload import Payload

logger = logging.getLogger(__name__)

MAX_WAITING_MESSAGES = 1024
MAX_WAITING_BYTES = 1024 * 1024
STUCK_S = 8.0  # a client that takes nothing for this long is as slow as one for whom too much waits
LOOK_EVERY_S = 0.02


class Outbox:
    """Messages to one client, in order. Past the bound it calls ``too_slow``, when writing fails ``broken``."""

    __slots__ = (
        "_flusher", "_handed", "_moved_at", "_taken", "broken", "bytes", "open", "path", "roomy", "sent", "too_slow",
        "waiting",
    )  # fmt: skip

    def __init__(
        self, path: WritePath, flusher: "Flusher", too_slow: Callable[[], None], broken: Callable[[], None]
    ) -> None:
        self.path, self._flusher, self.too_slow, self.broken = path, flusher, too_slow, broken
        self.waiting: list[Payload] = []
        self.bytes = 0  # of frames in waiting
        self.sent = 0
        self.open = True
        self.roomy: Callable[[], None] | None = None  # called when something went out
        self._handed = 0  # bytes given to the server
        self._taken: int | None = None  # the most of them that were seen gone from its buffer, while it is watched
        self._moved_at = 0.0

    def put(self, payload: Payload) -> None:
        if not self.open:
            return
        if not self.waiting:
            self._flusher.pend(self)
        self.waiting.append(payload)
        self.bytes += len(payload.frame)
        if len(self.waiting) > MAX_WAITING_MESSAGES or self.bytes > MAX_WAITING_BYTES:
            self.flush()  # a burst within one tick is no slowness
            if len(self.waiting) > MAX_WAITING_MESSAGES or self.bytes > MAX_WAITING_BYTES:
                self.too_slow()

    def flush(self) -> None:
        """Write what can be written; what cannot is looked after by the flusher."""
        try:
            waiting, path = self.waiting, self.path
            while waiting and (count := path.take(waiting)):
                self._went(count)
        except OSError as error:
            logger.debug("a client is gone: %s", error)
            self.drop()
        except Exception:
            logger.exception("a message could not be written")
            self.drop()
            self.broken()
        if self.waiting or (self.path.left_over and self.open):
            self._flusher.watch(self)

    def _went(self, count: int) -> None:
        self.sent += count
        size = self.bytes if count == len(self.waiting) else sum(len(payload.frame) for payload in self.waiting[:count])
        self.bytes -= size
        self._handed += size
        del self.waiting[:count]
        if self.roomy is not None:
            self.roomy()

    def drop(self) -> None:
        """Take and send nothing more."""
        self.open = False
        self.waiting.clear()
        self.bytes = 0

    def look(self, now: float) -> bool:
        """Go on with a client that could not take everything. Return whether there is still something to look after."""
        self.flush()
        unsent = self.path.unsent() if self.open else 0
        if not self.open or not (self.waiting or unsent):
            self._taken = None
            return False
        taken = self._handed - unsent
        if self._taken is None or taken > self._taken:
            self._taken, self._moved_at = taken, now
        elif now - self._moved_at > STUCK_S:
            self.too_slow()
        return self.open


class Flusher:
    """The outboxes of one event loop that have something to send."""

    def __init__(self) -> None:
        self._pending: list[Outbox] = []
        self._watched: set[Outbox] = set()
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.TimerHandle | None = None

    def pend(self, outbox: Outbox) -> None:
        """Flush ``outbox`` when all that runs in this tick of the loop has put its messages."""
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(outbox)

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        for outbox in pending:
            outbox.flush()

    def watch(self, outbox: Outbox) -> None:
        self._watched.add(outbox)
        if self._looking is None:
            self._looking = self._loop.call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        for outbox in list(self._watched):
            if not outbox.look(now):
                self._watched.discard(outbox)
        self._looking = self._loop.call_later(LOOK_EVERY_S, self._look) if self._watched else None
