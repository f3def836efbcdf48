"""What is measured beside the candles of the watched symbols, kept up to date: a request at a time, nothing hurries."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.side import HISTORY_MS
from market.feeds.exchange.clock import Clock
from market.feeds.exchange.faults import ExchangeFault
from market.feeds.exchange.perpetuals import CCXT_NAMES, PERIOD_MS, Perpetuals, Values

logger = logging.getLogger(__name__)

MARKETS_MS = 86_400_000
PUT_OFF_MS = 300_000  # a series whose request failed lets the others go first
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 1800.0
IDLE_S = 30.0


class Measured(NamedTuple):
    """New values of one side series, (time in ms, value as in ``SideValue``), oldest first."""

    symbol: str
    kind: str
    values: Values


class Beside:
    """Asks for each kind and symbol once an hour, behind the hour's end; the first time for what a score reads back.

    ``symbols`` and ``now`` are the feed's. Faults are counted in ``counts`` as ``derivatives_`` and their reason.
    """

    def __init__(
        self,
        perpetuals: Perpetuals,
        clock: Clock,
        now: Callable[[], int],
        symbols: Callable[[], list[str]],
        deliver: Callable[[Measured], None],
        counts: Counter[str],
    ) -> None:
        self._perpetuals, self._clock, self._now = perpetuals, clock, now
        self._symbols, self._deliver, self._counts = symbols, deliver, counts
        self._due: dict[tuple[str, str], int] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._newest: dict[tuple[str, str], int] = {}
        self._loaded_at: int | None = None
        self._pause_s = FIRST_PAUSE_S
        self.problem = ""

    async def run(self) -> None:
        """Ask until cancelled. What goes wrong is counted, told in ``report`` and tried again."""
        while True:
            try:
                wait = await self._step()
                if wait == 0.0:
                    self._pause_s, self.problem = FIRST_PAUSE_S, ""
            except ExchangeFault as fault:
                wait = self._note(fault)
            await self._clock.sleep(wait)

    async def _step(self) -> float:
        """Do one request; return 0, or for how many seconds there is none to do."""
        now = self._now()
        if self._loaded_at is None or now - self._loaded_at > MARKETS_MS:
            await self._perpetuals.load()
            self._loaded_at = now
            return 0.0
        wanted = {(s, kind) for s in self._symbols() if self._perpetuals.of(s) for kind in self._perpetuals.kinds}
        self._due = {key: self._due.get(key, 0) for key in sorted(wanted)}
        key = min(self._due, key=lambda k: self._due[k], default=None)
        if key is None or self._due[key] > now:
            return IDLE_S if key is None else min(max((self._due[key] - now) / 1000.0, 1.0), IDLE_S)
        await self._fetch(key, now)
        return 0.0

    async def _fetch(self, key: tuple[str, str], now: int) -> None:
        self._due[key] = now + PUT_OFF_MS
        until = now - self._perpetuals.kind.settle_ms
        since = max(self._asked.get(key, 0), until - HISTORY_MS)
        faults: Counter[str] = Counter()
        try:
            values, end = await self._perpetuals.values(*key, since, until, faults)
        finally:
            self._counts.update({f"derivatives_{reason}": count for reason, count in faults.items()})
        if values:
            self._newest[key] = values[-1][0]
            self._counts["derivatives_values"] += len(values)
            self._deliver(Measured(*key, values))
        # Asked again from the newest value on: what was dropped behind it may come with the next answer.
        self._asked[key] = end + 1 if end < until else max(self._newest.get(key, 0) + 1, since)
        self._due[key] = now if end < until else until // PERIOD_MS * PERIOD_MS + PERIOD_MS + now - until

    def _note(self, fault: ExchangeFault) -> float:
        """Count a fault; return for how long nothing is asked."""
        self._counts[f"derivatives_{fault.reason}"] += 1
        self.problem = str(fault)
        wait = max(self._pause_s * (0.5 + random.random()), getattr(fault, "wait_s", 0.0))  # noqa: S311
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        logger.info("derivatives: %s; next try in %.0f s", fault, wait)
        return wait

    def report(self) -> dict[str, Any]:
        """Return how it is, as plain values. newest: by kind, the newest value (ms) of the series furthest behind."""
        kinds = self._perpetuals.kinds
        budget, loaded = self._perpetuals.budget, self._loaded_at is not None
        symbols = [s for s in self._symbols() if self._perpetuals.of(s)]
        newest = {kind: min((self._newest.get((s, kind), 0) for s in symbols), default=0) for kind in kinds}
        return {
            "problem": self.problem,
            "symbols": len(symbols),
            "without_perpetual": [s for s in self._symbols() if not self._perpetuals.of(s)] if loaded else [],
            "not_told": [kind for kind in CCXT_NAMES if kind not in kinds] if loaded else [],
            "newest": newest,
            "weight": {"used": budget.used, "limit": budget.limit} if budget else None,
        }

    async def close(self) -> None:
        await self._perpetuals.close()
