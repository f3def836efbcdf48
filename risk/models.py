"""Limits and their versions; the paper portfolio: what it was asked, what it holds and held, what it was worth."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from market.models import Instrument, Market, Series
from signals.models import Signal


class Limits(models.Model):
    """What a position and the portfolio may come to. A version never changes; the newest counts."""

    version = models.PositiveIntegerField(unique=True)
    max_risk_per_trade = models.FloatField(help_text="share of the equity that one stop may cost")
    max_risk_per_day = models.FloatField(help_text="share of the equity: the day's losses and all open stops together")
    max_positions = models.PositiveIntegerField()
    max_correlation = models.FloatField(help_text="positions correlated above it count as one bet")
    max_single_asset = models.FloatField(help_text="notional of one symbol, as a share of the equity")
    max_drawdown = models.FloatField(help_text="share of the highest equity; beyond it nothing is opened")
    max_var_95 = models.FloatField(help_text="share of the equity, one hour ahead")
    max_leverage = models.FloatField(help_text="notional of all positions, as a multiple of the equity")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("-version",)
        verbose_name_plural = "limits"

    def __str__(self) -> str:
        return f"limits v{self.version}"


class Portfolio(models.Model):
    """The paper portfolio of one market. Its row is locked while it is advanced; ``processed`` says how far it is."""

    market = models.OneToOneField(Market, on_delete=models.CASCADE, related_name="portfolio")
    follows = models.BooleanField(default=True, help_text="opens and closes positions as signals say")
    initial_equity = models.FloatField(default=10_000.0)
    fee = models.FloatField(default=0.0005, help_text="of each fill, a share of the notional")
    slippage = models.FloatField(default=0.001, help_text="of a market order or a stop, a share of the price")
    target_r = models.FloatField(default=2.0, help_text="distance of the target in distances of the stop; 0: none")
    shorts = models.BooleanField(default=True)
    cash = models.FloatField(default=10_000.0, help_text="quote asset; a sale adds its proceeds, also of a short")
    peak = models.FloatField(default=10_000.0, help_text="the highest equity there was")
    limit_peak = models.FloatField(
        default=10_000.0, help_text="the highest equity since the last pause after a drawdown ended"
    )
    processed = models.BigIntegerField(null=True, help_text="ms of market time: bars that close by then are done")
    counted_from = models.BigIntegerField(default=0, help_text="ms: losses before do not count for the day")

    def __str__(self) -> str:
        return f"paper portfolio of {self.market}"


class Position(models.Model):
    """What was bought or sold short, open or closed: a closed one is a trade. Never changed once it is closed."""

    class How(models.TextChoices):
        OPEN = "open"
        SIGNAL = "signal", "a signal said so"
        STOP = "stop", "reached its stop"
        TARGET = "target", "reached its target"
        HAND = "hand", "closed by hand"
        ENDED = "ended", "its series is over"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="positions")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, help_text="whose bars it is followed on")
    signal = models.ForeignKey(Signal, null=True, on_delete=models.SET_NULL, related_name="+")
    side = models.SmallIntegerField(help_text="1 long, -1 short")
    quantity = models.FloatField(help_text="base asset")
    entry = models.FloatField(help_text="fill price")
    entered_at = models.BigIntegerField(help_text="ms of market time: open of the bar it was filled at")
    stop = models.FloatField()
    target = models.FloatField(null=True)
    mark = models.FloatField(help_text="the last close")
    funding = models.FloatField(default=0.0, help_text="received (paid: negative), quote asset")
    funded_until = models.BigIntegerField(help_text="ms: funding of up to this time is settled")
    fees = models.FloatField(help_text="of the fills so far, quote asset")
    bars = models.PositiveIntegerField(default=0, help_text="closes it was held over")
    how = models.CharField(max_length=6, choices=How, default=How.OPEN)
    exit = models.FloatField(null=True, help_text="fill price")
    exited_at = models.BigIntegerField(
        null=True, help_text="ms: open of the bar whose open filled it, close of the bar whose range did"
    )
    profit = models.FloatField(null=True, help_text="after fees and funding, quote asset")

    class Meta:
        ordering = ("-entered_at", "instrument_id")
        constraints = [
            models.UniqueConstraint(
                "portfolio", "instrument", condition=Q(how="open"), name="one_open_position_a_symbol"
            ),
        ]
        indexes = [models.Index("portfolio", "exited_at", name="trades_by_time")]

    def __str__(self) -> str:
        return f"{'long' if self.side > 0 else 'short'} {self.quantity:g} {self.instrument} {self.how}"

    @property
    def risk(self) -> float:
        """What the stop would cost before fees, quote asset."""
        return max(self.side * (self.entry - self.stop), 0.0) * self.quantity

    @property
    def notional(self) -> float:
        """Worth at the last close, unsigned, quote asset."""
        return self.quantity * self.mark

    @property
    def unrealised(self) -> float:
        """What leaving at the last close without costs would add to what fees and funding came to."""
        return self.side * self.quantity * (self.mark - self.entry)


class OrderQuerySet(models.QuerySet["Order"]):
    def waiting(self) -> Self:
        return self.filter(status=Order.Status.WAITING)


class Order(models.Model):
    """What a signal or a person asked of the portfolio, and what became of it. A signal asks once."""

    class Status(models.TextChoices):
        WAITING = "waiting", "for its bar"
        FILLED = "filled"
        REJECTED = "rejected", "a limit or a protection said no"
        NOTHING = "nothing", "there was nothing to do"
        SUPERSEDED = "superseded", "a later one came before its bar"
        CANCELLED = "cancelled", "taken back by hand"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="orders")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, help_text="at whose bar's open it is filled")
    signal = models.OneToOneField(Signal, null=True, on_delete=models.SET_NULL, related_name="paper_order")
    intent = models.SmallIntegerField(help_text="as in engine.plan: 2 long, 1 no short, 0 out, -1 no long, -2 short")
    placed_at = models.BigIntegerField(help_text="ms of market time")
    fills_from = models.BigIntegerField(help_text="ms: the first bar that opens then or later fills it")
    stop = models.FloatField(null=True, blank=True, help_text="of the signal's plan, or asked for by hand")
    target = models.FloatField(null=True, blank=True, help_text="asked for by hand")
    quantity = models.FloatField(null=True, blank=True, help_text="by hand; null: as much as the limits allow")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    reason = models.CharField(max_length=500, blank=True)
    limits = models.JSONField(default=list, help_text="the limits that rejected it or sized it down")
    decided_at = models.BigIntegerField(null=True, help_text="ms: open of the bar that decided it")
    position = models.ForeignKey(Position, null=True, on_delete=models.SET_NULL, related_name="orders")
    by = models.CharField(max_length=200, blank=True, help_text="who asked, where no signal did")

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ("-placed_at", "-pk")
        indexes = [
            models.Index("portfolio", name="orders_waiting", condition=Q(status="waiting")),
            models.Index("portfolio", "placed_at", name="orders_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.intent} {self.status}"


class EquityPoint(models.Model):
    """What the portfolio was worth at a close: each hour while something is open, and where a position came or went."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="equity_points")
    ts = models.BigIntegerField(help_text="ms of market time")
    equity = models.FloatField()
    realised = models.FloatField(help_text="profit of all closed positions")
    unrealised = models.FloatField(help_text="of the open ones at this close, with their fees and funding")
    drawdown = models.FloatField(help_text="share of the highest equity before")
    positions = models.PositiveIntegerField()

    class Meta:
        ordering = ("-ts",)
        constraints = [models.UniqueConstraint("portfolio", "ts", name="equity_once_a_close")]

    def __str__(self) -> str:
        return f"{self.ts} {self.equity:.2f}"


