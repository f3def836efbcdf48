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
    delivered = models.BigIntegerField(
        null=True, help_text="market time, ms: bars up to here are stored; the position follows when the tick is done"
    )
    delivered_at = models.DateTimeField(null=True, help_text="wall time of the last delivery")
    arrived = models.BigIntegerField(null=True, help_text="market time, ms: when bars last came in, on an exchange")
    roster = models.PositiveIntegerField(default=0, help_text="counts the changes of its instruments and series")
    blocked = models.CharField(max_length=200, blank=True, default="", help_text="why nothing is scored: the clock")
    next_move_at = models.FloatField(default=0.0, help_text="wall time, s: when the player moves on, at the earliest")
    last_close = models.BigIntegerField(null=True, help_text="market time, ms: close of the newest stored bar")
    ends_at = models.BigIntegerField(null=True, help_text="market time, ms: close of the last bar there will be")
    ended = models.BooleanField(default=False)
    corrections = models.PositiveBigIntegerField(default=0, help_text="the number of the last candle revision")
    state = models.JSONField(default=dict, help_text="what the feed needs to go on behind ``delivered``")

    def __str__(self) -> str:
        return self.key

    def move(self, until: int) -> bool:
        """Move the position to ``until``, which was delivered, if it is still where this object says; return whether.

        To be called in the transaction of what was done at ``until``.
        """
        mine = Market.objects.filter(pk=self.pk, position=self.position, delivered__gte=until)
        ended = self.ends_at is not None and until >= self.ends_at
        return mine.update(position=until, ended=ended) == 1


class Instrument(models.Model):
    """A symbol of one market, in exchange style: BTCUSDT."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="instruments")
    symbol = models.CharField(max_length=40)
    watched = models.BooleanField(default=True, help_text="in the universe now; on an exchange that may change daily")
    step = models.FloatField(default=0.0, help_text="of a quantity, base asset; 0: the source names none")
    min_notional = models.FloatField(default=0.0, help_text="of an order, quote asset; 0: the source names none")

    class Meta:
        ordering = ("symbol",)
        constraints = [models.UniqueConstraint("market", "symbol", name="instrument_once_per_market")]

    def __str__(self) -> str:
        return self.symbol


class UniverseChange(models.Model):
    """A symbol that joined or left what is watched, or that the exchange listed or delisted."""

    class Kind(models.TextChoices):
        JOINED = "joined"
        LEFT = "left"
        LISTED = "listed"
        DELISTED = "delisted"

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="universe_changes")
    symbol = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=Kind)
    at = models.BigIntegerField(help_text="market time, ms")

    class Meta:
        ordering = ("at", "pk")
        indexes = [models.Index("market", "at", name="universe_by_time")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.kind}"


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


class CandleRevisionQuerySet(models.QuerySet["CandleRevision"]):
    def behind(self, market_id: int, number: int) -> list[tuple[int, int]]:
        """Return (number, series id) of a market's revisions after ``number``, in order."""
        newer = self.filter(market_id=market_id, number__gt=number).order_by("number")
        return list(newer.values_list("number", "series_id"))


class CandleRevision(models.Model):
    """What a bar was before it was corrected: a past signal is derived from what was known then.

    Without prices: the bar was not there yet, and its neighbours on both sides were. ``number`` counts a market's
    revisions without holes, in the order of their commits, so whoever has read up to one misses none behind it.
    """

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveBigIntegerField(help_text="1, 2, 3 … per market")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, db_index=False)
    open_time = models.BigIntegerField()
    corrected_at = models.DateTimeField(help_text="wall time: until then the bar was as it stands here")
    open = models.FloatField(null=True)
    high = models.FloatField(null=True)
    low = models.FloatField(null=True)
    close = models.FloatField(null=True)
    volume = models.FloatField(null=True)
    taker_buy_volume = models.FloatField(null=True)

    objects = CandleRevisionQuerySet.as_manager()

    class Meta:
        ordering = ("market", "number")
        constraints = [models.UniqueConstraint("market", "number", name="revision_numbered_once")]
        indexes = [models.Index("series", "open_time", name="revision_by_bar")]

    def __str__(self) -> str:
        return f"{self.series_id} {self.open_time} until {self.corrected_at}"


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


class SideSeries(models.Model):
    """What is measured beside an instrument's candles, with times of its own: its funding rate, say, or its news."""

    class Kind(models.TextChoices):
        FUNDING_RATE = "funding_rate", "funding rate"
        OPEN_INTEREST = "open_interest", "open interest"
        LONG_SHORT_RATIO = "long_short_ratio", "long/short ratio"
        NEWS = "news", "news score"

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="side_series")
    kind = models.CharField(max_length=20, choices=Kind)
    newest = models.BigIntegerField(default=0, help_text="ms: time of the newest stored value, 0 without one")
    known_until = models.BigIntegerField(default=0, help_text="ms: when the newest stored value was known")

    class Meta:
        verbose_name_plural = "side series"
        constraints = [models.UniqueConstraint("instrument", "kind", name="side_series_once_per_kind")]

    def __str__(self) -> str:
        return f"{self.instrument} {self.kind}"


class SideValue(models.Model):
    """One value of a side series. Never changed: a past signal is derived again from what was known then."""

    pk = models.CompositePrimaryKey("series_id", "time")
    series = models.ForeignKey(SideSeries, on_delete=models.CASCADE, db_index=False, related_name="values")
    time = models.BigIntegerField(help_text="ms: what the value says, it says of this time")
    known_at = models.BigIntegerField(help_text="ms of market time: no bar that closes earlier reads it")
    value = models.FloatField(
        help_text="funding per 8 h as a share; open interest in the base asset; long/short accounts; news -1..1"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(known_at__gte=F("time")), name="side_value_known_when_it_is_there"),
        ]

    def __str__(self) -> str:
        return f"{self.series_id} {self.time}"
