from django.contrib import admin

from signals.models import Calibration, Outcome, Signal


@admin.register(Signal)
class SignalAdmin(admin.ModelAdmin):
    """Stored signals: to look at."""

    list_display = ("instrument", "seq", "as_of", "advice", "direction", "score", "confidence", "because")
    list_filter = ("advice", "direction", "because", "preset_version__preset")
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
    show_full_result_count = False

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class LookOnly(admin.ModelAdmin):
    """What was recorded: to look at."""

    show_full_result_count = False

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Outcome)
class OutcomeAdmin(LookOnly):
    """What became of signals."""

    list_display = ("signal", "how", "r", "percent", "bars", "best", "worst", "known_at")
    list_filter = ("how", "side", "signal__preset_version__preset")
    list_select_related = ("signal__instrument",)
    search_fields = ("signal__instrument__symbol",)


@admin.register(Calibration)
class CalibrationAdmin(LookOnly):
    """Fits of probabilities."""

    list_display = ("preset_version", "basis", "known_until", "count", "hits")
    list_select_related = ("preset_version__preset",)
