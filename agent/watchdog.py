"""Ends a process whose ticks do not get done, so that its supervisor starts it anew."""

import logging
import multiprocessing
import os
import threading
import time
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from agent.feeding import tick_due
from agent.models import AgentState
from agent.services import agent_state
from market.feeds import current_market, speed
from market.models import Market

logger = logging.getLogger(__name__)

INTERVALS = 3
LOOK_EVERY_S = 5.0


def patience_s(state: AgentState, market: Market) -> float:
    """Return how long (s of wall time) a tick may be due and unfinished: 3 intervals, at least WATCHDOG_S."""
    pace = speed(market)
    interval = state.scan_interval_ms / 1000.0 / pace if pace else 0.0
    return max(settings.WATCHDOG_S, INTERVALS * interval)


def overdue(since: datetime) -> float | None:
    """Return for how long (s) a tick has been due beyond patience, or None while all is well.

    Counted from ``since`` (when the watcher began) at the earliest, from the bars' arrival and from the agent's last
    change. No due tick is well: the agent is off, the market has ended or stands between two grid points.
    """
    state, market = agent_state(), current_market()
    if tick_due(state, market) is None:
        return None
    began = max(since, state.changed_at, market.delivered_at or since)
    waited = (timezone.now() - began).total_seconds()
    return waited if waited > patience_s(state, market) else None


class Watchdog(threading.Thread):
    """Looks every few seconds; ends the process with code 1, its children first, when a tick is overdue."""

    def __init__(self) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._since = datetime.now(UTC)

    def run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            try:
                late = overdue(self._since)
            except DatabaseError as error:
                logger.warning("the watchdog cannot see: the database does not answer: %s", error)
                continue
            finally:
                connection.close()
            if late is not None:
                self._bite(late)

    def _bite(self, late: float) -> None:
        logger.critical("a tick has been due for %.0f s and is not done: this process ends, to be started anew", late)
        for child in multiprocessing.active_children():
            child.kill()
        logging.shutdown()
        os._exit(1)
