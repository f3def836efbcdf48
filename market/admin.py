from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from market.models import Candle, Hole, Instrument, Market, Series, SideSeries
from rest.big_lists import BigList, LookOnly, told_time


@admin.register(Market)
class MarketAdmin(LookOnly):
    list_display = ("key", "source", "now", "newest", "ended", "blocked")

    @admin.display(description="market time")
    def now(self, market: Market) -> str:
        return told_time(market.position)

    @admin.display(description="newest close")
    def newest(self, market: Market) -> str:
        return told_time(market.last_close)


class HolesOf(admin.TabularInline):
    """The newest holes of a series; the list of holes has them all."""

    model = Hole
    extra = 0
    can_delete = False
    fields = readonly_fields = ("start", "end", "reason")
    max_shown = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hole]:
        rows = super().get_queryset(request)
        newest = Hole.objects.filter(series=OuterRef("series")).order_by("-start").values("pk")[: self.max_shown]
        return rows.filter(pk__in=Subquery(newest)).order_by("-start")


@admin.register(Instrument)
class InstrumentAdmin(LookOnly):
    list_display = ("symbol", "market", "watched", "timeframes", "holes")
    list_filter = ("market", "watched")
    list_select_related = ("market",)
    search_fields = ("symbol",)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        holes = Hole.objects.filter(series__instrument=OuterRef("pk")).order_by().values("series__instrument")
        return (
            super()
            .get_queryset(request)
            .prefetch_related("series")
            .annotate(hole_count=Subquery(holes.annotate(n=Count("pk")).values("n")))
        )

    @admin.display
    def timeframes(self, instrument: Instrument) -> str:
        return " ".join(one.timeframe for one in instrument.series.all())

    @admin.display
    def holes(self, instrument: Any) -> int:
        return instrument.hole_count or 0


@admin.register(Series)
class SeriesAdmin(LookOnly):
    list_display = ("instrument", "timeframe", "first", "newest", "ended")
    list_filter = ("timeframe", "instrument__market")
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
    list_per_page = 50
    inlines = (HolesOf,)

    def get_queryset(self, request: HttpRequest) -> Any:
        newest = Candle.objects.filter(series=OuterRef("pk")).order_by("-open_time").values("open_time")[:1]
        return super().get_queryset(request).annotate(newest_open=Subquery(newest))

    @admin.display(description="first bar opens")
    def first(self, series: Series) -> str:
        return told_time(series.first_open)

    @admin.display(description="newest bar opens")
    def newest(self, series: Any) -> str:
        return told_time(series.newest_open)

    @admin.display(description="ends")
    def ended(self, series: Series) -> str:
        return told_time(series.ended_at)


@admin.register(Hole)
class HoleAdmin(BigList):
    list_display = ("series", "begins", "ends", "reason")
    list_filter = ("reason",)
    list_select_related = ("series__instrument",)
    search_fields = ("series__instrument__symbol",)
    by_symbol = "series__instrument"

    @admin.display(description="first missing bar opens")
    def begins(self, hole: Hole) -> str:
        return told_time(hole.start)

    @admin.display(description="bars again from")
    def ends(self, hole: Hole) -> str:
        return told_time(hole.end)


@admin.register(SideSeries)
class SideSeriesAdmin(LookOnly):
    list_display = ("instrument", "kind", "newest", "known_until")
    list_filter = ("kind",)
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
