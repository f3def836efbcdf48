"""What is known of the market."""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from engine.timeframes import INTERVAL_MS
from engine.window import COLUMNS
from market import shapes
from market.feeds import current_market
from market.models import Candle, Hole, Series
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import invalid
from rest.fields import StrictSerializer, SymbolField
from rest.views import View

MAX_CANDLES = 2000


class SymbolsView(View):
    """Symbols of the market with their timeframes."""

    @endpoint(Permission.READ, shapes.SymbolList)
    def get(self, request: Request) -> Response:
        market = current_market()
        by_symbol: dict[str, list[dict[str, Any]]] = {}
        series = Series.objects.filter(instrument__market=market).select_related("instrument")
        for one in sorted(series, key=lambda s: (s.instrument.symbol, s.interval_ms)):
            facts = {"timeframe": one.timeframe, "first_open": one.first_open, "ended_at": one.ended_at}
            by_symbol.setdefault(one.instrument.symbol, []).append(facts)
        symbols = [{"symbol": symbol, "series": facts} for symbol, facts in by_symbol.items()]
        return Response({"source": market.source, "now": market.position, "symbols": symbols})


class SeriesView(View):
    """How far each series is, and what it lacks."""

    @endpoint(Permission.READ, shapes.SeriesList)
    def get(self, request: Request) -> Response:
        market = current_market()
        newest = Candle.objects.filter(series=OuterRef("pk")).order_by("-open_time").values("open_time")[:1]
        series = Series.objects.filter(instrument__market=market).select_related("instrument")
        holes = _holes_of(Hole.objects.filter(series__instrument__market=market))
        rows = [
            {
                "symbol": one.instrument.symbol,
                "timeframe": one.timeframe,
                "last_close": None if one.last_open is None else one.last_open + one.interval_ms,
                "ended_at": one.ended_at,
                "holes": holes.get(one.pk, {}),
            }
            for one in sorted(
                series.annotate(last_open=Subquery(newest)), key=lambda s: (s.instrument.symbol, s.interval_ms)
            )
        ]
        return Response({"source": market.source, "now": market.position, "series": rows})


def _holes_of(holes: QuerySet[Hole]) -> dict[int, dict[str, int]]:
    """Return by series how many holes it has of each reason."""
    found: dict[int, dict[str, int]] = {}
    for series, reason, count in holes.values_list("series_id", "reason").annotate(count=Count("pk")).order_by():
        found.setdefault(series, {})[reason] = count
    return found


class CandlesQuery(StrictSerializer):
    symbol = SymbolField()
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS))
    limit = serializers.IntegerField(min_value=1, max_value=MAX_CANDLES, default=500)


class CandlesView(View):
    """Stored closed candles of one series, oldest first."""

    query_serializer = CandlesQuery

    @endpoint(Permission.READ, shapes.CandleList)
    def get(self, request: Request) -> Response:
        market = current_market()
        symbol, timeframe = self.query["symbol"], self.query["timeframe"]
        found = Series.objects.filter(instrument__market=market, instrument__symbol=symbol)
        if not found.exists():
            raise invalid("symbol", f"{symbol} is not known to this market", "unknown_symbol")
        series = found.filter(timeframe=timeframe).first()
        if series is None:
            raise invalid("timeframe", f"{symbol} has no {timeframe} candles", "unknown_timeframe")
        closed = Candle.objects.filter(series=series, open_time__lte=(market.position or 0) - series.interval_ms)
        rows = closed.order_by("-open_time").values("open_time", *COLUMNS)[: self.query["limit"]]
        return Response(
            {"symbol": symbol, "timeframe": timeframe, "source": market.source, "candles": list(reversed(rows))}
        )


class ClosesQuery(StrictSerializer):
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS))
    limit = serializers.IntegerField(min_value=1, max_value=200, default=48)


class ClosesView(View):
    """The closes of every symbol's last ``limit`` intervals, oldest first: small pictures for a whole table."""

    query_serializer = ClosesQuery

    @endpoint(Permission.READ, shapes.Closes)
    def get(self, request: Request) -> Response:
        market, timeframe = current_market(), self.query["timeframe"]
        last_open = (market.position or 0) - INTERVAL_MS[timeframe]
        since = last_open - self.query["limit"] * INTERVAL_MS[timeframe]
        rows = Candle.objects.filter(
            series__instrument__market=market,
            series__timeframe=timeframe,
            open_time__gt=since,
            open_time__lte=last_open,
        ).order_by("series_id", "open_time")
        closes: dict[str, list[float]] = {}
        for symbol, close in rows.values_list("series__instrument__symbol", "close"):
            closes.setdefault(symbol, []).append(close)
        return Response({"timeframe": timeframe, "source": market.source, "closes": closes})
