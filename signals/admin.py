from django.contrib import admin

from signals.models import Signal


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
