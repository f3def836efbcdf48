"""Outcomes over REST: one, a list, and the record."""

import hashlib
import uuid
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, FloatField, Max, Q, Value
from django.db.models.functions import Abs
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from engine.catalogue import DETECTORS
from engine.timeframes import INTERVAL_MS
from market.feeds import current_market
from market.models import Instrument, Market
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import invalid
from rest.fields import MomentField, StrictSerializer, SymbolField
from rest.pages import PageQuery, Pages
from rest.views import View
from signals.outcomes import record, shapes
from signals.outcomes.models import Outcome, OutcomeQuerySet

MOST = 20_000  # outcomes behind one record: the newest ones
KEPT_S = 300


class FilterQuery(StrictSerializer):
    """Which outcomes; ``min_score`` is a distance, as for signals."""

    symbol = SymbolField(required=False)
    direction = serializers.ChoiceField(choices=["BULLISH", "BEARISH"], required=False)
    advice = serializers.ChoiceField(choices=["BUY", "SELL", "HOLD"], required=False)
    preset = serializers.CharField(max_length=40, required=False)
    min_score = serializers.FloatField(min_value=0.5, max_value=1, required=False)
    since = MomentField(required=False)
    until = MomentField(required=False)


class ListQuery(FilterQuery, PageQuery):
    outcome = serializers.ChoiceField(choices=Outcome.How.choices, required=False)


class RecordQuery(FilterQuery):
    """``fee``: of each fill, instead of the one that the outcomes were followed with."""

    detector = serializers.ChoiceField(choices=list(DETECTORS), required=False)
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS), required=False)
    fee = serializers.FloatField(min_value=0, max_value=0.1, required=False)


FILTERS = {
    "symbol": "signal__instrument__symbol",
    "direction": "signal__direction",
    "advice": "signal__advice",
    "preset": "signal__preset_version__preset__name",
    "since": "signal__as_of__gte",
    "until": "signal__as_of__lt",
    "outcome": "how",
}


def chosen(market: Market, query: dict[str, Any]) -> OutcomeQuerySet:
    """Return the outcomes that a checked query asks for. Raises ValidationError for an unknown symbol."""
    if "symbol" in query and not Instrument.objects.filter(market=market, symbol=query["symbol"]).exists():
        raise invalid("symbol", f"not known to this market: {query['symbol']}", "unknown_symbol")
    wanted = {FILTERS[name]: value for name, value in query.items() if name in FILTERS}
    rows = Outcome.objects.of_market(market).filter(**wanted)
    if "min_score" in query:
        middle = Value(0.5, output_field=FloatField())
        rows = rows.annotate(distance=Abs(F("signal__score") - middle)).filter(distance__gte=query["min_score"] - 0.5)
    rows = rows.select_related("series", "signal__instrument", "signal__preset_version__preset")
    return rows.defer("signal__timeframes")


def row_json(row: Outcome) -> dict[str, Any]:
    """Return an outcome as lists have it."""
    signal = row.signal
    return {
        "id": str(signal.pk),
        "symbol": signal.instrument.symbol,
        "seq": signal.seq,
        "ts": signal.as_of,
        "direction": signal.direction,
        "score": signal.score,
        "probability": signal.probability,
        "preset": signal.preset_version.preset.name,
        "timeframe": row.series.timeframe,
        "outcome": row.how,
        "entry_ts": row.entered_at,
        "known_ts": row.known_at,
        "entry_price": row.entry,
        "stop_price": row.stop,
        "target_price": row.target,
        "exit_price": row.exit,
        "bars": row.bars,
        "best_r": row.best,
        "worst_r": row.worst,
        "r": row.r,
        "percent": row.percent,
        "fee": row.fee,
        "slippage": row.slippage,
    }


class OutcomesView(View):
    """What became of signals, newest first."""

    query_serializer = ListQuery

    @endpoint(Permission.READ, shapes.OutcomePage)
    def get(self, request: Request) -> Response:
        rows = chosen(current_market(), self.query).annotate(
            ts=F("signal__as_of"), symbol=F("signal__instrument__symbol")
        )
        pages = Pages("-ts", "symbol")
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response([row_json(row) for row in page])


class OutcomeView(View):
    """What became of one signal."""

    @endpoint(Permission.READ, shapes.OutcomeRow)
    def get(self, request: Request, signal_id: uuid.UUID) -> Response:
        row = chosen(current_market(), {}).filter(pk=signal_id).first()
        if row is None:
            raise Http404(f"there is no signal {signal_id} with a direction that is followed")
        return Response(row_json(row))


class RecordView(View):
    """Were the signals right? Hit rates and expectancy beside random entries, and how well probabilities were kept."""

    query_serializer = RecordQuery

    @endpoint(Permission.READ, shapes.Record)
    def get(self, request: Request) -> Response:
        return Response(record_of(current_market(), self.query))


def record_of(market: Market, query: dict[str, Any]) -> dict[str, Any]:
    """Return the Record of the outcomes that ``query`` asks for, kept until another outcome is known."""
    rows = chosen(market, query)
    counts = rows.aggregate(
        open=Count("pk", filter=Q(how="open")),
        void=Count("pk", filter=Q(how="void")),
        newest=Max("known_at"),
        n=Count("pk"),
    )
    asked = f"{market.epoch} {sorted(query.items())} {sorted(counts.items())}"
    key = f"record:{hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()}"
    found = cache.get(key)
    if found is None:
        found = _record(rows, query) | {"open": counts["open"], "void": counts["void"]}
        cache.set(key, found, KEPT_S)
    return found


def _record(rows: OutcomeQuerySet, query: dict[str, Any]) -> dict[str, Any]:
    newest = list(rows.ended().order_by("-known_at")[:MOST])
    if "detector" in query:
        newest = [row for row in newest if query["detector"] in row.detectors]
    if "timeframe" in query:
        newest = [row for row in newest if query["timeframe"] in row.timeframes]
    counted = record.ended(newest, query.get("fee"))
    # Probabilities are of hits after the fee that the outcomes were followed with.
    said = [
        (row.signal.probability, row.r > 0.0)
        for row in newest
        if row.signal.probability is not None and row.r is not None
    ]
    return {
        "overall": record.summary(counted),
        "groups": record.groups(counted),
        "calibration": record.reliability(said),
    }
