"""Ticks that are due: asked of the database, claimed shard by shard, done, and what a crash left unsent."""

import logging
import os
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from agent.claims import GIVE_UP_AFTER, Claim, LostClaim, kept, release, run_of, take
from agent.cycle import Scanner, give_up
from agent.feeding import Due, tick_due
from agent.models import AgentState, Runner, ScanRun
from agent.services import agent_state, watchlist
from market.models import Market
from signals.models import Signal
from signals.publish import unpublished
from telemetry.failures import count_failure
from telemetry.logs import on_tick, trail
from telemetry.stages import timed

logger = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
SWEEP_S = 5.0
BUSY_ELSEWHERE_S = 0.05


class Step(NamedTuple):
    """What one unit of work left behind: signals to publish, and how long there is nothing to do."""

    signals: list[Signal]
    wait_s: float
    ticks: dict[int, str] = {}  # of the signals' runs: what log lines call them


class Ticker:
    """Does what is due of one market's ticks. Any number of them, in any processes; one thread each.

    ``share`` is called with a run of several shards that this ticker began: others may be told to help.
    """

    def __init__(self, market: Market, share: Callable[[ScanRun, int], None] | None = None) -> None:
        self.market = market
        self._scanner = Scanner()
        self._share = share
        self._heartbeat_at = self._swept_at = 0.0

    def step(self, idle_s: float) -> Step:
        """Do one shard, or what the sweeper finds; ``idle_s`` is the wait when there is neither."""
        self._beat()
        state = agent_state()
        left = self._left_behind(state)
        if left:
            runs = ScanRun.objects.in_bulk({signal.run_id for signal in left if signal.run_id})
            return Step(left, 0.0, {pk: run.tick for pk, run in runs.items()})
        self.market = Market.objects.get(pk=self.market.pk)
        due = tick_due(state, self.market)
        if due is None:
            self._scanner.write_down(self.market)
            return Step([], idle_s)
        return self._tick(state, due)

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

    def _tick(self, state: AgentState, due: Due) -> Step:
        market = self.market
        assert market.delivered is not None  # a tick is due
        with timed("claim"):
            run, begun = run_of(market, due.kind, due.at, market.delivered, self._shards(state))
            if run.status != ScanRun.Status.RUNNING:
                market.move(market.delivered)  # done already, under another interval: the market goes on
                return Step([], 0.0)
            claimed = take(run, self._scanner.warm(run.shards.count()))
        if claimed is None:
            return Step([], BUSY_ELSEWHERE_S)
        if begun and claimed.shards > 1 and self._share is not None:
            self._share(run, claimed.shards - 1)
        with on_tick(run.tick):
            trail.info("shard %d is taken", claimed.shard.shard, extra={"run": run.pk, "fence": claimed.fence})
            return self._do(state, claimed)

    def _shards(self, state: AgentState) -> int:
        return -(-max(len(watchlist(state, self.market)), 1) // settings.SCAN_SHARD_SYMBOLS)

    def _do(self, state: AgentState, claimed: Claim) -> Step:
        try:
            if claimed.shard.failures >= GIVE_UP_AFTER:
                logger.error("%s shard %d is given up: its takers died", claimed.run, claimed.shard.shard)
                give_up(self.market, claimed)
                return Step([], 0.0)
            with kept(claimed):
                signals = self._scanner.run(self.market, state, claimed)
            return Step(signals, 0.0, {claimed.run.pk: claimed.run.tick})
        except LostClaim as lost:
            count_failure("scan", lost)
            logger.info("%s shard %d not stored: %s", claimed.run, claimed.shard.shard, lost)
        except DatabaseError:
            release(claimed)  # raises once more if the database is away: then the lease has to run out
            raise
        release(claimed)
        return Step([], BUSY_ELSEWHERE_S)
