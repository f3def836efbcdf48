"""Market in from an exchange: what its feed delivers is stored at once, and market time goes on by the clock."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction

from agent.claims import mark_missed
from agent.feeding import Due, Feeder, tell_arrival, tick_due
from agent.services import agent_state
from market.feeds import is_live
from market.feeds.exchange.beside import Measured
from market.feeds.exchange.configured import configured_feed
from market.feeds.exchange.feed import Arrived, ExchangeFeed
from market.feeds.exchange.thread import FeedThread
from market.live import LiveMarket
from market.models import Market

WAIT_S = 0.1  # for bars, before the scan is looked after again
BEAT_S = 1.0  # market time moves on without bars as well
REPORT_S = 5.0


class LiveFeeder:
    """Stores what an exchange tells. One a market is enough; a second asks the exchange twice and harms nothing."""

    def __init__(
        self, market: Market, thread: FeedThread | None = None, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._live = LiveMarket(market)
        self._thread = thread or FeedThread(partial(configured_feed, agent_state().timeframes))
        self._thread.start()
        self._seconds = seconds
        self._stored_at = self._reported_at = 0.0
        self._arrivals: list[Any] = []
        self._measured: list[Any] = []
        self._questions: list[Any] = []
        self._told: Due | None = None

    @property
    def market(self) -> Market:
        return self._live.market

    @property
    def feed(self) -> ExchangeFeed:
        return self._thread.feed

    def stop(self) -> None:
        """Close the sockets."""
        self._thread.stop()

    def step(self) -> float:
        """Store what has come, waiting for it a moment; return for how many seconds there is nothing to do.

        What cannot be stored now waits for the next step: the feed takes it for stored and would not ask again.
        """
        self._thread.replan(agent_state().timeframes)
        for event in self._thread.take(WAIT_S):
            waiting = {Arrived: self._arrivals, Measured: self._measured}.get(type(event), self._questions)
            waiting.append(event)
        while self._questions:
            chosen, answer = self._questions[0]
            answer.set_result(self._live.choose(chosen))
            self._questions.pop(0)
        if self._arrivals or self._seconds() - self._stored_at >= BEAT_S:
            self._store(self._arrivals)
            self._arrivals = []
        while self._measured:
            self._live.measure(self._measured[0], self.feed.now())
            self._measured.pop(0)
        return 0.0

    def _store(self, arrivals: list[Arrived]) -> None:
        now = self._seconds()
        report: dict[str, Any] | None = None
        if now - self._reported_at >= REPORT_S:
            report, self._reported_at = self.feed.report(), now
            report["counts"] |= {f"refused: {reason}": count for reason, count in self._live.refused.items()}
        self._live.store(arrivals, self.feed.now(), self.feed.health.clock_problem, report)
        self._stored_at = now
        self._go_on()

    def _go_on(self) -> None:
        """Let market time pass where nothing is to be scanned."""
        market = self._live.reload()
        due = tick_due(agent_state(), market)
        if due is not None and due != self._told:
            self._told = due
            tell_arrival(market, due)
        if due is None and market.delivered is not None:
            with transaction.atomic():
                if market.move(market.delivered):
                    mark_missed(market, before=market.delivered)


def open_feeder(market: Market) -> Feeder | LiveFeeder:
    """Return what brings the bars of ``market`` in: a player, or the feed of an exchange."""
    return LiveFeeder(market) if is_live(market) else Feeder(market)
