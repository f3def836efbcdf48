"""The newest frames of each symbol in memory: a storm of clients that come back is served without the database."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

FRAMES = 512  # a symbol, about 0.5 KB each: more than a client misses within the time it takes to come back
Frame = dict[str, Any]
Answer = TypeVar("Answer")


class Ring:
    """Stored signals by symbol, each a stretch of numbers without a hole, bounded. They never change once stored."""

    def __init__(self) -> None:
        self._frames: dict[str, deque[Frame]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def add(self, frame: Frame) -> None:
        """Keep a frame if it goes on where its symbol's stretch ends; one further ahead begins a new stretch."""
        kept = self._frames.setdefault(frame["symbol"], deque(maxlen=FRAMES))
        last = kept[-1]["seq"] if kept else None
        if last is not None and frame["seq"] > last + 1:
            kept.clear()
        if not kept or frame["seq"] == kept[-1]["seq"] + 1:
            kept.append(frame)

    def after(self, symbol: str, seq: int, limit: int) -> list[Frame]:
        """Return up to ``limit`` frames from ``seq`` + 1 on without a hole; none if that one is not here."""
        kept = self._frames.get(symbol)
        if not kept or not kept[0]["seq"] <= seq + 1 <= kept[-1]["seq"]:
            return []
        first = seq + 1 - kept[0]["seq"]
        return [kept[i] for i in range(first, min(first + limit, len(kept)))]

    def lock(self, symbol: str) -> asyncio.Lock:
        """Return what those hold who read a symbol's frames from the database: the next one finds them here."""
        return self._locks.setdefault(symbol, asyncio.Lock())

    def clear(self) -> None:
        self._frames.clear()
        self._locks.clear()


class Coalesced(Generic[Answer]):
    """A read that many ask for at once: each gets the answer of one that began after its call.

    Reads are at least ``apart_s`` apart, so any number of callers costs a bounded number of them.
    """

    def __init__(self, read: Callable[[], Awaitable[Answer]], apart_s: float) -> None:
        self._read, self._apart_s = read, apart_s
        self._next: asyncio.Task[Answer] | None = None
        self._at = float("-inf")

    async def __call__(self) -> Answer:
        loop = asyncio.get_running_loop()
        if self._next is None or self._next.get_loop() is not loop:
            self._next = loop.create_task(self._run(loop))
        return await asyncio.shield(self._next)

    async def _run(self, loop: asyncio.AbstractEventLoop) -> Answer:
        wait = self._at + self._apart_s - loop.time()
        if 0.0 < wait <= self._apart_s:
            await asyncio.sleep(wait)
        self._next, self._at = None, loop.time()  # who calls from here on needs a later read
        return await self._read()
