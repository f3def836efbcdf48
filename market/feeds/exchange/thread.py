"""A feed on an event loop and a thread of its own; another thread takes what it delivers."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from market.feeds.base import FeedError
from market.feeds.exchange.beside import Measured
from market.feeds.exchange.feed import Arrived, Chosen, ExchangeFeed, Stored

logger = logging.getLogger(__name__)

AGAIN_S = 5.0
QUIET_S = 0.02  # closing frames come in a burst: what follows within this is taken along
BURST_S = 0.15

Known = dict[tuple[str, str], Stored]
Event = Arrived | Measured | tuple[Chosen, "Future[Known]"]
MakeFeed = Callable[[Callable[[Any], None], Callable[[Chosen], Any]], ExchangeFeed]


class FeedThread:
    """Runs what ``make`` makes, and makes it anew if it breaks. Raises FeedError at once if it cannot be made."""

    def __init__(self, make: MakeFeed) -> None:
        self._make, self._events = make, queue.SimpleQueue[Event]()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.feed = make(self._events.put, self._ask)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="exchange", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the feed and close its sockets."""
        if self._loop and self._task:
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(timeout=10.0)

    def take(self, timeout_s: float) -> list[Event]:
        """Return what was delivered: wait at most ``timeout_s`` for the first, then for the rest of a burst."""
        try:
            events = [self._events.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        until = time.monotonic() + BURST_S
        while time.monotonic() < until:
            try:
                events.append(self._events.get(timeout=QUIET_S))
            except queue.Empty:
                break
        return events

    def replan(self, timeframes: list[str]) -> None:
        """Follow other timeframes from now on."""
        if self._loop and timeframes != self.feed.plan.timeframes:
            self._loop.call_soon_threadsafe(self.feed.replan, list(timeframes))

    async def _live(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        while True:
            try:
                await self.feed.run()
            except FeedError:
                logger.exception("the feed cannot be used")
                raise
            except Exception:
                logger.exception("the feed broke and is made anew in %.0f s", AGAIN_S)
            await asyncio.sleep(AGAIN_S)
            self.feed = self._make(self._events.put, self._ask)

    async def _ask(self, chosen: Chosen) -> Known:
        answer: Future[Known] = Future()
        self._events.put((chosen, answer))
        return await asyncio.wrap_future(answer)
