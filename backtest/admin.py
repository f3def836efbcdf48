from django.contrib import admin, messages

from backtest import services
from backtest.models import Backtest, WalkForward


@admin.register(Backtest)
class BacktestAdmin(admin.ModelAdmin):
    """Backtests: to look at, to cancel while under way, to delete afterwards."""

    list_display = ("id", "status", "progress", "preset_version", "source", "sharpe", "trades", "finished_at")
    list_filter = ("status", "source", "preset_version__preset")
    list_select_related = ("preset_version__preset",)
    exclude = ("result",)  # megabytes; the API has it
    show_full_result_count = False
    actions = ("cancel",)

    def get_queryset(self, request):
        return super().get_queryset(request).defer("result")

    @admin.display
    def sharpe(self, job: Backtest) -> float | None:
        return job.metrics.get("sharpe")

    @admin.display
    def trades(self, job: Backtest) -> int | None:
        return job.metrics.get("total_trades")

    @admin.action(description="Cancel what is under way", permissions=["delete"])
    def cancel(self, request, queryset):
        for job in queryset:
            try:
                services.cancel(job.pk)
            except services.NotActive as error:
                self.message_user(request, f"{job.pk}: {error}", messages.WARNING)
            else:
                self.message_user(request, f"{job.pk} is cancelled")

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(WalkForward)
class WalkForwardAdmin(admin.ModelAdmin):
    """Searches over weights and what they came to out of sample: to look at."""

    list_display = ("id", "edge", "verdict", "preset_version", "source", "created_ms")
    list_filter = ("edge",)
    list_select_related = ("preset_version__preset",)

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False
