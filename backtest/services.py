"""The changes to backtests that a user can see: begin, run, cancel."""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from backtest import candles
from backtest.models import Backtest
from backtest.requests import Refused, is_small, spec_of
from engine.timeframes import INTERVAL_MS
from engine.version import scoring_version
from presets.models import PresetVersion
from presets.services import Actor
from signals.announce import announce

logger = logging.getLogger(__name__)

# Longer than one step of a job takes (a symbol's history); after it a dead worker's job is taken over.
LEASE = timedelta(seconds=120)
TOLD_EVERY_S = 0.5
MOST_ACTIVE = 20  # jobs under way: each may take a minute of a processor, and anybody may ask for one
KEPT = 200  # finished backtests; one of 6,000 bars takes about 300 kB


class Stopped(Exception):
    """The job is no longer this worker's: cancelled, or taken over after its lease."""


class NotActive(Exception):
    """A finished backtest cannot be cancelled."""


class TooManyJobs(Exception):
    """Others have to end, or be cancelled, before another large one begins."""


def begin(request: dict[str, Any], source: str, preset: PresetVersion, by: Actor) -> tuple[Backtest, bool]:
    """Store a job, or return the equal one that is under way; and whether it is new. Raises TooManyJobs."""
    key = _key(request, source, preset)
    if not is_small(request):
        _require_room(key)
    user: Any = by if by is not None and by.is_authenticated else None
    try:
        with transaction.atomic():
            job = Backtest.objects.create(
                request=request, key=key, source=source, preset_version=preset, created_by=user
            )
    except IntegrityError:
        return Backtest.objects.active().get(key=key), False
    _forget_old()
    return job, True


def _key(request: dict[str, Any], source: str, preset: PresetVersion) -> str:
    text = json.dumps([request, source, preset.pk], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _require_room(key: str) -> None:
    others = Backtest.objects.active()
    if others.count() >= MOST_ACTIVE and not others.filter(key=key).exists():
        raise TooManyJobs(f"{MOST_ACTIVE} backtests are under way: wait for one, or cancel one")


def _forget_old() -> None:
    """Keep the newest finished backtests: results are large, and anybody may ask for them."""
    old = Backtest.objects.finished().values_list("pk", flat=True)[KEPT:]
    Backtest.objects.filter(pk__in=list(old)).delete()


def claim(pk: uuid.UUID) -> Backtest | None:
    """Take a job that is queued, or whose worker's lease is over; of several who try, one gets it."""
    job, now = Backtest.objects.active().filter(pk=pk).first(), timezone.now()
    if job is None or (job.lease_until is not None and job.lease_until > now):
        return None
    free = Backtest.objects.active().filter(pk=pk, fence=job.fence)
    taken = free.update(status=Backtest.Status.RUNNING, fence=job.fence + 1, lease_until=now + LEASE, error="")
    return Backtest.objects.get(pk=pk) if taken else None


def run_job(pk: uuid.UUID) -> None:
    """Run a backtest to its end. Safe to call any number of times, anywhere: a thread or a task.

    A fault of the request ends it as ``failed`` with the reason. Anything else is stored as a failure and raised.
    """
    job = claim(pk)
    if job is None:
        return
    started = time.perf_counter()
    try:
        changes = _work(job, started)
    except Stopped:
        logger.info("backtest %s stopped: cancelled or taken over", pk)
        return
    except (Refused, candles.NoCandles) as refused:
        changes = {"status": Backtest.Status.FAILED, "error": str(refused)[:500]}
    except Exception:
        _finish(job, {"status": Backtest.Status.FAILED, "error": "failed for a reason that is in the server's log"})
        raise
    _finish(job, changes)


def _work(job: Backtest, started: float) -> dict[str, Any]:
    from backtest import reports, running  # they bring numba

    spec, source = spec_of(job.request, job.preset_version), candles.named(job.source)
    result = running.run(spec, source, _progress(job))
    missing = reports.holes_text(result.symbols, INTERVAL_MS[spec.base]) if job.request["holes"] == "refuse" else None
    if missing:
        raise Refused("holes", f'{missing}; with "holes": "state" they are crossed and listed')
    answer = reports.answer(result)
    answer["meta"] |= {
        "source": job.source,
        "preset": job.preset_version.preset.name,
        "preset_version": job.preset_version.version,
        "scoring_version": scoring_version(),
        "elapsed_ms": round((time.perf_counter() - started) * 1000, 3),
    }
    return {
        "status": Backtest.Status.DONE,
        "metrics": answer.pop("metrics"),
        "result": answer,
        "data_digest": result.digest,
        "scoring_version": scoring_version(),
    }


def _mine(job: Backtest) -> Any:
    return Backtest.objects.filter(pk=job.pk, fence=job.fence, status=Backtest.Status.RUNNING)


def _progress(job: Backtest) -> Callable[[float], None]:
    """Return a function that stores and tells the share that is done, and raises Stopped once the job is lost."""
    told_at = time.monotonic()  # taking the job said that it runs

    def tell(share: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < TOLD_EVERY_S:
            return
        told_at = time.monotonic()
        if _mine(job).update(progress=share, lease_until=timezone.now() + LEASE) == 0:
            raise Stopped
        job.progress = share
        _tell(job)

    return tell


def _finish(job: Backtest, changes: dict[str, Any]) -> None:
    """Store the end of a job in one statement; nothing if it is no longer this worker's."""
    done = changes | {"progress": 1.0 if changes["status"] == Backtest.Status.DONE else job.progress}
    if _mine(job).update(**done, finished_at=timezone.now(), lease_until=None):
        for name, value in done.items():
            setattr(job, name, value)
        _tell(job)


def cancel(pk: uuid.UUID) -> Backtest:
    """Cancel a job; its worker stops at its next step. Raises NotActive, Backtest.DoesNotExist."""
    ended = Backtest.objects.active().filter(pk=pk)
    if ended.update(status=Backtest.Status.CANCELLED, finished_at=timezone.now(), lease_until=None) == 0:
        raise NotActive(f"the backtest is {Backtest.objects.get(pk=pk).status}: only one under way can be cancelled")
    job = Backtest.objects.get(pk=pk)
    _tell(job)
    return job


def _tell(job: Backtest) -> None:
    announce({"type": "backtest", **job.job_json()})
