from django.contrib import admin

from agent.models import AgentState, Runner, ScanRun
from agent.services import toggle


@admin.register(AgentState)
class AgentStateAdmin(admin.ModelAdmin):
    """On or off, for a person with a mouse; the finer settings have checks that live in the API."""

    list_display = ("__str__", "scan_interval_ms", "timeframes", "symbols", "changed_at")
    fields = ("enabled", "scan_interval_ms", "timeframes", "symbols", "rules", "version", "changed_at")
    readonly_fields = ("scan_interval_ms", "timeframes", "symbols", "rules", "version", "changed_at")
    actions = ("turn_on", "turn_off")

    def has_add_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def save_model(self, request, obj, form, change):
        toggle(form.cleaned_data["enabled"])

    @admin.action(description="Turn the agent on")
    def turn_on(self, request, queryset):
        self.message_user(request, "The agent is on." if toggle(True) else "The agent was on already.")

    @admin.action(description="Turn the agent off")
    def turn_off(self, request, queryset):
        self.message_user(request, "The agent is off." if toggle(False) else "The agent was off already.")


@admin.register(ScanRun)
class ScanRunAdmin(admin.ModelAdmin):
    list_display = ("due_at", "kind", "status", "symbols", "signals", "held", "started_at", "finished_at")
    list_filter = ("status", "kind")
    show_full_result_count = False

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Runner)
class RunnerAdmin(admin.ModelAdmin):
    list_display = ("name", "seen_at")

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False
