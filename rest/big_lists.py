"""Admin lists over tables of any size: newest first, never counted to the end, a page behind the one that is shown.

A list shows the newest WINDOW rows of what is asked for, in pages; "older than these" goes on behind the last row by
its key, so the thousandth page costs what the first does.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

WINDOW = 1000  # rows that are looked at, and so counted, at most
NONE_OF = ("", "every row")


class WindowPaginator(Paginator):
    """Counts no further than WINDOW."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:WINDOW].count())


class Older(admin.SimpleListFilter):
    """Goes on behind the last row of the page by the list's ``keyset``."""

    title, parameter_name = "page", "before"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        self._keyset: Sequence[str] = model_admin.keyset
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [NONE_OF]  # there is always the way to the top

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        fields = [queryset.model._meta.pk if n == "pk" else queryset.model._meta.get_field(n) for n in self._keyset]
        try:
            given = zip(fields, str(self.value()).split(","), strict=True)
            values = [field.to_python(text) for field, text in given]
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(f"before: {self.value()!r} is no key of this list") from error
        return queryset.filter(_behind(self._keyset, values))

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield self._choice(changelist, "newest", "", not self.value())
        rows = list(changelist.result_list)
        last = [getattr(rows[-1], name) for name in self._keyset] if len(rows) == changelist.list_per_page else [None]
        if None not in last:
            key = ",".join(map(str, last))
            yield self._choice(changelist, "older than these", key, False)

    def _choice(self, changelist: ChangeList, shown: str, key: str, selected: bool) -> dict[str, Any]:
        query = changelist.get_query_string({self.parameter_name: key} if key else {}, ["p", self.parameter_name])
        return {"selected": selected, "query_string": query, "display": shown}


def _behind(keyset: Sequence[str], values: Sequence[Any]) -> Q:
    """Return what comes after a row in descending order. The outer condition is the one that an index can use."""
    name, value = keyset[0], values[0]
    if len(keyset) == 1:
        return Q(**{f"{name}__lt": value})
    return Q(**{f"{name}__lte": value}) & (Q(**{f"{name}__lt": value}) | _behind(keyset[1:], values[1:]))


def told_time(ms: int | None) -> str:
    """Return ms of market time as a person reads it."""
    return "–" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


class LookOnly(admin.ModelAdmin):
    """Rows that the agent writes: to look at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BigList(LookOnly):
    """A list whose order has an index. ``keyset``: the fields of that order, descending, that tell rows apart.

    Filters are those that need no look at every row: fields with choices, related tables of a few rows.
    """

    keyset: Sequence[str] = ("pk",)
    paginator = WindowPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()  # by another column every row would be read
    list_per_page = 50
    list_max_show_all = 0
    by_symbol = ""  # the field of the instrument, for a search by symbol

    def get_ordering(self, request: HttpRequest) -> Any:
        return [f"-{name}" for name in self.keyset]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [Older, *self.list_filter]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by symbol in the small table first, so that the large one is read by its index."""
        if not (self.by_symbol and search_term):
            return super().get_search_results(request, queryset, search_term)
        instruments: Any = self.model
        for name in self.by_symbol.split("__"):
            instruments = instruments._meta.get_field(name).related_model
        found = instruments.objects.filter(symbol__icontains=search_term.strip()).values_list("pk", flat=True)
        return queryset.filter(**{f"{self.by_symbol}__in": list(found[:500])}), False
