"""Answers that refuse."""

from math import isfinite

from django.db import InterfaceError, OperationalError
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class Conflict(APIException):
    """409: the request is sound but the state of things does not allow it."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Unavailable(APIException):
    """503: what the answer needs is away for now; the same request may succeed after ``wait`` seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "the database does not answer at the moment: ask again"
    wait = 2


# Away, restarting, out of connections, or a row locked for too long: nothing that the request could have helped.
DATABASE_AWAY = (OperationalError, InterfaceError)


class Handler(ExceptionHandler):
    """Every refusal in one shape; a database that is away is 503, not a fault of ours."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, DATABASE_AWAY):
            return Unavailable()
        return super().convert_known_exceptions(exc)


def invalid(field: str, detail: str, code: str = "invalid") -> ValidationError:
    """Return the 400 that names a field."""
    return ValidationError({field: [detail]}, code=code)


def finite(value: float) -> float:
    """Raise unless ``value`` is a number that JSON can carry."""
    if not isfinite(value):
        raise ValidationError("must be a finite number", code="not_finite")
    return value
