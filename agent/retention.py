"""How long what is kept: the policy of the settings, carried out in batches, once a day."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from agent.models import Runner, ScanRun
from alerts.retention import prune_alerts
from market.models import Market
from market.retention import prune_candles
from signals.retention import oldest_to_explain, prune_signals
from signals.threads import in_thread

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000
BATCH = 1000  # runs at a time
FIRST_AFTER_S = 60.0  # a server that is starting has better things to do
EVERY_S = 86_400.0
RUNNER_GONE = timedelta(days=1)


class Retention(NamedTuple):
    """Days of market time that each kind is kept; 0 keeps it for ever, but explain_days, where 0 protects nothing.

    alert_days: of wall time, as alerts and their messages are for people.
    """

    candle_days: int
    run_days: int
    signal_days: int
    explain_days: int
    alert_days: int = 0


def configured() -> Retention:
    """Return the policy of the settings."""
    return Retention(
        settings.CANDLE_DAYS, settings.RUN_DAYS, settings.SIGNAL_DAYS, settings.EXPLAIN_DAYS, settings.ALERT_DAYS
    )


def prune(policy: Retention | None = None, stop: Callable[[], bool] = lambda: False) -> Counter[str]:
    """Remove what has outlived the policy (default: the settings'); return how many rows of each kind.

    Safe to be run by several processes at once, to be cut short by ``stop`` or a kill, and to be run again.
    """
    removed: Counter[str] = Counter()
    for kind, rows in batches(policy or configured()):
        removed[kind] += rows
        # Never before something is gone: who calls again until nothing is, gets to the end.
        if rows and stop():
            break
    return +removed


def batches(policy: Retention, dry_run: bool = False) -> Iterator[tuple[str, int]]:
    """Remove batch after batch, yielding (kind, rows) of each; ``dry_run`` only counts.

    A market that was never played has no clock by which its bars could age: what was imported stays.
    """
    for market in Market.objects.exclude(position=None):
        now = market.position or 0
        if policy.signal_days:  # before the candles, which kept signals hold
            yield from prune_signals(market, now - policy.signal_days * DAY_MS, dry_run)
        if policy.candle_days:
            needed = oldest_to_explain(market, now - policy.explain_days * DAY_MS) if policy.explain_days else {}
            yield from prune_candles(market, now - policy.candle_days * DAY_MS, needed, dry_run)
        if policy.run_days:
            yield from _prune_runs(market, now - policy.run_days * DAY_MS, dry_run)
    if policy.alert_days:
        yield from prune_alerts(int(timezone.now().timestamp() * 1000) - policy.alert_days * DAY_MS, dry_run)
    gone = Runner.objects.filter(seen_at__lt=timezone.now() - RUNNER_GONE)
    yield "runners", gone.count() if dry_run else gone.delete()[0]


def _prune_runs(market: Market, before: int, dry_run: bool) -> Iterator[tuple[str, int]]:
    finished = ScanRun.objects.filter(market=market).exclude(status=ScanRun.Status.RUNNING)
    newest = finished.values_list("pk", flat=True).first()  # the status shows it
    old = finished.filter(due_at__lt=before).exclude(pk=newest or 0).order_by("due_at")
    if dry_run:
        yield "runs", old.count()
        return
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        ScanRun.objects.filter(pk__in=pks).delete()
        yield "runs", len(pks)


async def prune_daily(stopping: asyncio.Event) -> None:
    """Prune soon after the start and then once a day, in a thread, until ``stopping`` is set."""
    rest = FIRST_AFTER_S
    while not await _is_set_within(stopping, rest):
        rest = EVERY_S
        try:
            removed = await in_thread(prune)(stop=stopping.is_set)
            if removed:
                logger.info("pruned %s", dict(removed))
        except Exception:
            logger.exception("pruning failed; it goes on where it stopped at the next try")


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