class ProtectionQuerySet(models.QuerySet["Protection"]):
    def at(self, ms: int) -> Self:
        """Those in force at a market time."""
        return self.filter(since__lte=ms, until__gt=ms, lifted_at=None)


class Protection(models.Model):
    """A time in which nothing is opened, for a symbol or at all. It ends by itself or is lifted by an operator."""

    class Kind(models.TextChoices):
        SYMBOL = "symbol_cooldown", "a symbol rests after a loss"
        OVERALL = "cooldown", "everything rests after losses in a row"
        DRAWDOWN = "drawdown_pause", "a pause after a drawdown"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="protections")
    kind = models.CharField(max_length=16, choices=Kind)
    instrument = models.ForeignKey(Instrument, null=True, on_delete=models.CASCADE)
    since = models.BigIntegerField(help_text="ms of market time")
    until = models.BigIntegerField(help_text="ms of market time")
    reason = models.CharField(max_length=300)
    lifted_at = models.BigIntegerField(null=True, help_text="ms of market time")
    lifted_by = models.CharField(max_length=200, blank=True)
    over = models.BooleanField(default=False, help_text="its end was taken note of")

    objects = ProtectionQuerySet.as_manager()

    class Meta:
        ordering = ("-since", "-pk")
        indexes = [models.Index("portfolio", "until", name="protections_by_end")]

    def __str__(self) -> str:
        return f"{self.kind} until {self.until}"
