"""Failures, counted apart: those that the design foresees, and those that are defects."""

from django.db import DatabaseError, InterfaceError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from telemetry.catalogue import FAILURES


class Foreseen(Exception):
    """The base of the house's own errors that are no defect."""


# A server that is away, or says "later"; whoever fails so has rolled back and tries again.
FORESEEN = (Foreseen, DatabaseError, InterfaceError, RedisError, OperationalError, OSError)


def count_failure(task: str, error: BaseException) -> bool:
    """Count a failure of ``task``; return whether it was to be expected."""
    expected = isinstance(error, FORESEEN)
    FAILURES.labels(task, str(expected).lower()).inc()
    return expected
