from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from rest.big_lists import BigList, LookOnly, told_time
from signals.explaining import explain
from signals.models import Calibration, Outcome, Signal


@admin.register(Signal)
class SignalAdmin(BigList):
    """Stored signals: to look at, to derive again, with what became of them."""

    list_display = ("symbol", "seq", "time", "advice", "direction", "score", "confidence", "because", "became")
    list_filter = ("advice", "direction", "preset_version__preset")
    list_select_related = ("instrument", "outcome")
    search_fields = ("instrument__symbol",)
    search_help_text = "a symbol"
    by_symbol = "instrument"
    keyset = ("as_of", "instrument_id")
    readonly_fields = ("explained", "became")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("timeframes", "configured")

    @admin.display(description="symbol")
    def symbol(self, signal: Signal) -> str:
        return signal.instrument.symbol

    @admin.display(description="as of (market time)")
    def time(self, signal: Signal) -> str:
        return told_time(signal.as_of)

    @admin.display(description="outcome")
    def became(self, signal: Signal) -> str:
        outcome = getattr(signal, "outcome", None)
        if outcome is None:
            return "–"
        return f"{outcome.get_how_display()}" + ("" if outcome.r is None else f", {outcome.r:+.2f} R")

    @admin.display(description="explanation")
    def explained(self, signal: Signal) -> str:
        address = reverse("admin:signals_signal_explain", args=[signal.pk])
        return format_html('<a href="{}">derive it again from the stored candles</a>', address)

    def get_urls(self) -> list[Any]:
        own = path(
            "<uuid:signal_id>/explain/", self.admin_site.admin_view(self.explain_view), name="signals_signal_explain"
        )
        return [own, *super().get_urls()]

    def explain_view(self, request: HttpRequest, signal_id: Any) -> HttpResponse:
        """The signal derived again: whether it is the same, and each component of each timeframe."""
        if not self.has_view_permission(request):
            raise Http404
        known = Signal.objects.select_related("instrument__market", "preset_version__preset")
        signal = known.filter(pk=signal_id).first()
        if signal is None:
            raise Http404("there is no such signal")
        about = {
            **self.admin_site.each_context(request),
            "title": f"{signal.instrument.symbol} #{signal.seq}, explained",
            "signal": signal,
            "became": self.became(signal),
            "explained": explain(signal),
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/signals/explain.html", about)


@admin.register(Outcome)
class OutcomeAdmin(BigList):
    """What became of signals."""

    list_display = ("symbol", "side", "how", "r", "percent", "bars", "best", "worst", "ended")
    list_filter = ("how",)
    list_select_related = ("signal__instrument",)
    search_fields = ("signal__instrument__symbol",)
    by_symbol = "series__instrument"
    keyset = ("known_at", "signal_id")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).defer("signal__timeframes", "signal__configured", "detectors")
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        # Those still followed have no end to be sorted by: they are shown when they are asked for.
        return rows.exclude(known_at=None) if is_list and "how__exact" not in request.GET else rows

    @admin.display(description="ended (market time)")
    def ended(self, outcome: Outcome) -> str:
        return told_time(outcome.known_at)

    @admin.display(description="signal")
    def symbol(self, outcome: Outcome) -> str:
        return f"{outcome.signal.instrument.symbol} #{outcome.signal.seq}"


@admin.register(Calibration)
class CalibrationAdmin(LookOnly):
    """Fits of probabilities."""

    list_display = ("preset_version", "basis", "known_until", "count", "hits")
    list_select_related = ("preset_version__preset",)
