"""Series that the agent does not watch, scored by a worker: the web processes load neither candles nor numba."""

import hashlib
import logging
import time
from collections.abc import Iterable
from threading import Lock
from typing import Any

from celery import shared_task
from celery.exceptions import TimeoutError as NotInTime
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from market.models import Series
from market.windows import Windows
from rest.errors import Unavailable
from signals.models import SeriesState
from signals.states import StillLoading, computed, from_json, to_json

logger = logging.getLogger(__name__)

WAIT_S = 2.0  # then the answer is 202, and the client asks again
KEEP_S = 30.0  # a client that does not come back for its result loses it
MOST_WINDOWS = 3000  # series a worker keeps at hand for the next question, about 40 KB each

_windows, _kept = Windows(), set[int]()
_asked: dict[str, tuple[float, AsyncResult]] = {}
_lock = Lock()


@shared_task(name="signals.states", ignore_result=False, time_limit=60)
def states(series_ids: list[int], now: int) -> list[dict[str, Any]]:
    """Return the states of series at market time ``now`` as JSON."""
    global _windows  # noqa: PLW0603
    members = list(Series.objects.filter(pk__in=series_ids).select_related("instrument"))
    with _lock:
        _kept.update(series_ids)
        if len(_kept) > MOST_WINDOWS:
            _windows = Windows()
            _kept.intersection_update(series_ids)
        return [to_json(state) for state in computed(members, now, _windows)]


def ask_worker(series: list[Series], now: int) -> Iterable[SeriesState]:
    """Return states that a worker computes, within WAIT_S. Raises StillLoading when it takes longer."""
    ids = sorted(one.pk for one in series)
    key = hashlib.blake2b(repr(ids).encode(), digest_size=16).hexdigest()
    try:
        rows = _pending(key, ids, now).get(timeout=WAIT_S, disable_sync_subtasks=False)
    except NotInTime as error:
        raise StillLoading from error
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("the broker does not answer: %s", error)
        raise Unavailable("no worker can be asked: the broker does not answer") from error
    with _lock:
        _asked.pop(key, None)
    return [from_json(row) for row in rows]


def _pending(key: str, ids: list[int], now: int) -> AsyncResult:
    """Return the question that is under way for these series, or put it."""
    with _lock:
        for old in [k for k, (at, _) in _asked.items() if at < time.monotonic() - KEEP_S]:
            del _asked[old]
        if key not in _asked:
            result = states.apply_async((ids, now), expires=KEEP_S, retry=False)
            _asked[key] = (time.monotonic(), result)
        return _asked[key][1]
