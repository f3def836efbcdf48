"""Scores, the scanner, and the stored signals."""

import time
from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Abs
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from engine.timeframes import DEFAULT_TIMEFRAMES, INTERVAL_MS
from market.feeds import current_market
from market.models import Instrument, Market
from market.windows import NoScore
from presets.fields import WeightsField
from presets.models import PresetVersion, WeightPreset
from presets.services import active_version
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import Conflict, invalid
from rest.fields import MomentField, NumberField, StrictSerializer, SymbolField, SymbolsField
from rest.pages import PageQuery, Pages
from rest.symbols import normalise
from rest.views import View
from signals import scanner, shapes
from signals.explaining import explain
from signals.models import Advice, Direction, Signal, Stream
from signals.states import StillLoading
from signals.structure import structure_of, window_of

NO_SCORE = "there is no score; the code is the reason"


class RulesField(StrictSerializer):
    """Rules of a request or of the agent."""

    hysteresis = NumberField(min_value=0, max_value=1, required=False)
    step = NumberField(min_value=0, max_value=1, required=False)
    cooldown_s = NumberField(min_value=0, max_value=30 * 86400, required=False)
    min_confidence = NumberField(min_value=0, max_value=1, required=False)
    min_score = NumberField(min_value=0.5, max_value=1, required=False)


class TimeframesField(serializers.ListField):
    """Timeframes, each once, shortest first."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.ChoiceField(choices=list(INTERVAL_MS)), min_length=1, max_length=20, **kwargs
        )

    def to_internal_value(self, data: Any) -> list[str]:
        return scanner.ordered(super().to_internal_value(data))


class ScoreBody(StrictSerializer):
    symbol = SymbolField()
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS))
    preset = serializers.CharField(max_length=40, required=False)
    weights = WeightsField(required=False)


class ScanBody(StrictSerializer):
    symbols = SymbolsField()
    timeframes = TimeframesField()
    preset = serializers.CharField(max_length=40, required=False)
    weights = WeightsField(required=False)
    rules = RulesField(required=False)


def chosen_preset(body: dict[str, Any]) -> PresetVersion:
    """Return the newest version of the preset named in a body, else of the active one."""
    if "preset" not in body:
        return active_version()
    try:
        return WeightPreset.objects.visible().get(name=body["preset"]).newest()
    except WeightPreset.DoesNotExist as error:
        raise invalid("preset", f"there is no preset {body['preset']!r}", "unknown_preset") from error


def known_instruments(market: Market, symbols: list[str], field: str = "symbols") -> list[Instrument]:
    """Return the instruments in the order given. Raises ValidationError naming the unknown ones."""
    found = {i.symbol: i for i in Instrument.objects.filter(market=market, symbol__in=symbols)}
    unknown = [symbol for symbol in symbols if symbol not in found]
    if unknown:
        shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise invalid(field, f"not known to this market: {shown}", "unknown_symbol")
    return [found[symbol] for symbol in symbols]


class ScoringView(View):
    """A view that may have to wait for a worker: 202 with Retry-After until it has done."""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, StillLoading):
            waiting = {"status": "loading", "detail": "a worker loads what the agent does not watch: ask again"}
            return Response(waiting, status=202, headers={"Retry-After": "1"})
        return super().handle_exception(exc)


class ScoreView(ScoringView):
    """The score of one series, with every component and its reason."""

    @endpoint(
        Permission.READ, body=ScoreBody, answers={200: shapes.Score, 202: shapes.Loading}, refuses={409: NO_SCORE}
    )
    def post(self, request: Request) -> Response:
        body = self.body(ScoreBody)
        preset, market = chosen_preset(body), current_market()
        instruments = known_instruments(market, [body["symbol"]], "symbol")
        policy = scanner.policy_of(preset, body.get("weights"))
        result = scanner.scan(market, instruments, [body["timeframe"]], policy)[0]
        if body["timeframe"] in result.skipped:
            none = result.skipped[body["timeframe"]]
            raise Conflict(none.detail, code=none.reason)
        return Response(scanner.score_json(result, body["timeframe"], policy, preset))


class ScannerRunView(ScoringView):
    """Score symbols now and rank them by their distance from neutral."""

    @endpoint(Permission.SCAN, body=ScanBody, answers={200: shapes.ScannerResponse, 202: shapes.Loading})
    def post(self, request: Request) -> Response:
        started = time.perf_counter()
        body = self.body(ScanBody)
        preset, market, rules = chosen_preset(body), current_market(), body.get("rules", {})
        instruments = known_instruments(market, body["symbols"])
        policy = scanner.policy_of(preset, body.get("weights"), rules.get("min_confidence"))
        results = scanner.scan(market, instruments, body["timeframes"], policy)
        return Response(scanner.scan_json(results, started, preset.preset.name, rules))


class ScannerSymbolQuery(StrictSerializer):
    timeframes = serializers.CharField(max_length=100, required=False)

    def validate_timeframes(self, text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        unknown = [name for name in names if name not in INTERVAL_MS]
        if unknown or not names:
            raise serializers.ValidationError(
                f"{unknown[0] if unknown else text!r} is no timeframe; known are {', '.join(INTERVAL_MS)}"
            )
        return scanner.ordered(names)


class ScannerSymbolView(ScoringView):
    """One symbol's ScanItem."""

    query_serializer = ScannerSymbolQuery

    @endpoint(Permission.READ, answers={200: shapes.ScanItem, 202: shapes.Loading}, refuses={409: NO_SCORE})
    def get(self, request: Request, symbol: str) -> Response:
        market = current_market()
        instrument = Instrument.objects.filter(market=market, symbol=normalise(symbol)).first()
        if instrument is None:
            raise Http404(f"{symbol[:40]} is not known to this market")
        preset = active_version()
        timeframes = self.query.get("timeframes") or list(DEFAULT_TIMEFRAMES)
        result = scanner.scan(market, [instrument], timeframes, preset.policy())[0]
        if result.score is None:
            reasons = [f"{t}: {none.reason} ({none.detail})" for t, none in result.skipped.items()]
            raise Conflict("; ".join(reasons), code=next(iter(result.skipped.values())).reason)
        return Response(scanner.item(1, result))


