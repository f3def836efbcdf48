"""A feed against the simulated exchange, in memory, on a clock that the test moves."""

import asyncio
from collections import defaultdict

from engine.timeframes import INTERVAL_MS
from market.feeds.exchange.beside import Measured
from market.feeds.exchange.feed import Arrived, Chosen, ExchangeFeed, Plan, Stored
from market.feeds.exchange.universe import Selection
from market.feeds.exchange.venue import Venue
from tests.exchange.simulator import Simulator
from tests.exchange.stepped import SteppedClock
from tests.exchange.truth import Truth
from tests.playing import FIVE

STEP_MS = 30_000  # the simulator speaks, and faults begin and end, on this grid at the latest


class Harness:
    """Runs simulator and feed on one loop; ``bars`` is what the feed delivered, the newest telling of each bar."""

    exchange, simulated = "binance", Simulator

    def __init__(self, truth: Truth, now: int, symbols: list[str] | None = None, **plan) -> None:
        self.truth, self.clock, self.began = truth, SteppedClock(now), now
        self.simulator = self.simulated(truth, self.clock)
        self.measured: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        self.plan = Plan(Selection(symbols=tuple(symbols or truth.symbols)), list(truth.timeframes), **plan)
        self.bars: dict[tuple[str, str], dict[int, tuple]] = defaultdict(dict)
        self.holes: dict[tuple[str, str], list] = defaultdict(list)
        self.chosen: list[Chosen] = []
        self.known: dict[tuple[str, str], Stored] = {}
        self.order: list[tuple[str, str]] = []
        self.feed: ExchangeFeed | None = None

    async def __aenter__(self) -> "Harness":
        urls = await self.simulator.start()
        self.plan.derivatives_url = urls[0]
        self.venue = Venue(self.exchange, self.clock, urls)
        self.feed = ExchangeFeed(self.venue, self.plan, self._deliver, self._stored)
        self.prepare()
        self.task = asyncio.ensure_future(self.feed.run())
        return self

    def prepare(self) -> None:
        """Change the feed before it runs."""

    async def __aexit__(self, *_exception) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.simulator.stop()

    def _deliver(self, event: Arrived | Measured) -> None:
        if isinstance(event, Measured):
            self.measured[event.symbol, event.kind] |= event.values
            return
        key = (event.symbol, event.timeframe)
        for bar in event.bars:
            self.bars[key][bar.open_time] = bar.values
        self.holes[key] += event.holes
        self.order.append(key)

    async def _stored(self, chosen: Chosen) -> dict:
        self.chosen.append(chosen)
        return self.known

    async def settle(self) -> None:
        """Wait until nobody has anything to do before the clock moves on."""
        still, before = 0, None
        while still < 3:
            await asyncio.sleep(0.0005)
            if self.task.done():
                self.task.result()
            sim, feed = self.simulator, self.feed
            seen = (sim.sent, sim.requests, sum(feed.counts.values()), len(self.order), self.clock.next_wake())
            still = still + 1 if seen == before and sim.in_flight == sim.held == self.venue.traffic.under_way else 0
            before = seen

    async def until(self, to_ms: int) -> None:
        """Let time pass."""
        await self.settle()
        while self.clock.now_ms() < to_ms:
            wake = self.clock.next_wake()
            now = self.clock.now_ms()
            grid = now // STEP_MS * STEP_MS + STEP_MS
            # Just behind the bars' ends, when the closing frames go out; else from sleeper to sleeper.
            closing = min(
                c
                for c in (now // FIVE * FIVE + 4, now // FIVE * FIVE + 2_300, now // FIVE * FIVE + FIVE + 4)
                if c > now
            )
            soonest = min(to_ms, grid, closing, *([wake] if wake and wake - now > 900 else []))
            self.clock.move(max(soonest, now + 1))
            await self.simulator.emit()
            await self.settle()

    def wrong(self, start: int, end: int) -> list:
        """Return what differs between delivered and true bars that close in (start, end], holes excepted."""
        found = []
        for (symbol, timeframe), truth in self.truth.bars.items():
            if symbol not in self.plan.selection.symbols:
                continue
            interval = INTERVAL_MS[timeframe]
            expected = truth.between(start - interval + 1, end - interval + 1)
            have = self.bars[symbol, timeframe]
            true = {}
            for at, values in zip(expected.open_times.tolist(), expected.values.T.tolist(), strict=True):
                true[at] = tuple(float(f"{x:.8f}") for x in values)  # as the exchange tells them
            for at in sorted(set(true) | {t for t in have if start - interval < t <= end - interval}):
                if have.get(at) != true.get(at):
                    found.append((symbol, timeframe, at, have.get(at), true.get(at)))
        return found
