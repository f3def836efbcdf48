"""``manage.py feed``: the market in, as a process of its own."""

import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections

from agent.feeding import Feeder, tick_due
from agent.figures import keep_telling
from agent.living import LiveFeeder, open_feeder
from agent.pooling import without_pool
from agent.reachable import unreachable
from agent.services import agent_state
from market.feeds import current_market
from market.feeds.base import FeedError
from telemetry.failures import count_failure

logger = logging.getLogger(__name__)

AFTER_FAILURE_S = 1.0


class Command(BaseCommand):
    help = "Play the configured market into the database until SIGTERM; Celery workers scan it."

    def handle(self, *args: Any, **options: Any) -> None:
        without_pool()
        faults = unreachable()
        if faults:
            raise CommandError("\n".join(faults))
        if not settings.CELERY_BROKER_URL:
            raise CommandError("CELERY_BROKER_URL: not set: then `serve` plays the market and scans by itself")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            feeder = open_feeder(current_market())
        except (FeedError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        if settings.SHARE_FIGURES:
            keep_telling("feed")
        self.stdout.write(f"feeding {feeder.market}")
        self.stdout.flush()
        while not stop.is_set():
            stop.wait(self.feed_one(feeder))
        self.stdout.write("stopped")

    def feed_one(self, feeder: Feeder | LiveFeeder) -> float:
        """Do what is to be done and wake a worker if a tick became due; return how long there is nothing to do."""
        from agent.tasks import wake

        try:
            close_old_connections()
            before = feeder.market.delivered
            wait = feeder.step()
            if feeder.market.delivered != before and tick_due(agent_state(), feeder.market) is not None:
                wake()
            return wait
        except DatabaseError as error:
            count_failure("feed", error)
            logger.warning("the market could not be played, trying again: %s", error)
            return AFTER_FAILURE_S
