"""Backtests over REST: run, poll, cancel, export."""

import csv
import uuid
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.http import Http404, HttpResponse
from rest_framework import serializers
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from backtest import candles, jobs, services, shapes
from backtest.models import Backtest
from backtest.requests import DEFAULT_TERMS, DEFAULT_TIMEFRAME, Refused, require_sane
from backtest.services import MOST_ACTIVE
from engine.timeframes import INTERVAL_MS
from presets.fields import WeightsField
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import Conflict, invalid
from rest.fields import MomentField, NumberField, StrictSerializer, SymbolField, SymbolsField
from rest.large_json import LargeJSONRenderer
from rest.pages import PageQuery, Pages
from rest.views import View
from signals.api import RulesField, TimeframesField, chosen_preset

RETRY_AFTER_S = 1
ANSWERS = {200: shapes.BacktestResponse, 202: shapes.Job}
RENDERERS = [LargeJSONRenderer, BrowsableAPIRenderer]
NOT_DONE = "the backtest failed or was cancelled; the detail says why"
NOT_BEGUN = f"{NOT_DONE}; or {MOST_ACTIVE} are under way already"


class TradingField(StrictSerializer):
    """How positions are made; see docs/backtest.md."""

    sides = serializers.ChoiceField(choices=["both", "long", "short"], required=False)
    stop = serializers.ChoiceField(choices=["none", "atr", "structure", "both"], required=False)
    stop_atr = NumberField(min_value=0.1, max_value=100, required=False)
    target_r = NumberField(min_value=0, max_value=1000, required=False)
    trail_atr = NumberField(min_value=0, max_value=100, required=False)
    max_bars = serializers.IntegerField(min_value=0, max_value=10**7, required=False)
    risk = NumberField(min_value=0, max_value=1, required=False)
    max_share = NumberField(min_value=0.001, max_value=10, required=False)
    max_leverage = NumberField(min_value=0.001, max_value=10, required=False)
    step = NumberField(min_value=0, max_value=1e9, required=False)
    min_notional = NumberField(min_value=0, max_value=1e12, required=False)


class RunBody(StrictSerializer):
    """What to run; a share is a part of one: a fee of 0.0005 is 0.05 %."""

    symbol = SymbolField(required=False)
    symbols = SymbolsField(required=False)
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS), required=False)
    timeframes = TimeframesField(required=False)
    start_date = MomentField()
    end_date = MomentField()
    initial_capital = NumberField(min_value=0.01, max_value=1e15, default=10_000.0)
    fee = NumberField(min_value=0, max_value=0.1, default=0.0005)
    slippage = NumberField(min_value=0, max_value=0.1, default=0.001)
    preset = serializers.CharField(max_length=40, required=False)
    weights = WeightsField(required=False)
    rules = RulesField(required=False)
    trading = TradingField(required=False)
    holes = serializers.ChoiceField(choices=["state", "refuse"], default="state")
    candles = serializers.CharField(max_length=40, required=False)
    scan_interval_ms = serializers.IntegerField(min_value=1000, max_value=3_600_000, default=30_000)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("symbol" in data) == ("symbols" in data):
            raise invalid("symbols", "give either symbol or symbols", "required")
        if "timeframe" in data and "timeframes" in data:
            raise invalid("timeframes", "give either timeframe or timeframes")
        return data


def request_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return a checked body as it is stored: every default filled in."""
    one = body.get("timeframe", DEFAULT_TIMEFRAME)
    return {
        "symbols": body.get("symbols") or [body["symbol"]],
        "timeframes": body.get("timeframes") or [one],
        "start": body["start_date"],
        "end": body["end_date"],
        "weights": body.get("weights"),
        "rules": body.get("rules", {}),
        "trading": DEFAULT_TERMS | body.get("trading", {}),
        "candles": body.get("candles"),
        **{k: body[k] for k in ("initial_capital", "fee", "slippage", "holes", "scan_interval_ms")},
    }


def source_of(request: dict[str, Any]) -> str:
    """Return the name of the source that holds a request's candles. Raises ValidationError saying what there is."""
    smallest = request["timeframes"][0]
    try:
        return candles.find(request["symbols"], smallest, request["start"], request["end"], request["candles"]).name
    except candles.NoCandles as lacking:
        raise invalid(lacking.field, str(lacking), lacking.code) from lacking


