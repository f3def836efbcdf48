"""Lists in pages: ``{"next", "previous", "results"}``, ``limit`` 1..500 and ``cursor``, newest first."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from rest.errors import invalid
from rest.fields import StrictSerializer

DEFAULT_LIMIT, MAX_LIMIT = 50, 500


class PageQuery(StrictSerializer):
    """The query of every list."""

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, required=False)
    cursor = serializers.CharField(required=False)


class Pages(CursorPagination):
    """Cursor pages of rows ordered by a time in ms; the limit is checked by PageQuery."""

    page_size = DEFAULT_LIMIT
    page_size_query_param = "limit"
    max_page_size = MAX_LIMIT

    def __init__(self, *ordering: str) -> None:
        self.ordering = ordering

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise _no_cursor() from error

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor; its position is a time in ms, and it comes from the client."""
        cursor = super().decode_cursor(request)
        position = str(cursor.position) if cursor and cursor.position is not None else None
        if position is not None and not (position.isascii() and position.isdigit() and int(position) < 2**53):
            raise _no_cursor()
        return cursor


def _no_cursor() -> ValidationError:
    return invalid("cursor", "is no cursor of this list")
