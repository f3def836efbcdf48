"""Risk over REST: limits, sizes and stops, the paper portfolio and what it may lose."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from engine.timeframes import INTERVAL_MS
from market.feeds import current_market
from market.models import Instrument
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import Conflict, finite, invalid
from rest.fields import NumberField, StrictSerializer, SymbolField, SymbolsField
from rest.pages import PageQuery, Pages
from rest.views import View
from risk import calculating, services, shapes, status
from risk.following import portfolio_of
from risk.limits import Bounds, Proposal, Unsound
from risk.measures import CONFIDENCE, METHOD, METHODS
from risk.models import EquityPoint, Limits, Order, Position, Protection
from risk.rows import order_json, point_json, policy_json, position_json, protection_json
from signals.api import NO_SCORE, ScoringView, known_instruments
from signals.shapes import Loading

MOST = 1e15  # of a price or an amount: beyond it products of two are no numbers any more
SIDES = {"BULLISH": 1, "BUY": 1, "LONG": 1, "BEARISH": -1, "SELL": -1, "SHORT": -1}


def known(symbol: str, field: str = "symbol") -> Instrument:
    return known_instruments(current_market(), [symbol], field)[0]


class StatusView(View):
    """The paper portfolio, its risk, the limits and what keeps it from opening positions."""

    @endpoint(Permission.READ, shapes.RiskStatus)
    def get(self, request: Request) -> Response:
        return Response(status.status_json(current_market()))


class LimitsBody(StrictSerializer):
    """What is left out stays as it is."""

    max_risk_per_trade = NumberField(required=False)
    max_risk_per_day = NumberField(required=False)
    max_positions = serializers.IntegerField(required=False)
    max_correlation = NumberField(required=False)
    max_single_asset = NumberField(required=False)
    max_drawdown = NumberField(required=False)
    max_var_95 = NumberField(required=False)
    max_leverage = NumberField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (least, most) in services.RANGES.items():
            field: Any = self.fields[name]
            field.validators += [MinValueValidator(least), MaxValueValidator(most)]


class LimitsView(View):
    """The limits in force. PUT stores a new version of them."""

    @endpoint(Permission.READ, shapes.VersionedLimits)
    def get(self, request: Request) -> Response:
        return Response(services.limits_json())

    @endpoint(Permission.LIMITS, shapes.VersionedLimits, body=LimitsBody)
    def put(self, request: Request) -> Response:
        try:
            services.set_limits(self.body(LimitsBody), by=request.user)
        except services.Refused as refused:
            raise invalid(refused.field, str(refused), refused.code) from refused
        return Response(services.limits_json())


class LimitsHistoryView(View):
    """Every version of the limits, newest first: who and when."""

    @endpoint(Permission.READ, shapes.LimitsHistory)
    def get(self, request: Request) -> Response:
        return Response({"versions": [_version(one) for one in Limits.objects.select_related("created_by")]})


def _version(one: Limits) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in Bounds._fields},
        "version": one.version,
        "created_at": one.created_at.isoformat().replace("+00:00", "Z"),
        "created_by": one.created_by.get_username() if one.created_by else None,
    }


class PositionSizeBody(StrictSerializer):
    """direction: by default long where the stop lies below the entry. equity: of an account that holds nothing; by
    default the paper portfolio. step, min_notional: by default the symbol's.
    """

    symbol = SymbolField()
    entry_price = NumberField(max_value=MOST)
    stop_loss = NumberField(max_value=MOST)
    equity = NumberField(max_value=MOST, required=False)
    direction = serializers.ChoiceField(choices=list(SIDES), required=False)
    quantity = NumberField(max_value=MOST, required=False)
    step = NumberField(min_value=0, max_value=MOST, required=False)
    min_notional = NumberField(min_value=0, max_value=MOST, required=False)


class PositionSizeView(View):
    """How much of a symbol the limits allow at this entry and stop, beside what the paper portfolio holds."""

    @endpoint(Permission.READ, shapes.PositionSize, body=PositionSizeBody)
    def post(self, request: Request) -> Response:
        body, market = self.body(PositionSizeBody), current_market()
        instrument, entry, stop = known(body["symbol"]), body["entry_price"], body["stop_loss"]
        side = SIDES[body["direction"]] if "direction" in body else (1 if stop <= entry else -1)
        least = body.get("step", instrument.step), body.get("min_notional", instrument.min_notional)
        proposal = Proposal(instrument.symbol, side, entry, stop, body.get("quantity"), *least)
        try:
            return Response(calculating.size_json(market, instrument, proposal, body.get("equity")))
        except Unsound as error:
            raise invalid(error.field, str(error), "unsound") from error


class StopLossBody(StrictSerializer):
    symbol = SymbolField()
    direction = serializers.ChoiceField(choices=list(SIDES))
    entry_price = NumberField(max_value=MOST, required=False)
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS), required=False)

    def validate_entry_price(self, price: float) -> float:
        if price <= 0.0:
            raise serializers.ValidationError(f"must be a price above 0, was {price:g}", code="unsound")
        return price


class StopLossView(ScoringView):
    """A stop from ATR and the nearest confirmed swing, whichever protects, and targets at multiples of its distance."""

    @endpoint(Permission.READ, body=StopLossBody, answers={200: shapes.StopLoss, 202: Loading}, refuses={409: NO_SCORE})
    def post(self, request: Request) -> Response:
        body = self.body(StopLossBody)
        side, entry = SIDES[body["direction"]], body.get("entry_price")
        try:
            found = calculating.stop_json(current_market(), known(body["symbol"]), side, entry, body.get("timeframe"))
        except calculating.NoStop as none:
            raise Conflict(str(none), code=none.code) from none
        return Response(found)


CorrelationBody: Any = type(
    "CorrelationBody",
    (StrictSerializer,),
    {
        "__doc__": "``with``: the symbols to compare with.",
        "__module__": __name__,
        "symbol": SymbolField(),
        "with": SymbolsField(),  # a word of Python's own
    },
)


class CorrelationView(View):
    """Correlations of a symbol's returns with others', each against ``max_correlation``."""

    @endpoint(Permission.READ, shapes.CorrelationCheck, body=CorrelationBody)
    def post(self, request: Request) -> Response:
        body, market = self.body(CorrelationBody), current_market()
        names = [symbol for symbol in body["with"] if symbol != body["symbol"]]
        if not names:
            raise invalid("with", "name at least one other symbol", "required")
        others = known_instruments(market, names, "with")
        return Response(calculating.correlation_json(market, known(body["symbol"]), others))


class AssessmentView(View):
    """The paper portfolio's exposures by asset, direction and cluster, its beta, correlations and value at risk."""

    @endpoint(Permission.READ, shapes.PortfolioAssessment)
    def get(self, request: Request) -> Response:
        return Response(status.assessment_json(current_market()))


