"""Who may do a tick: one run a tick, one taker a shard, and a fence that an older taker cannot pass."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import NamedTuple

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from agent import tally
from agent.models import ScanRun, ScanShard
from market.models import Market
from presets.services import active_version
from telemetry.failures import Foreseen

logger = logging.getLogger(__name__)

# A dead worker's shard is taken over after it. Who lives lengthens it: a first scan, which reads whole windows, lasts
# longer, and two workers that take over from each other would never end. Too short costs double work, never a double
# signal: the fence sees to that.
LEASE = timedelta(seconds=5)
RENEWALS = 36  # three a lease: who is not done after a minute has hung
GIVE_UP_AFTER = 6  # takers that died over one shard: the next one lets it go, or the market would stand for ever


class Claim(NamedTuple):
    """The right to do one shard of one run, as long as nobody holds a higher fence."""

    run: ScanRun
    shard: ScanShard
    fence: int
    shards: int


class LostClaim(Foreseen):
    """The shard may not be committed: another worker took it over, or the agent was turned off."""


def due_at(market_time: int, interval_ms: int) -> int:
    """Return the tick that market time has reached."""
    return market_time // interval_ms * interval_ms


def run_of(market: Market, kind: str, due: int, market_time: int, shards: int = 1) -> tuple[ScanRun, bool]:
    """Return the run of a tick and whether this call began it; of all who try, one begins it."""
    known = ScanRun.objects.filter(market=market, kind=kind, due_at=due).select_related("preset_version__preset")
    run = known.first()
    if run is not None:
        return run, False
    run = ScanRun(market=market, kind=kind, due_at=due, market_time=market_time, preset_version=active_version())
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            ScanShard.objects.bulk_create(ScanShard(run=run, shard=number) for number in range(shards))
    except IntegrityError:
        return known.get(), False  # somebody else inserted the tick first
    return run, True


def take(run: ScanRun, warm: Collection[int] = ()) -> Claim | None:
    """Take a shard of ``run`` that nobody holds, one of ``warm`` if it can be; None if there is none.

    A shard whose taker has let the lease run out is free; who let it run out cannot commit any more.
    """
    now = timezone.now()
    shards = list(run.shards.all())
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    for shard in sorted(shards, key=lambda s: s.shard not in warm):
        if shard.finished_at is not None or (shard.lease_until is not None and shard.lease_until > now):
            continue
        failures = shard.failures + (shard.lease_until is not None)
        mine = ScanShard.objects.filter(free, pk=shard.pk, fence=shard.fence, finished_at=None)
        if mine.update(fence=shard.fence + 1, failures=failures, lease_until=now + LEASE):
            shard.failures = failures
            return Claim(run, shard, shard.fence + 1, len(shards))
    return None


@contextmanager
def kept(claimed: Claim) -> Iterator[None]:
    """Lengthen the lease while the block runs, from a thread: a process that stands still or dies lets it run out."""
    done = Event()
    thread = Thread(target=_renew, args=(claimed, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(claimed: Claim, done: Event) -> None:
    mine = ScanShard.objects.filter(pk=claimed.shard.pk, fence=claimed.fence, finished_at=None)
    for _ in range(RENEWALS):
        if done.wait(LEASE.total_seconds() / 3):
            break
        try:
            if mine.update(lease_until=timezone.now() + LEASE) == 0:
                break  # committed, or another's
        except DatabaseError as error:
            logger.warning("the lease of %s was not lengthened: %s", claimed.run, error)
        finally:
            connection.close()


def release(claimed: Claim) -> None:
    """Give the shard back: whoever is next need not wait for the lease."""
    ScanShard.objects.filter(pk=claimed.shard.pk, fence=claimed.fence, finished_at=None).update(lease_until=None)


def hold(claimed: Claim) -> None:
    """Make the claim good: the first statement of the transaction, so that an older taker stops here."""
    mine = ScanShard.objects.filter(pk=claimed.shard.pk, fence=claimed.fence, finished_at=None)
    if mine.update(finished_at=timezone.now()) == 0:
        raise LostClaim("another worker has taken this tick over")


def mark_missed(market: Market, before: int) -> None:
    """Record ticks that were begun and never finished, and that market time has passed: missed, or partial."""
    passed = ScanRun.objects.filter(market=market, status=ScanRun.Status.RUNNING, due_at__lt=before)
    counts: tally.Counts = Counter()
    for run in passed:
        some = run.shards.exclude(finished_at=None).exists()
        status = ScanRun.Status.PARTIAL if some else ScanRun.Status.MISSED
        mine = ScanRun.objects.filter(pk=run.pk, status=ScanRun.Status.RUNNING)
        counts["agent_scans", status] += mine.update(status=status, finished_at=timezone.now())
    tally.add(market, counts)
