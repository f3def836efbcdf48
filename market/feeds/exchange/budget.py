"""How much may be asked of an exchange: a weight per minute, and nothing while it has told us to wait."""

import asyncio
from collections import deque

from market.feeds.exchange.clock import Clock

WINDOW_MS = 60_000
# Other programs behind the same address ask too, and a request weighs when it arrives there, not when it leaves here.
SHARE = 0.8
FIRST_BAN_S, LONGEST_BAN_S = 60.0, 3600.0  # without Retry-After: doubled at each refusal that follows another


class Budget:
    """Request weight over any 60 s stays within ``SHARE`` of the exchange's limit; no request during a ban."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self.limit = limit
        self._spent: deque[tuple[int, int]] = deque()
        self._turn = asyncio.Lock()
        self.blocked_until = 0
        self._ban_s = FIRST_BAN_S

    @property
    def used(self) -> int:
        """Weight spent in the last 60 s."""
        while self._spent and self._spent[0][0] <= self._clock.now_ms() - WINDOW_MS:
            self._spent.popleft()
        return sum(weight for _, weight in self._spent)

    async def spend(self, weight: int) -> None:
        """Wait until ``weight`` fits, then count it. Callers are served in order."""
        async with self._turn:
            while (wait := self._wait_ms(weight)) > 0:
                await self._clock.sleep(wait / 1000.0)
            self._spent.append((self._clock.now_ms(), weight))

    def _wait_ms(self, weight: int) -> int:
        now = self._clock.now_ms()
        if now < self.blocked_until:
            return self.blocked_until - now
        room = max(self.limit * SHARE, weight) - self.used - weight
        for at, spent in self._spent:
            if room >= 0:
                break
            room += spent
            if room >= 0:
                return at + WINDOW_MS - now + 1
        return 0

    def observe(self, used: int) -> None:
        """Take the exchange's own count of the running minute when it is higher: somebody else asks as well."""
        more = used - self.used
        if more > 0:
            self._spent.append((self._clock.now_ms(), more))

    def ban(self, retry_after_s: float | None) -> float:
        """Ask nothing for ``retry_after_s``, or for longer each time if the exchange did not say; return how long."""
        wait = retry_after_s
        if wait is None:
            wait, self._ban_s = self._ban_s, min(self._ban_s * 2, LONGEST_BAN_S)
        # A second on top: the exchange counts whole seconds of its own clock.
        self.blocked_until = max(self.blocked_until, self._clock.now_ms() + int(wait * 1000) + 1000)
        return wait

    def served(self) -> None:
        """Note an answer that was no refusal."""
        self._ban_s = FIRST_BAN_S
