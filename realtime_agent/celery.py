"""The Celery application of worker and beat: ``celery -A realtime_agent worker``, ``celery -A realtime_agent beat``."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, task_failure, task_prerun, worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")

app = Celery("realtime_agent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def require_services(**_: Any) -> None:
    """End with one line and 1 if the broker, the layer or the database is away; Celery itself would wait for ever."""
    from agent.pooling import without_pool
    from agent.reachable import unreachable

    without_pool()
    faults = unreachable()
    if faults:
        sys.exit("\n".join(f"error: {fault}" for fault in faults))


@worker_init.connect
def warm_up(**_: Any) -> None:
    """Compile the kernels, if they are not, before ticks are awaited."""
    from engine import warm

    warm.main(only_if_cold=True)


@task_prerun.connect
def tell_figures(**_: Any) -> None:
    """Begin to tell this process's figures with its first task: in the pool's child, which is what counts."""
    from agent.figures import keep_telling

    keep_telling("worker")


@task_failure.connect
def count(sender: Any = None, exception: BaseException | None = None, **_: Any) -> None:
    """Count a task that raised."""
    from telemetry.failures import count_failure

    if exception is not None:
        count_failure(str(sender.name), exception)


@worker_ready.connect
def watch(**_: Any) -> None:
    """Let the worker's parent process see to it that ticks get done."""
    from agent.watchdog import Watchdog

    Watchdog().start()
