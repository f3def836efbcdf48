import time
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from agent.models import AgentState, Runner, ScanRun, ScanShard
from agent.services import agent_state, policy_of, toggle, watchlist
from market.feeds import current_market
from presets.services import active_version
from rest.big_lists import BigList, LookOnly, told_time
from signals import scanner
from signals.states import StillLoading


@admin.register(AgentState)
class AgentStateAdmin(admin.ModelAdmin):
    """On or off, for a person with a mouse; the finer settings have checks that live in the API."""

    list_display = ("__str__", "scan_interval_ms", "timeframes", "symbols", "changed_at")
    fields = ("enabled", "scan_interval_ms", "timeframes", "symbols", "rules", "version", "changed_at")
    readonly_fields = ("scan_interval_ms", "timeframes", "symbols", "rules", "version", "changed_at")
    actions = ("turn_on", "turn_off", "scan_now")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AgentState, form: Any, change: bool) -> None:
        toggle(form.cleaned_data["enabled"])

    @admin.action(description="Turn the agent on", permissions=["change"])
    def turn_on(self, request: HttpRequest, queryset: Any) -> None:
        self.message_user(request, "The agent is on." if toggle(True) else "The agent was on already.")

    @admin.action(description="Turn the agent off", permissions=["change"])
    def turn_off(self, request: HttpRequest, queryset: Any) -> None:
        self.message_user(request, "The agent is off." if toggle(False) else "The agent was off already.")

    @admin.action(description="Scan now and show what is found", permissions=["change"])
    def scan_now(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        state, market, preset, began = agent_state(), current_market(), active_version(), time.perf_counter()
        try:
            found = scanner.scan(market, watchlist(state, market), state.timeframes, policy_of(state, preset))
        except StillLoading:
            self.message_user(request, "A worker is loading candles: try again in a moment.", messages.WARNING)
            return None
        about = {
            **self.admin_site.each_context(request),
            "title": "Scan",
            "scan": scanner.scan_json(found, began, str(preset), {}),
            "market": market,
            "now": told_time(market.position),
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/agent/scan_now.html", about)


class ShardInline(admin.TabularInline):
    model = ScanShard
    extra = 0
    can_delete = False
    fields = readonly_fields = ("shard", "fence", "failures", "lease_until", "finished_at", "given_up")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ScanRun)
class ScanRunAdmin(BigList):
    list_display = ("time", "kind", "status", "symbols", "signals", "held", "took", "started_at")
    list_filter = ("status", "kind")
    inlines = (ShardInline,)

    @admin.display(description="due (market time)")
    def time(self, run: ScanRun) -> str:
        return told_time(run.due_at)

    @admin.display(description="took")
    def took(self, run: ScanRun) -> str:
        took = run.as_json()["duration_ms"]
        return "–" if took is None else f"{took:.0f} ms"


@admin.register(Runner)
class RunnerAdmin(LookOnly):
    list_display = ("name", "seen_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
