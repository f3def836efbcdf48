"""Where jobs run: in a thread of this process, unless somebody above hands down another place."""

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections
from django.utils import timezone

from backtest.models import Backtest
from backtest.services import run_job

logger = logging.getLogger(__name__)

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backtest")
_waiting: set[uuid.UUID] = set()


def in_thread(pk: uuid.UUID) -> None:
    """Run a job in this process, one at a time, beside the server. One that waits already is left alone."""
    if pk not in _waiting:
        _waiting.add(pk)
        _thread.submit(_run, pk)


def _run(pk: uuid.UUID) -> None:
    close_old_connections()
    try:
        run_job(pk)
    except Exception:
        logger.exception("backtest %s failed", pk)
    finally:
        _waiting.discard(pk)
        close_old_connections()


# agent/ hands down a task queue's ``delay`` where there is one: this floor does not import it.
submit: Callable[[uuid.UUID], None] = in_thread


def resume(job: Backtest) -> None:
    """Submit a job again that nobody works on: its process ended before or while running it."""
    if job.status in Backtest.ACTIVE and (job.lease_until is None or job.lease_until <= timezone.now()):
        submit(job.pk)