class VarQuery(StrictSerializer):
    confidence = serializers.FloatField(min_value=0.5, max_value=0.999, default=CONFIDENCE)
    method = serializers.ChoiceField(choices=list(METHODS), default=METHOD)

    def validate_confidence(self, value: float) -> float:
        return finite(value)


class VarView(View):
    """Value at risk and expected shortfall of the paper portfolio, by every method."""

    query_serializer = VarQuery

    @endpoint(Permission.READ, shapes.ValueAtRisk)
    def get(self, request: Request) -> Response:
        return Response(status.var_json(current_market(), self.query["confidence"], self.query["method"]))


class ResetDailyView(View):
    """Let the day's loss counter start again."""

    @endpoint(Permission.RISK, shapes.RiskStatus, body=StrictSerializer, body_required=False)
    def post(self, request: Request) -> Response:
        self.body(StrictSerializer)
        services.reset_daily(current_market())
        return Response(status.status_json(current_market()))


class PolicyBody(StrictSerializer):
    """How the portfolio trades; what is left out stays."""

    follows = serializers.BooleanField(required=False)
    fee = NumberField(min_value=0, max_value=0.1, required=False)
    slippage = NumberField(min_value=0, max_value=0.1, required=False)
    target_r = NumberField(min_value=0, max_value=1000, required=False)
    shorts = serializers.BooleanField(required=False)


class PolicyView(View):
    """How the paper portfolio trades: whether it follows signals, its costs, its stops and targets."""

    @endpoint(Permission.READ, shapes.PaperPolicy)
    def get(self, request: Request) -> Response:
        return Response(policy_json(portfolio_of(current_market())))

    @endpoint(Permission.LIMITS, shapes.PaperPolicy, body=PolicyBody)
    def patch(self, request: Request) -> Response:
        return Response(policy_json(services.configure(current_market(), self.body(PolicyBody))))


class PositionsQuery(PageQuery):
    status = serializers.ChoiceField(choices=["open", "closed"], required=False)
    symbol = SymbolField(required=False)


class PositionsView(View):
    """Positions of the paper portfolio, newest first; closed ones are its trades."""

    query_serializer = PositionsQuery

    @endpoint(Permission.READ, shapes.PaperPositionPage)
    def get(self, request: Request) -> Response:
        rows = Position.objects.filter(portfolio=portfolio_of(current_market())).select_related("instrument")
        if "symbol" in self.query:
            rows = rows.filter(instrument=known(self.query["symbol"]))
        if "status" in self.query:
            is_open = {"how": Position.How.OPEN}
            rows = rows.filter(**is_open) if self.query["status"] == "open" else rows.exclude(**is_open)
        pages = Pages("-entered_at", "-id")
        return pages.get_paginated_response(list(map(position_json, pages.paginate_queryset(rows, request, self))))