class StructureQuery(StrictSerializer):
    symbol = SymbolField()
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS))


class StructureView(View):
    """Swings and levels of one series, as the detectors see them at its newest close."""

    query_serializer = StructureQuery

    @endpoint(Permission.READ, shapes.Structure, refuses={409: NO_SCORE})
    def get(self, request: Request) -> Response:
        market, timeframe = current_market(), self.query["timeframe"]
        instrument = known_instruments(market, [self.query["symbol"]], "symbol")[0]
        window = window_of(market, instrument, timeframe)
        if isinstance(window, NoScore):
            raise Conflict(window.detail, code=window.reason)
        as_of = int(window.open_times[-1]) + INTERVAL_MS[timeframe]
        facts = {"symbol": instrument.symbol, "timeframe": timeframe, "as_of": as_of}
        return Response(facts | structure_of(window))


class SignalQuery(PageQuery):
    symbol = SymbolField(required=False)
    direction = serializers.ChoiceField(choices=Direction.choices, required=False)
    advice = serializers.ChoiceField(choices=Advice.choices, required=False)
    min_score = serializers.FloatField(min_value=0.5, max_value=1, required=False)
    min_confidence = serializers.FloatField(min_value=0, max_value=1, required=False)
    since = MomentField(required=False)
    until = MomentField(required=False)
    preset = serializers.CharField(max_length=40, required=False)
    after_seq = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "after_seq" in attrs and "symbol" not in attrs:
            raise serializers.ValidationError({"after_seq": ["needs one symbol: numbers count per symbol"]})
        return attrs


FILTERS = {
    "symbol": "instrument__symbol",
    "direction": "direction",
    "advice": "advice",
    "min_confidence": "confidence__gte",
    "since": "as_of__gte",
    "until": "as_of__lt",
    "preset": "preset_version__preset__name",
    "after_seq": "seq__gt",
}


