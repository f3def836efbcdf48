"""Lists in pages: ``{"next", "previous", "results"}``, ``limit`` 1..500 and ``cursor``, newest first."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound
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
    """Cursor pages; the limit is checked by PageQuery."""

    page_size = DEFAULT_LIMIT
    page_size_query_param = "limit"
    max_page_size = MAX_LIMIT

    def __init__(self, *ordering: str) -> None:
        self.ordering = ordering

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise invalid("cursor", "is no cursor of this list") from error
