"""Backtests in a worker, so that the web processes keep their loops, and load neither candles nor numba."""

import logging

from celery import shared_task
from celery.exceptions import TimeoutError as NotInTime
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backtest.jobs import here
from backtest.models import Backtest
from backtest.requests import is_small
from telemetry.failures import count_failure

logger = logging.getLogger(__name__)

WAIT_S = 2.0  # for small work; then it is answered as a job
KEEP_S = 60.0  # who polls a job that no worker took by then hands it in again
TIME_LIMIT_S = 60  # of small work


@shared_task(name="backtest.run", ignore_result=False, time_limit=TIME_LIMIT_S, acks_late=False)
def run(pk: str) -> None:
    """Run a job: larger work in a thread, for a worker that is busy with it would do no ticks."""
    job = Backtest.objects.active().filter(pk=pk).first()
    if job is not None:
        here(job)


def in_worker(job: Backtest) -> None:
    """Hand a job to a worker and wait a little for one that is small. With the broker away it stays queued."""
    try:
        sent = run.apply_async((str(job.pk),), expires=KEEP_S, retry=False)
        if is_small(job.request):
            sent.get(timeout=WAIT_S, propagate=False, disable_sync_subtasks=False)
    except NotInTime:
        logger.info("backtest %s takes longer than %.0f s: it is answered as a job", job.pk, WAIT_S)
    except (OperationalError, RedisError, OSError) as error:
        count_failure("backtest", error)
        logger.warning("the broker does not answer, backtest %s waits until it is polled: %s", job.pk, error)
