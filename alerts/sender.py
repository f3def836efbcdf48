"""Works on the outbox beside a server: a thread that takes what is due, and a few that send it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, close_old_connections

from alerts import outbox
from alerts.models import Delivery

logger = logging.getLogger(__name__)

POLL_S = 0.5
AFTER_FAILURE_S = 5.0
AT_ONCE = 4  # targets; one that answers slowly holds up no other
STOP_WITHIN_S = 3.0  # what is in hand longer than that is sent again when its lease is over


class Sender:
    """Sends until it is stopped. ``may_send``: asked each time; while it says no, only tests go."""

    def __init__(self, may_send: Callable[[], bool] = lambda: True) -> None:
        self._may_send = may_send
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="alerts")
        self._free = AT_ONCE
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more; wait a moment for what is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._free == AT_ONCE, STOP_WITHIN_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping:
            wait = POLL_S
            try:
                self._once()
            except DatabaseError as error:
                wait = AFTER_FAILURE_S
                logger.warning("the outbox cannot be read, next try in %.0f s: %s", wait, error)
            except Exception:
                wait = AFTER_FAILURE_S
                logger.exception("the outbox failed; next try in %.0f s", wait)
            with self._changed:
                if not self._stopping:
                    self._changed.wait(wait)

    def _once(self) -> None:
        close_old_connections()
        try:
            for one in outbox.take(self._free, tests_only=not self._may_send()) if self._free else []:
                with self._changed:
                    self._free -= 1
                self._pool.submit(self._send, one)
        finally:
            close_old_connections()

    def _send(self, one: Delivery) -> None:
        close_old_connections()
        try:
            outbox.attempt(one)
        except DatabaseError as error:
            # Its lease ends, and it is sent again under the same id: better twice than not at all.
            logger.warning("delivery %s: how it went could not be stored: %s", one.pk, error)
        finally:
            close_old_connections()
            with self._changed:
                self._free += 1
                self._changed.notify_all()
