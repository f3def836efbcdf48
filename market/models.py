"""What is known of the market: who trades, which series there are, their bars and their holes."""

import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q

from engine.timeframes import INTERVAL_MS


class Market(models.Model):
    """One market as configured: a simulation of one seed, a replay of one folder, or an exchange.

    Each has its own instruments, clock, numbering and epoch, so changing MARKET_SOURCE never mixes two worlds.
    """

    key = models.CharField(max_length=500, unique=True, help_text="what MARKET_SOURCE and its settings amount to")
    source = models.CharField(max_length=40, help_text="simulated, replay or the exchange: as told on the wire")
    epoch = models.UUIDField(default=uuid.uuid4, help_text="changes only when signals are numbered anew")
    position = models.BigIntegerField(null=True, help_text="market time, ms: the last grid point that is done")
    next_move_at = models.FloatField(default=0.0, help_text="wall time, s: when the player moves on, at the earliest")
    last_close = models.BigIntegerField(null=True, help_text="market time, ms: close of the newest stored bar")
    ended = models.BooleanField(default=False)
    state = models.JSONField(default=dict, help_text="what the feed needs to go on after a restart")

    def __str__(self) -> str:
        return self.key


class Instrument(models.Model):
    """A symbol of one market, in exchange style: BTCUSDT."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="instruments")
    symbol = models.CharField(max_length=40)

    class Meta:
        ordering = ("symbol",)
        constraints = [models.UniqueConstraint("market", "symbol", name="instrument_once_per_market")]

    def __str__(self) -> str:
        return self.symbol


class Series(models.Model):
    """One instrument on one timeframe."""

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="series")
    timeframe = models.CharField(max_length=3, choices=[(t, t) for t in INTERVAL_MS])
    first_open = models.BigIntegerField(help_text="ms: open of the first bar there ever was, stored or not")
    ended_at = models.BigIntegerField(null=True, blank=True, help_text="ms: close of the last bar there will be")

    class Meta:
        verbose_name_plural = "series"
        constraints = [models.UniqueConstraint("instrument", "timeframe", name="series_once_per_timeframe")]

    def __str__(self) -> str:
        return f"{self.instrument} {self.timeframe}"

    @property
    def interval_ms(self) -> int:
        return INTERVAL_MS[self.timeframe]


class CandleQuerySet(models.QuerySet["Candle"]):
    def opening(self, start_ms: int, end_ms: int) -> Self:
        """Bars that open in [start_ms, end_ms)."""
        return self.filter(open_time__gte=start_ms, open_time__lt=end_ms)


class Candle(models.Model):
    """A closed bar. Float columns: what is scored is what was stored, bit for bit."""

    pk = models.CompositePrimaryKey("series_id", "open_time")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, db_index=False)
    open_time = models.BigIntegerField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    taker_buy_volume = models.FloatField(null=True)

    objects = CandleQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(low__gt=0, high__gte=F("low")), name="candle_has_prices")]

    def __str__(self) -> str:
        return f"{self.series_id} {self.open_time}"


class Hole(models.Model):
    """A stretch of a series without bars, and why."""

    class Reason(models.TextChoices):
        MISSING = "missing", "not fetched yet"
        NO_TRADES = "no_trades", "the source leaves out empty bars"
        OUTAGE = "outage", "the exchange was down"
        CLOSED = "closed", "the market was closed"

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="holes")
    start = models.BigIntegerField(help_text="ms: open of the first bar that is not there")
    end = models.BigIntegerField(help_text="ms: open of the first bar that is there again")
    reason = models.CharField(max_length=10, choices=Reason)

    class Meta:
        ordering = ("series", "start")
        constraints = [
            models.UniqueConstraint("series", "start", name="hole_once_per_start"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="hole_has_length"),
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.reason}"
