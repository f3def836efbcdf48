"""A clock that stands until a test moves it, so that simulated hours take as long as the work in them."""

import asyncio
import heapq
from itertools import count


class SteppedClock:
    def __init__(self, now_ms: int) -> None:
        self._now = now_ms
        self._sleepers: list[tuple[int, int, asyncio.Future]] = []
        self._order = count()

    def now_ms(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(int(seconds * 1000), 1), next(self._order), wake))
        await wake

    def next_wake(self) -> int | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def move(self, to_ms: int) -> None:
        """Move on to ``to_ms`` and wake who sleeps until then."""
        self._now = max(self._now, to_ms)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
