"""What waits for one client, bounded, and the flusher that writes all that is pending once a loop tick."""

import asyncio
import logging
import time
from collections.abc import Callable

from signals.wire.paths import WritePath
from signals.wire.payload import Payload

logger = logging.getLogger(__name__)

MAX_WAITING_MESSAGES = 1024
MAX_WAITING_BYTES = 1024 * 1024
STUCK_S = 8.0  # a client that takes nothing for this long is as slow as one for whom too much waits
LOOK_EVERY_S = 0.02
# After a long flush the flusher rests for a part of the time that it took. Where messages come faster than they can be
# written one by one, more of them go out as one, and the loop gets to what else it has to do. What comes to an idle
# process never waits.
LONG_FLUSH_S = 0.001
REST = 0.15


class Outbox:
    """Messages to one client, in order. Past the bound it calls ``too_slow``, when writing fails ``broken``."""

    __slots__ = (
        "_flusher", "_moved_at", "_taken", "broken", "open", "path", "roomy", "sent", "too_slow", "waiting",
    )  # fmt: skip

    def __init__(
        self, path: WritePath, flusher: "Flusher", too_slow: Callable[[], None], broken: Callable[[], None]
    ) -> None:
        self.path, self._flusher, self.too_slow, self.broken = path, flusher, too_slow, broken
        self.waiting: list[Payload] = []
        self.sent = 0
        self.open = True
        self.roomy: Callable[[], None] | None = None  # called when something went out
        self._taken: int | None = None  # the most bytes that were seen gone from the server, while it is watched
        self._moved_at = 0.0

    def put(self, payload: Payload) -> None:
        # The hot path: once a client and message.
        waiting = self.waiting
        if not waiting:
            self._flusher.pend(self)
        waiting.append(payload)
        if len(waiting) > MAX_WAITING_MESSAGES:
            self.flush()  # a burst within one tick is no slowness

    def flush(self) -> None:
        """Write what can be written; what cannot is looked after by the flusher."""
        waiting, path = self.waiting, self.path
        try:
            if not self.open:
                waiting.clear()  # put by who has not heard yet that the client is gone
            while waiting:
                count = path.take(waiting)
                self.sent += count
                if self.roomy is not None and count:
                    self.roomy()
                if count == len(waiting):
                    waiting.clear()
                elif count:
                    del waiting[:count]
                else:
                    break
        except OSError as error:
            logger.debug("a client is gone: %s", error)
            self.drop()
        except Exception:
            logger.exception("a message could not be written")
            self.drop()
            self.broken()
        if (waiting or path.left_over) and self.open:
            self._flusher.watch(self)
            if waiting and self._is_full():
                self.too_slow()

    def _is_full(self) -> bool:
        # Payloads are shared by all their clients: what is over the bound for a moment costs no memory.
        waiting = self.waiting
        return len(waiting) > MAX_WAITING_MESSAGES or sum(len(p.frame) for p in waiting) > MAX_WAITING_BYTES

    def drop(self) -> None:
        """Take and send nothing more."""
        self.open = False
        self.waiting.clear()

    def look(self, now: float) -> bool:
        """Go on with a client that could not take everything. Return whether there is still something to look after."""
        self.flush()
        unsent = self.path.unsent() if self.open else 0
        if not self.open or not (self.waiting or unsent):
            self._taken = None
            return False
        taken = self.path.handed - unsent
        if self._taken is None or taken > self._taken:
            self._taken, self._moved_at = taken, now
        elif now - self._moved_at > STUCK_S:
            self.too_slow()
        return self.open


class Flusher:
    """The outboxes of one event loop that have something to send."""

    def __init__(self, flushed: Callable[[], None] | None = None) -> None:
        """``flushed`` is called after each flush."""
        self._flushed = flushed
        self._pending: list[Outbox] = []
        self._ordered = False
        self._watched: set[Outbox] = set()
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.TimerHandle | None = None
        self._rest_until = 0.0

    def pend(self, outbox: Outbox) -> None:
        """Flush ``outbox`` when all that runs in this tick of the loop has put its messages."""
        self._pending.append(outbox)
        if not self._ordered:
            self.order()

    def order(self) -> None:
        """Flush when this tick of the loop is over, or when the flusher has rested."""
        if self._ordered:
            return
        self._ordered = True
        rest = self._rest_until - time.monotonic()  # a loop's own time may stand still within a tick
        if rest > 0.0:
            self._loop.call_later(rest, self._flush)
        else:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        began = time.monotonic()
        self._ordered = False
        pending, self._pending = self._pending, []
        for outbox in pending:
            outbox.flush()
        if self._flushed is not None:
            self._flushed()
        ended = time.monotonic()
        if ended - began > LONG_FLUSH_S:
            self._rest_until = ended + REST * (ended - began)

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