class SignalsView(View):
    """Stored signals, newest first. ``min_score`` is a distance: 0.7 finds scores from 0.7 and up to 0.3."""

    query_serializer = SignalQuery

    @endpoint(Permission.READ, shapes.SignalPage)
    def get(self, request: Request) -> Response:
        market, query = current_market(), self.query
        if "symbol" in query:
            known_instruments(market, [query["symbol"]], "symbol")
        found = Signal.objects.of_market(market).filter(
            **{FILTERS[name]: value for name, value in query.items() if name in FILTERS}
        )
        if "min_score" in query:
            found = found.annotate(distance=Abs(F("score") - Value(0.5))).filter(distance__gte=query["min_score"] - 0.5)
        pages = Pages("-as_of", "instrument__symbol")
        page = pages.paginate_queryset(found, request, self)
        return pages.get_paginated_response([signal_json(signal, market) for signal in page])


def signal_json(signal: Signal, market: Market) -> dict[str, Any]:
    """Return a signal as lists have it: the socket's message without its type, and what a table wants besides."""
    frame = signal.frame(market)
    del frame["type"]
    return frame | {
        "consensus": signal.consensus,
        "risk": scanner.risk_json(signal.atr, signal.atr_rank, signal.stop_distance, signal.disagreement),
        "preset_version": signal.preset_version.version,
        "created_at": signal.created_at.isoformat().replace("+00:00", "Z"),
    }


class LatestQuery(StrictSerializer):
    symbols = serializers.CharField(required=False)


class LatestView(View):
    """The newest signal of each symbol; ``symbols=BTCUSDT,ETHUSDT`` for some."""

    query_serializer = LatestQuery

    @endpoint(Permission.READ, shapes.LatestSignals)
    def get(self, request: Request) -> Response:
        market = current_market()
        found = Signal.objects.newest(market)
        if "symbols" in self.query:
            symbols = [normalise(s) for s in self.query["symbols"].split(",") if s]
            found = found.filter(instrument__in=known_instruments(market, symbols))
        return Response({"epoch": str(market.epoch), "results": [signal_json(s, market) for s in found]})


class DecisionsQuery(StrictSerializer):
    symbol = SymbolField(required=False)


class DecisionsView(View):
    """The last decision per symbol: told or not, and why, or what it lacked for a score."""

    query_serializer = DecisionsQuery

    @endpoint(Permission.READ, shapes.Decisions)
    def get(self, request: Request) -> Response:
        market = current_market()
        streams = Stream.objects.filter(instrument__market=market).exclude(decision={}).select_related("instrument")
        if "symbol" in self.query:
            streams = streams.filter(instrument__in=known_instruments(market, [self.query["symbol"]], "symbol"))
        rows = streams.order_by("instrument__symbol")
        return Response({"results": [{"symbol": s.instrument.symbol, **s.decision} for s in rows]})


def signal_or_404(signal_id: Any) -> Signal:
    try:
        return Signal.objects.select_related("instrument__market", "preset_version__preset").get(pk=signal_id)
    except Signal.DoesNotExist as error:
        raise Http404(f"there is no signal {signal_id}") from error


class SignalView(View):
    """One signal, with the components of every timeframe."""

    @endpoint(Permission.READ, shapes.SignalDetail)
    def get(self, request: Request, signal_id: Any) -> Response:
        signal = signal_or_404(signal_id)
        market = signal.instrument.market
        missing = [t for t in signal.configured if t not in signal.timeframes]
        detail = {
            "components": signal.timeframes,
            "missing": missing,
            "scoring_version": signal.scoring_version,
            "plan": signal.plan,
        }
        return Response(signal_json(signal, market) | detail)


class ExplainView(View):
    """A stored signal derived again from the stored candles: the same bits, or why not."""

    @endpoint(Permission.READ, shapes.Explanation)
    def get(self, request: Request, signal_id: Any) -> Response:
        return Response(explain(signal_or_404(signal_id)))
