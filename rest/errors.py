"""Answers that refuse."""

from math import isfinite

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class Conflict(APIException):
    """409: the request is sound but the state of things does not allow it."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def invalid(field: str, detail: str, code: str = "invalid") -> ValidationError:
    """Return the 400 that names a field."""
    return ValidationError({field: [detail]}, code=code)


def finite(value: float) -> float:
    """Raise unless ``value`` is a number that JSON can carry."""
    if not isfinite(value):
        raise ValidationError("must be a finite number", code="not_finite")
    return value