def told(job: Backtest) -> Response:
    """Return the result of a job that is done, 409 with the reason of one that failed, else 202 with its progress."""
    if job.status == Backtest.Status.DONE:
        return Response(job.answer())
    if job.status in Backtest.ACTIVE:
        return Response(job.job_json(), status=202, headers={"Retry-After": str(RETRY_AFTER_S)})
    raise Conflict(job.error or "the backtest was cancelled", code=job.status)


def found(pk: uuid.UUID) -> Backtest:
    try:
        return Backtest.objects.get(pk=pk)
    except Backtest.DoesNotExist as error:
        raise Http404("there is no such backtest; old ones are forgotten") from error


class RunView(View):
    """Run a backtest: the answer at once for small work, else 202 with the job."""

    renderer_classes = RENDERERS

    @endpoint(Permission.BACKTEST, body=RunBody, answers=ANSWERS, refuses={409: NOT_BEGUN})
    def post(self, request: Request) -> Response:
        body = self.body(RunBody)
        preset, asked = chosen_preset(body), request_of(body)
        try:
            require_sane(asked)
        except Refused as refused:
            raise invalid(refused.field, str(refused), refused.code) from refused
        try:
            job, new = services.begin(asked, source_of(asked), preset, by=request.user)
        except services.TooManyJobs as many:
            raise Conflict(str(many), code="too_many_jobs") from many
        if new:
            jobs.start(job)
            job.refresh_from_db()
        return told(job)


class ResultsQuery(PageQuery):
    status = serializers.ChoiceField(choices=Backtest.Status.choices, required=False)


class ResultsView(View):
    """Backtests, newest first, without their trades and series."""

    query_serializer = ResultsQuery

    @endpoint(Permission.READ, shapes.BacktestPage)
    def get(self, request: Request) -> Response:
        rows = Backtest.objects.defer("result").select_related("preset_version__preset")
        if "status" in self.query:
            rows = rows.filter(status=self.query["status"])
        pages = Pages("-created_ms")
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response([summary(job) for job in page])


def summary(job: Backtest) -> dict[str, Any]:
    """Return a backtest in a list."""
    return {
        **job.job_json(),
        "created_at": datetime.fromtimestamp(job.created_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "request": job.request,
        "source": job.source,
        "preset": job.preset_version.preset.name,
        "preset_version": job.preset_version.version,
        "metrics": job.metrics,
    }


class ResultView(View):
    """The stored result; DELETE cancels one under way."""

    renderer_classes = RENDERERS

    @endpoint(Permission.READ, answers=ANSWERS, refuses={409: NOT_DONE})
    def get(self, request: Request, backtest_id: uuid.UUID) -> Response:
        job = found(backtest_id)
        jobs.resume(job)
        return told(job)

    @endpoint(Permission.BACKTEST, shapes.Job, refuses={409: "it is finished"})
    def delete(self, request: Request, backtest_id: uuid.UUID) -> Response:
        job = found(backtest_id)
        try:
            return Response(services.cancel(job.pk).job_json())
        except services.NotActive as error:
            raise Conflict(str(error), code="finished") from error


class ExportQuery(StrictSerializer):
    file_format = serializers.ChoiceField(choices=["csv"], default="csv")


class ExportView(View):
    """The trades of a result as a file."""

    query_serializer = ExportQuery

    @endpoint(Permission.READ, str, refuses={409: NOT_DONE}, media_type="text/csv")
    def get(self, request: Request, backtest_id: uuid.UUID) -> HttpResponse:
        job = found(backtest_id)
        if job.status != Backtest.Status.DONE:
            raise Conflict(f"the backtest is {job.status}: there are no trades to export", code=job.status)
        answer = HttpResponse(trades_csv(job), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="backtest-{job.pk}.csv"'
        return answer


def trades_csv(job: Backtest) -> str:
    """Return the trades of a finished backtest as CSV with a header; an absent value is an empty field."""
    text = StringIO()
    writer = csv.DictWriter(text, list(shapes.BacktestTrade.__annotations__))
    writer.writeheader()
    writer.writerows(job.result["trades"])
    return text.getvalue()
