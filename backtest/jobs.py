"""Where backtests run: in this process or, where there is a broker, in a worker (``settings.RUN_BACKTESTS``)."""

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from django.utils.module_loading import import_string

from backtest.models import Backtest
from backtest.requests import is_small
from backtest.services import run_job

logger = logging.getLogger(__name__)

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backtest")
_waiting: set[uuid.UUID] = set()


def start(job: Backtest) -> None:
    """Have a job run; what is small is done when this returns, or soon after."""
    import_string(settings.RUN_BACKTESTS)(job)


def here(job: Backtest) -> None:
    """Run small work at once, larger work in a thread of this process, one at a time. A waiting job is left alone."""
    if is_small(job.request):
        run_job(job.pk)
    elif job.pk not in _waiting:
        _waiting.add(job.pk)
        _thread.submit(_run, job.pk)


def _run(pk: uuid.UUID) -> None:
    close_old_connections()
    try:
        run_job(pk)
    except Exception:
        logger.exception("backtest %s failed", pk)
    finally:
        _waiting.discard(pk)
        close_old_connections()


def resume(job: Backtest) -> None:
    """Start a job again that nobody works on: its process ended before or while running it."""
    if job.status in Backtest.ACTIVE and (job.lease_until is None or job.lease_until <= timezone.now()):
        start(job)
