"""Figures of all processes at whichever web process is asked: the others leave theirs in the database.

Counters stay apart by process: added up, they would fall when a process ends, and its end would look like a burst.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from agent.models import ProcessFigures
from telemetry.catalogue import CATALOGUE, REGISTRY

logger = logging.getLogger(__name__)

EVERY_S = 5.0
FRESH = timedelta(seconds=30)  # of a process that is there; one that has not told for so long has ended
FORGOTTEN = timedelta(hours=1)
STARTED_AT = time.time()

Samples = dict[str, list[tuple[str, dict[str, str], float]]]  # by metric: name, labels and value of each sample

_kind = "web"
_teller: tuple[int, threading.Thread] | None = None


def process_name() -> str:
    return f"{_kind}@{socket.gethostname()}:{os.getpid()}"


def own_samples() -> Samples:
    """Return what this process counts. Raises KeyError for a metric that stands in no catalogue."""
    found: Samples = {
        "agent_process_start_time_seconds": [("agent_process_start_time_seconds", {}, STARTED_AT)],
    }
    for metric in REGISTRY.collect():
        _ = CATALOGUE[metric.name]
        found[metric.name] = [
            (sample.name, sample.labels, sample.value)
            for sample in metric.samples
            if not sample.name.endswith("_created")
        ]
    return found


def every_process() -> Iterator[tuple[str, str, Samples]]:
    """Yield (name, kind, samples) of this process and of the others that were there within FRESH."""
    own = process_name()
    yield own, _kind, own_samples()
    others = ProcessFigures.objects.filter(seen_at__gte=timezone.now() - FRESH).exclude(name=own)
    for one in others.order_by("name"):
        yield one.name, one.kind, one.samples


def tell() -> None:
    """Leave this process's figures for who is asked, and forget those that ended long ago."""
    now = timezone.now()
    told: dict[str, Any] = {"kind": _kind, "seen_at": now, "samples": own_samples()}
    ProcessFigures.objects.update_or_create(name=process_name(), defaults=told)
    ProcessFigures.objects.filter(seen_at__lt=now - FORGOTTEN).delete()


def keep_telling(kind: str) -> None:
    """Tell every few seconds from now on, in a thread. Again in the same process: nothing; after a fork: anew."""
    global _kind, _teller  # noqa: PLW0603  what a process is, it is once
    if _teller is not None and _teller[0] == os.getpid():
        return
    _kind = kind
    thread = threading.Thread(target=_run, name="figures", daemon=True)
    _teller = (os.getpid(), thread)
    thread.start()


def _run() -> None:
    while True:
        try:
            tell()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the figures of this process cannot be told: %s", error)
        finally:
            connection.close()
        time.sleep(EVERY_S)