class OrdersQuery(PageQuery):
    status = serializers.ChoiceField(choices=Order.Status.choices, required=False)
    symbol = SymbolField(required=False)


class OrderBody(StrictSerializer):
    """side FLAT closes what is open. quantity: by default as much as the limits allow."""

    symbol = SymbolField()
    side = serializers.ChoiceField(choices=["LONG", "SHORT", "FLAT"])
    stop_loss = NumberField(max_value=MOST, required=False)
    take_profit = NumberField(max_value=MOST, required=False)
    quantity = NumberField(max_value=MOST, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        extra = [name for name in ("stop_loss", "take_profit", "quantity") if name in data]
        if data["side"] == "FLAT" and extra:
            raise invalid(extra[0], "a position is closed whole, at the next open")
        return data


class OrdersView(View):
    """What signals and people asked of the paper portfolio, and what became of it. POST opens or closes by hand."""

    query_serializer = OrdersQuery

    @endpoint(Permission.READ, shapes.PaperOrderPage)
    def get(self, request: Request) -> Response:
        rows = Order.objects.filter(portfolio=portfolio_of(current_market())).select_related("instrument")
        if "symbol" in self.query:
            rows = rows.filter(instrument=known(self.query["symbol"]))
        if "status" in self.query:
            rows = rows.filter(status=self.query["status"])
        pages = Pages("-placed_at", "-id")
        return pages.get_paginated_response(list(map(order_json, pages.paginate_queryset(rows, request, self))))

    @endpoint(Permission.RISK, body=OrderBody, answers={201: shapes.PaperOrder})
    def post(self, request: Request) -> Response:
        body = self.body(OrderBody)
        side = {"LONG": 1, "SHORT": -1, "FLAT": 0}[body["side"]]
        wish = services.Wish(side, body.get("stop_loss"), body.get("take_profit"), body.get("quantity"))
        try:
            order = services.place(current_market(), known(body["symbol"]), wish)
        except (services.Refused, Unsound) as error:
            field = "stop_loss" if error.field == "entry_price" else error.field
            raise invalid(field, str(error), getattr(error, "code", "unsound")) from error
        return Response(order_json(order), status=201)


class OrderView(View):
    """Take back an order that still waits for its bar."""

    @endpoint(Permission.RISK, shapes.PaperOrder, refuses={409: "it is decided already"})
    def delete(self, request: Request, order_id: int) -> Response:
        try:
            return Response(order_json(services.cancel(current_market(), order_id)))
        except (Order.DoesNotExist, OverflowError) as error:
            raise Http404(f"there is no order {order_id}") from error
        except services.Refused as refused:
            raise Conflict(str(refused), code=refused.code) from refused


class EquityView(View):
    """What the paper portfolio was worth, newest first: each hour while something was open, and at each trade."""

    query_serializer = PageQuery

    @endpoint(Permission.READ, shapes.PaperEquityPage)
    def get(self, request: Request) -> Response:
        pages = Pages("-ts")
        rows = EquityPoint.objects.filter(portfolio=portfolio_of(current_market()))
        return pages.get_paginated_response(list(map(point_json, pages.paginate_queryset(rows, request, self))))


class ProtectionsQuery(PageQuery):
    active = serializers.BooleanField(required=False)


class ProtectionsView(View):
    """Cooldowns and pauses, newest first; ``active=true`` for those in force."""

    query_serializer = ProtectionsQuery

    @endpoint(Permission.READ, shapes.RiskProtectionPage)
    def get(self, request: Request) -> Response:
        market = current_market()
        rows = Protection.objects.filter(portfolio=portfolio_of(market)).select_related("instrument")
        if self.query.get("active"):
            rows = rows.at(market.position or 0)
        pages = Pages("-since", "-id")
        return pages.get_paginated_response(list(map(protection_json, pages.paginate_queryset(rows, request, self))))


class ProtectionView(View):
    """Lift a protection: positions may be opened again at once."""

    @endpoint(Permission.RISK, shapes.RiskProtection, refuses={409: "it is over already"})
    def delete(self, request: Request, protection_id: int) -> Response:
        try:
            return Response(protection_json(services.lift(current_market(), protection_id)))
        except (Protection.DoesNotExist, OverflowError) as error:
            raise Http404(f"there is no protection {protection_id}") from error
        except services.Refused as refused:
            raise Conflict(str(refused), code=refused.code) from refused
