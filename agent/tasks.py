"""What Celery runs: the tick, and the parts of a scan that is too large for one worker."""

import asyncio
import logging
import time
from threading import Lock
from typing import Any

from asgiref.sync import async_to_sync
from celery import group, shared_task
from kombu.exceptions import OperationalError

from agent.models import ScanRun
from agent.retention import prune
from agent.ticking import Ticker
from market.feeds import current_market
from market.models import Market
from signals.memory import settle
from signals.models import Signal
from signals.publish import mark_published, publish
from telemetry.failures import count_failure

logger = logging.getLogger(__name__)

EXPIRES_S = 1.0  # a tick that has waited longer is stale: the next one asks again what is due
SEND_S = 3.0  # a layer that takes longer is away; the sweeper sends it later
PRUNE_S = 1.0
WORK_S = 10.0  # then a task ends and asks for the next, whatever there is left to do
TIME_LIMIT_S = 60.0  # a worker's first scan may read the whole history of its shard
# Redelivery would be of no use: by then the next tick has taken over what a dead worker left.
OPTIONS: dict[str, Any] = {"ignore_result": True, "time_limit": TIME_LIMIT_S, "acks_late": False}

_one_at_a_time = Lock()
_tickers: dict[int, Ticker] = {}


@shared_task(name="agent.tick", **OPTIONS)
def tick() -> None:
    """Do what is due. Sent by beat once a second and by the feed at once; safe to run at any time and any number."""
    _work()


@shared_task(name="agent.shard", **OPTIONS)
def shard(run_id: int) -> None:
    """Take one shard of a run, rather one whose windows this worker holds."""
    if ScanRun.objects.filter(pk=run_id, status=ScanRun.Status.RUNNING).exists():
        _work()


@shared_task(name="agent.prune", **OPTIONS)
def prune_stored() -> None:
    """Remove what has outlived its policy, a second's worth at a time, so that ticks come between."""
    until = time.monotonic() + PRUNE_S
    removed = prune(stop=lambda: time.monotonic() > until)
    if removed:
        logger.info("pruned %s", dict(removed))
        _offer(lambda: prune_stored.apply_async(countdown=2 * PRUNE_S, expires=60.0, retry=False))


def _work() -> None:
    with _one_at_a_time:  # a pool of threads shares the windows
        market = current_market()
        ticker = _tickers.setdefault(market.pk, Ticker(market, share))
        until = time.monotonic() + WORK_S
        while (step := ticker.step(idle_s=1.0)).wait_s == 0.0:
            if step.ticks:  # a scan, which has loaded what scans need
                settle()
            _send(ticker.market, step.signals, step.ticks)
            if time.monotonic() > until:  # always behind, or a replay at full speed: the task's own limit comes nearer
                wake()
                break


def _send(market: Market, signals: list[Signal], ticks: dict[int, str]) -> None:
    async def send() -> bool:
        try:
            return await asyncio.wait_for(publish(market, signals, ticks), SEND_S)
        except TimeoutError as error:
            count_failure("publish", error)
            logger.warning("the channel layer did not take %d signals in %.0f s", len(signals), SEND_S)
            return False

    if signals and async_to_sync(send)():
        mark_published(signals)


def share(run: ScanRun, others: int) -> None:
    """Ask as many other workers to help with a run."""
    _offer(lambda: group(shard.s(run.pk) for _ in range(others)).apply_async(expires=EXPIRES_S, retry=False))


def wake() -> None:
    """Tell a worker that a tick may be due, rather than let it wait for beat."""
    _offer(lambda: tick.apply_async(expires=EXPIRES_S, retry=False))


def _offer(send: Any) -> None:
    try:
        send()
    except OperationalError as error:
        count_failure("wake", error)
        logger.warning("the broker does not answer, beat's next tick will do: %s", error)
