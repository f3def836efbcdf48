"""The agent's switch, configuration, scans, health and metrics."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agent import services
from agent.health import health_json
from agent.metrics import metrics_json
from agent.models import ScanRun
from market.feeds import current_market
from presets.models import WeightPreset
from rest.fields import StrictSerializer, SymbolsField
from rest.pages import PageQuery, Pages
from rest.views import View
from signals.api import RulesField, TimeframesField, known_instruments


class StatusView(View):
    """What the agent does and how its market is."""

    def get(self, request: Request) -> Response:
        return Response(services.status_json())


class ToggleQuery(StrictSerializer):
    enabled = serializers.BooleanField(required=False)


class StrictBoolean(serializers.BooleanField):
    """A JSON boolean: in a body, ``"yes"`` or 1 is none."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ToggleBody(StrictSerializer):
    enabled = StrictBoolean()


class ToggleView(View):
    """Turn the agent on or off, everywhere and lastingly; ``?enabled=true`` or a body. Idempotent."""

    query_serializer = ToggleQuery

    def put(self, request: Request) -> Response:
        enabled = self.query.get("enabled")
        if enabled is None:
            enabled = self.body(ToggleBody)["enabled"]
        services.toggle(enabled)
        return Response(services.status_json())


class ConfigBody(StrictSerializer):
    scan_interval_ms = serializers.IntegerField(min_value=1000, max_value=3_600_000, required=False)
    symbols = SymbolsField(required=False, allow_null=True)
    timeframes = TimeframesField(required=False)
    preset = serializers.CharField(max_length=40, required=False)
    rules = RulesField(required=False)

    def validate_preset(self, name: str) -> str:
        if not WeightPreset.objects.visible().filter(name=name).exists():
            raise serializers.ValidationError(f"there is no preset {name!r}", code="unknown_preset")
        return name


class ConfigView(View):
    """What the agent watches, how often, and by which rules. PUT sets what is left out to its default."""

    def get(self, request: Request) -> Response:
        return Response(services.config_json(services.agent_state(), current_market()))

    def patch(self, request: Request) -> Response:
        return self._change(self.body(ConfigBody))

    def put(self, request: Request) -> Response:
        return self._change(services.default_config() | self.body(ConfigBody))

    def _change(self, changes: dict[str, Any]) -> Response:
        market = current_market()
        if changes.get("symbols"):
            known_instruments(market, changes["symbols"])
        return Response(services.config_json(services.configure(changes), market))


class SubscribeBody(StrictSerializer):
    symbols = SymbolsField()


class SubscribeView(View):
    """Make these symbols the agent's watchlist."""

    def post(self, request: Request) -> Response:
        symbols = self.body(SubscribeBody)["symbols"]
        known_instruments(current_market(), symbols)
        services.configure({"symbols": symbols})
        return Response(services.status_json())


class RunsView(View):
    """The agent's past scans, newest first."""

    query_serializer = PageQuery

    def get(self, request: Request) -> Response:
        pages = Pages("-due_at")
        page = pages.paginate_queryset(ScanRun.objects.filter(market=current_market()), request, self)
        return pages.get_paginated_response([run.as_json() for run in page])


class MetricsView(View):
    """Figures of this process, the agent and the market."""

    def get(self, request: Request) -> Response:
        return Response(metrics_json())


def health(request: HttpRequest) -> JsonResponse:
    """Everything that is checked; 503 when the database or the channel layer does not answer."""
    healthy, answer = health_json()
    return JsonResponse(answer, status=200 if healthy else 503)


def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when it can serve: database, channel layer and market are there and the market is not stale."""
    healthy, answer = health_json()
    good = healthy and answer["checks"]["market"] == "ok"
    return JsonResponse(
        {"status": "ready" if good else "not ready", "checks": answer["checks"]}, status=200 if good else 503
    )
