"""The embedded runner: one loop in the web process that plays the market and runs the ticks that are due.

The work runs in one thread of its own (kernels release the GIL), never on the server's event loop; what was stored is
published from the loop.
"""

import asyncio
import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.db import close_old_connections, transaction
from django.utils import timezone

from agent.cycle import Finished, LostClaim, Scanner, claim, due_at, mark_missed, release
from agent.models import AgentState, Runner, ScanRun
from agent.services import agent_state
from engine.timeframes import INTERVAL_MS
from market.feeds import speed
from market.models import Market
from market.player import Player
from signals.models import Signal
from signals.publish import mark_published, publish, unpublished

logger = logging.getLogger(__name__)

IDLE_S = 0.2  # nothing to do: how long until the next look; a change acts within a second
BUSY_ELSEWHERE_S = 0.05
HEARTBEAT_S = 1.0
SWEEP_S = 5.0
AFTER_FAILURE_S = 1.0


class Step(NamedTuple):
    """What one unit of work left behind: signals to publish, and how long there is nothing to do."""

    signals: list[Signal]
    wait_s: float


class MarketRunner:
    """Plays one market, a unit of work at a time. All its methods run in one thread."""

    def __init__(self, market: Market) -> None:
        self._player = Player(market, agent_state().timeframes)
        self._scanner = Scanner()
        self._speed = speed(market)
        self._heartbeat_at = self._swept_at = 0.0

    @property
    def market(self) -> Market:
        return self._player.market

    def step(self) -> Step:
        """Do what is due and return. Safe to run in any number of processes."""
        self._beat()
        state, market = agent_state(), self._player.reload()
        left = self._left_behind(state)
        if left:
            return Step(left, 0.0)
        wait = self._wait(state, market)
        if wait > 0.0:
            return Step([], wait)
        upto = self._player.next_time(self._grid(state))
        if upto is None:
            return Step([], IDLE_S)
        due = due_at(upto, state.scan_interval_ms)
        if state.enabled and due > due_at(self._player.position, state.scan_interval_ms):
            return self._tick(state, due, upto)
        self._pass(upto)
        return Step([], 0.0)

    def _beat(self) -> None:
        if time.monotonic() - self._heartbeat_at >= HEARTBEAT_S:
            self._heartbeat_at = time.monotonic()
            name = f"{socket.gethostname()}:{os.getpid()}"
            Runner.objects.update_or_create(name=name, defaults={"seen_at": timezone.now()})

    def _left_behind(self, state: AgentState) -> list[Signal]:
        """Return what a crash between commit and send left; it rests while the agent is off."""
        if not state.enabled or time.monotonic() - self._swept_at < SWEEP_S:
            return []
        self._swept_at = time.monotonic()
        return unpublished(self.market)

    def _wait(self, state: AgentState, market: Market) -> float:
        if self._speed == 0.0:
            return 0.0 if state.enabled else IDLE_S
        return min(max(market.next_move_at - time.time(), 0.0), IDLE_S)

    def _grid(self, state: AgentState) -> int:
        """Return the step of the clock: the smallest timeframe watched that the market has."""
        finest = min(series.interval_ms for series in self._player.series.values())
        return max(finest, min(INTERVAL_MS[t] for t in state.timeframes))

    def _next_move_at(self, upto: int) -> float:
        """Return when to leave ``upto``: paced from the plan, not from now, unless more than a step behind."""
        if self._speed == 0.0:
            return 0.0
        pace = (upto - self._player.position) / 1000.0 / self._speed
        return max(self.market.next_move_at, time.time() - pace) + pace

    def _move(self, upto: int) -> None:
        if not self._player.move(upto, self._next_move_at(upto)):
            raise LostClaim("another process has moved the market on")

    def _tick(self, state: AgentState, due: int, upto: int) -> Step:
        market = self.market
        self._player.deliver(upto)
        try:
            claimed = claim(market, ScanRun.Kind.TICK, due, upto)
        except Finished:
            self._pass(upto)
            return Step([], 0.0)
        if claimed is None:
            return Step([], BUSY_ELSEWHERE_S)
        try:
            return Step(self._scanner.run(market, state, claimed, also=lambda: self._move(upto)), 0.0)
        except LostClaim as lost:
            logger.info("tick %s given up: %s", due, lost)
            release(claimed)
            return Step([], BUSY_ELSEWHERE_S)

    def _pass(self, upto: int) -> None:
        """Let market time pass a point at which nothing is scanned."""
        self._player.deliver(upto)
        with transaction.atomic():
            moved = self._player.move(upto, self._next_move_at(upto))
            if moved:
                mark_missed(self.market, before=upto)


class EmbeddedRunner:
    """Runs a MarketRunner beside the server, on its event loop."""

    def __init__(self, runner: MarketRunner) -> None:
        self._runner = runner
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agent")
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until ``stop``. A failed step is logged and tried again: its tick was rolled back whole."""
        while not self._stopping.is_set():
            try:
                wait = await self._once()
            except Exception:
                logger.exception("a step of the agent failed; next try in %.0f s", AFTER_FAILURE_S)
                wait = AFTER_FAILURE_S
            if wait > 0.0:
                await self._rest(wait)

    async def _once(self) -> float:
        step = await self._in_thread(self._step)
        if step.signals and await publish(self._runner.market, step.signals):
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
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
