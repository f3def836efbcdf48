"""Market in: the player brings bars up to the next grid point and waits there until the tick is done."""

import time
from typing import NamedTuple

from django.db import transaction

from agent.claims import due_at, mark_missed
from agent.models import AgentState, ScanRun, tick_id
from agent.services import agent_state
from engine.timeframes import INTERVAL_MS
from market.feeds import speed
from market.models import Market
from market.player import Player
from telemetry.logs import trail

IDLE_S = 0.2  # nothing to do: how long until the next look; a change acts within a second
PENDING_S = 0.02  # a tick is under way somewhere: how long until the next look whether it is done


class Due(NamedTuple):
    """A scan to be done: its kind (``ScanRun.Kind``) and ms of market time."""

    kind: str
    at: int


def tick_due(state: AgentState, market: Market) -> Due | None:
    """Return the scan that is due and unfinished, or None: bars that came in go before the periodic one."""
    if not state.enabled or market.blocked or market.position is None or market.delivered is None:
        return None
    if market.arrived is not None and market.arrived > market.position:
        return Due(ScanRun.Kind.CLOSE, market.arrived)
    due = due_at(market.delivered, state.scan_interval_ms)
    return Due(ScanRun.Kind.TICK, due) if due > due_at(market.position, state.scan_interval_ms) else None


def tell_arrival(market: Market, due: Due) -> None:
    """Write the first line of a tick's trail: its bars are in."""
    about = {"tick": tick_id(market.pk, due.kind, due.at), "market_time": market.delivered}
    trail.info("bars of %s are in", market.source, extra=about)


class Feeder:
    """Plays one market, a grid point at a time. Safe to run in any number of processes; one thread each."""

    def __init__(self, market: Market) -> None:
        self._player = Player(market, agent_state().timeframes)
        self._speed = speed(market)

    @property
    def market(self) -> Market:
        return self._player.market

    def step(self) -> float:
        """Do what is to be done; return for how many seconds there is nothing to do."""
        state, market = agent_state(), self._player.reload()
        if tick_due(state, market) is not None:
            return PENDING_S
        if market.position != market.delivered:
            return self._leave(state)
        wait = self._wait(state, market)
        if wait > 0.0:
            return wait
        upto = self._player.next_time(self._grid(state))
        if upto is None:
            return IDLE_S
        if self._player.deliver(upto, self._next_move_at(upto)):
            due = tick_due(state, self.market)
            if due is None:
                return self._leave(state)
            tell_arrival(self.market, due)
        return 0.0

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

    def _leave(self, state: AgentState) -> float:
        """Let market time pass a point at which nothing is scanned."""
        if self._speed == 0.0 and not state.enabled:
            return IDLE_S  # at speed 0 no tick is passed over: it waits for the agent
        with transaction.atomic():
            if self.market.move(self._player.delivered):
                mark_missed(self.market, before=self._player.delivered)
        return 0.0
