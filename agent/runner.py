"""The embedded runner: one loop in the web process that plays the market and runs the ticks that are due.

The work runs in one thread of its own (kernels release the GIL), never on the server's event loop; what was stored is
published from the loop.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections

from agent.living import open_feeder
from agent.retention import prune_daily
from agent.ticking import Step, Ticker
from market.models import Market
from signals.publish import mark_published, publish
from telemetry.failures import count_failure

logger = logging.getLogger(__name__)

AFTER_FAILURE_S = 1.0


class MarketRunner:
    """Plays one market and runs its ticks, a unit of work at a time. All its methods run in one thread."""

    def __init__(self, market: Market) -> None:
        self._feeder = open_feeder(market)
        self._ticker = Ticker(self._feeder.market)

    @property
    def market(self) -> Market:
        return self._feeder.market

    def step(self) -> Step:
        """Do what is due and return. Safe to run in any number of processes."""
        wait = self._feeder.step()
        return self._ticker.step(wait)


class EmbeddedRunner:
    """Runs a MarketRunner beside the server, on its event loop."""

    def __init__(self, runner: MarketRunner) -> None:
        self._runner = runner
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agent")
        self._stopping, self._resting = asyncio.Event(), asyncio.Event()
        self._resting.set()

    async def run(self) -> None:
        """Work until ``stop``. A failed step is logged and tried again: its tick was rolled back whole."""
        self._resting.clear()
        pruning = asyncio.ensure_future(prune_daily(self._stopping))
        while not self._stopping.is_set():
            try:
                wait = await self._once()
            except Exception as error:
                count_failure("runner", error)
                logger.exception("a step of the agent failed; next try in %.0f s", AFTER_FAILURE_S)
                wait = AFTER_FAILURE_S
            if wait > 0.0:
                await self._rest(wait)
        self._resting.set()
        await pruning

    async def _once(self) -> float:
        step = await self._in_thread(self._step)
        if step.signals and await publish(self._runner.market, step.signals, step.ticks):
            await self._in_thread(mark_published, step.signals)
        return step.wait_s

    def _step(self) -> Step:
        close_old_connections()
        return self._runner.step()

    async def _in_thread(self, function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def stop(self) -> None:
        """Let the step under way end, then stop."""
        self._stopping.set()
        await self._resting.wait()  # what was published is still to be marked so, in the thread
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
