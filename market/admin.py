from django.contrib import admin

from market.models import Hole, Instrument, Market, Series, SideSeries


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the agent writes: to look at."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Market)
class MarketAdmin(ReadOnlyAdmin):
    list_display = ("key", "source", "position", "last_close", "ended")


@admin.register(Instrument)
class InstrumentAdmin(ReadOnlyAdmin):
    list_display = ("symbol", "market")
    list_filter = ("market",)
    search_fields = ("symbol",)


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    list_display = ("instrument", "timeframe", "first_open", "ended_at")
    list_filter = ("timeframe",)
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)


@admin.register(Hole)
class HoleAdmin(ReadOnlyAdmin):
    list_display = ("series", "start", "end", "reason")
    list_filter = ("reason",)
    list_select_related = ("series__instrument",)


@admin.register(SideSeries)
class SideSeriesAdmin(ReadOnlyAdmin):
    list_display = ("instrument", "kind", "newest", "known_until")
    list_filter = ("kind",)
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
