"""A signal's outcome, and the fits that turn scores into probabilities."""

from typing import Self

import numpy as np
from django.db import models
from django.db.models import Q

from market.among import Among
from market.models import Instrument, Market, Series
from presets.models import PresetVersion


class OutcomeQuerySet(models.QuerySet["Outcome"]):
    def of_market(self, market: Market) -> Self:
        return self.filter(series__instrument__market=market)

    def due(self, instruments: list[Instrument], now: int) -> Self:
        """Those still open whose next bar is closed at ``now`` (ms)."""
        among = Among("series__instrument_id", (one.pk for one in instruments))
        return self.filter(among, how=Outcome.How.OPEN, awaits__lte=now)

    def ended(self) -> Self:
        """Those that count: a result is known."""
        return self.filter(how__in=Outcome.ENDED)


class Outcome(models.Model):
    """What became of one signal with a direction. It ends once and is never changed again."""

    class How(models.TextChoices):
        OPEN = "open", "still followed"
        STOP = "stop", "reached its stop"
        TARGET = "target", "reached its target"
        TIME = "time", "its horizon is over"
        VOID = "void", "its bars never came"

    ENDED = (How.STOP, How.TARGET, How.TIME)

    signal = models.OneToOneField("signals.Signal", on_delete=models.CASCADE, primary_key=True, related_name="outcome")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, help_text="whose bars it is followed on")
    side = models.SmallIntegerField(help_text="1 long, -1 short")
    stop_atr = models.FloatField(help_text="distance of the stop in ATR of the signal")
    target_r = models.FloatField(help_text="distance of the target in distances of the stop")
    horizon = models.PositiveIntegerField(help_text="bars after which it ends")
    fee = models.FloatField(help_text="of each fill, a share of the notional")
    slippage = models.FloatField(help_text="of the entry, the stop and the end by time, a share of the price")
    basis = models.CharField(max_length=60, help_text="the timeframes that the score was asked of")
    detectors = models.JSONField(help_text="whose contributions had the signal's direction")
    timeframes = models.JSONField(help_text="whose scores had the signal's direction")
    awaits = models.BigIntegerField(help_text="ms of market time: close of the next bar to look at")
    how = models.CharField(max_length=6, choices=How, default=How.OPEN)
    entry = models.FloatField(null=True)
    stop = models.FloatField(null=True)
    target = models.FloatField(null=True)
    entered_at = models.BigIntegerField(null=True, help_text="ms: open of the first bar behind the signal")
    exit = models.FloatField(null=True)
    known_at = models.BigIntegerField(null=True, help_text="ms of market time: close of the bar that ended it")
    bars = models.PositiveIntegerField(default=0, help_text="bars held")
    best = models.FloatField(default=0.0, help_text="highest favourable excursion, R before fees")
    worst = models.FloatField(default=0.0, help_text="worst adverse excursion, R before fees")
    r = models.FloatField(null=True, help_text="result after fees, in distances of the stop")
    percent = models.FloatField(null=True, help_text="result after fees, percent of the entry")

    objects = OutcomeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index("awaits", name="outcome_due", condition=Q(how="open")),
            models.Index("known_at", name="outcome_known"),
        ]

    def __str__(self) -> str:
        return f"{self.signal_id} {self.how}" + (f" {self.r:+.2f} R" if self.r is not None else "")


class Calibration(models.Model):
    """One isotonic fit: the share of hits among past outcomes by distance of the score from 0.5."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE)
    preset_version = models.ForeignKey(PresetVersion, on_delete=models.CASCADE)
    basis = models.CharField(max_length=60, help_text="timeframes: other ones spread scores otherwise")
    known_until = models.BigIntegerField(help_text="ms of market time: its outcomes were known by then")
    count = models.PositiveIntegerField(help_text="outcomes it was fitted on")
    hits = models.PositiveIntegerField()
    edges = models.JSONField(help_text="from this distance on …")
    values = models.JSONField(help_text="… the probability is this")

    class Meta:
        ordering = ("-known_until",)
        constraints = [
            models.UniqueConstraint("market", "preset_version", "basis", "known_until", name="calibration_once"),
        ]

    def __str__(self) -> str:
        return f"{self.preset_version} on {self.count} outcomes"

    def probability(self, score: float) -> float:
        """Return the probability that a signal of this score becomes a hit."""
        at = int(np.searchsorted(self.edges, abs(score - 0.5), side="right")) - 1
        return float(self.values[max(at, 0)])
