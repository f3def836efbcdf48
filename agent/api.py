"""The agent's switch, configuration, scans, health and metrics."""

from typing import Any

from django.http import HttpResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from agent import services, shapes
from agent.exposition import exposition
from agent.health import health_json
from agent.metrics import metrics_json
from agent.models import ScanRun
from market.feeds import current_market
from presets.models import WeightPreset
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import invalid
from rest.fields import StrictSerializer, SymbolsField
from rest.pages import PageQuery, Pages
from rest.views import View
from signals.api import RulesField, TimeframesField, known_instruments
from signals.shapes import AgentStatus


class StatusView(View):
    """What the agent does and how its market is."""

    @endpoint(Permission.READ, AgentStatus)
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
    enabled = StrictBoolean(required=False)


class ToggleView(View):
    """Turn the agent on or off, everywhere and lastingly; ``?enabled=true`` or a body. Idempotent."""

    query_serializer = ToggleQuery

    @endpoint(Permission.TOGGLE, AgentStatus, body=ToggleBody, body_required=False)
    def put(self, request: Request) -> Response:
        enabled = self.query.get("enabled")
        asked = self.body(ToggleBody).get("enabled") if request.data else None
        wanted = asked if enabled is None else enabled
        if wanted is None:
            raise invalid("enabled", "say it in the query or in the body", "required")
        if None not in (enabled, asked) and enabled != asked:
            raise invalid("enabled", "query and body differ")
        services.toggle(wanted)
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

    @endpoint(Permission.READ, shapes.AgentConfig)
    def get(self, request: Request) -> Response:
        return Response(services.config_json(services.agent_state(), current_market()))

    @endpoint(Permission.CONFIG, shapes.AgentConfig, body=ConfigBody)
    def patch(self, request: Request) -> Response:
        return self._change(self.body(ConfigBody))

    @endpoint(Permission.CONFIG, shapes.AgentConfig, body=ConfigBody)
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

    @endpoint(Permission.CONFIG, AgentStatus, body=SubscribeBody)
    def post(self, request: Request) -> Response:
        symbols = self.body(SubscribeBody)["symbols"]
        known_instruments(current_market(), symbols)
        services.configure({"symbols": symbols})
        return Response(services.status_json())


class RunsView(View):
    """The agent's past scans, newest first."""

    query_serializer = PageQuery

    @endpoint(Permission.READ, shapes.RunPage)
    def get(self, request: Request) -> Response:
        pages = Pages("-due_at")
        page = pages.paginate_queryset(ScanRun.objects.filter(market=current_market()), request, self)
        return pages.get_paginated_response([run.as_json() for run in page])


class Text(BaseContentNegotiation):
    """One format, whatever a scraper says that it accepts; refusals stay JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class MetricsView(View):
    """Figures of this process, the agent and the market."""

    @endpoint(Permission.READ, shapes.Metrics)
    def get(self, request: Request) -> Response:
        return Response(metrics_json())


class ExpositionView(View):
    """Figures of all processes, of the agent and the market for Prometheus, in its text format 0.0.4."""

    content_negotiation_class = Text
    operation = "exposition"

    @endpoint(Permission.READ, str, media_type="text/plain")
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class HealthView(View):
    """Everything that is checked; 503 when the database or the channel layer does not answer."""

    authentication_classes = ()  # a session is looked up in the database, which may be what is down

    @endpoint(Permission.ANYONE, answers={200: shapes.Health, 503: shapes.Health})
    def get(self, request: Request) -> Response:
        healthy, answer = health_json()
        return Response(answer, status=200 if healthy else 503)


class LiveView(View):
    """The process answers."""

    authentication_classes = ()

    @endpoint(Permission.ANYONE, shapes.Alive)
    def get(self, request: Request) -> Response:
        return Response({"status": "alive"})


class ReadyView(View):
    """200 when it can serve: database, channel layer and market are there and the market is not stale."""

    authentication_classes = ()

    @endpoint(Permission.ANYONE, answers={200: shapes.Readiness, 503: shapes.Readiness})
    def get(self, request: Request) -> Response:
        healthy, answer = health_json()
        good = healthy and answer["checks"]["market"] == "ok"
        status = "ready" if good else "not ready"
        return Response({"status": status, "checks": answer["checks"]}, status=200 if good else 503)
