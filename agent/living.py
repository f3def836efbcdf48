"""Market in from an exchange: what its feed delivers is stored at once, and market time goes on by the clock."""

import time
from functools import partial
from typing import Any

from django.db import transaction

from agent.claims import mark_missed
from agent.feeding import Due, Feeder, tell_arrival, tick_due
from agent.services import agent_state
from market.feeds import is_live
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

    def __init__(self, market: Market, thread: FeedThread | None = None) -> None:
        self._live = LiveMarket(market)
        self._thread = thread or FeedThread(partial(configured_feed, agent_state().timeframes))
        self._thread.start()
        self._stored_at = self._reported_at = 0.0
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
        """Store what has come, waiting for it a moment; return for how many seconds there is nothing to do."""
        self._thread.replan(agent_state().timeframes)
        arrivals: list[Arrived] = []
        for event in self._thread.take(WAIT_S):
            if isinstance(event, Arrived):
                arrivals.append(event)
            else:
                chosen, answer = event
                answer.set_result(self._live.choose(chosen))
        if arrivals or time.monotonic() - self._stored_at >= BEAT_S:
            self._store(arrivals)
        return 0.0

    def _store(self, arrivals: list[Arrived]) -> None:
        now = time.monotonic()
        report: dict[str, Any] | None = None
        if now - self._reported_at >= REPORT_S:
            report, self._reported_at = self.feed.report(), now
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
