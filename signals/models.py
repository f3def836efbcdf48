"""Stored, numbered signals, and where each symbol's numbering stands."""

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import models

from engine.rules import Scored
from engine.score import Levels
from market.models import Instrument, Market, Series
from presets.models import PresetVersion
from signals.outcomes.models import Calibration, Outcome  # noqa: F401  Django looks for models here


class Direction(models.TextChoices):
    BULLISH = "BULLISH"
    BEARISH = "BEARISH"
    NEUTRAL = "NEUTRAL"


class Advice(models.TextChoices):
    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class RiskLevel(models.TextChoices):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


def signal_id(epoch: uuid.UUID, symbol: str, seq: int) -> uuid.UUID:
    """Return the id of a signal: the same wherever and however often it is derived."""
    return uuid.uuid5(epoch, f"{symbol}:{seq}")


class SignalQuerySet(models.QuerySet["Signal"]):
    def of_market(self, market: Market) -> "SignalQuerySet":
        return self.filter(instrument__market=market).select_related("instrument", "preset_version__preset")

    def after(self, instrument: Instrument, seq: int) -> "SignalQuerySet":
        """What a client that has ``seq`` is missing, in order."""
        return self.filter(instrument=instrument, seq__gt=seq).order_by("seq")

    def newest(self, market: Market) -> "SignalQuerySet":
        """The newest signal of each symbol."""
        newest = models.F("instrument__stream__last_seq")
        return self.of_market(market).filter(seq=newest).order_by("instrument__symbol")


class Signal(models.Model):
    """A decision that was told. Never changed after it was stored, but for ``published``."""

    id = models.UUIDField(primary_key=True, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="signals")
    seq = models.PositiveBigIntegerField(help_text="1, 2, 3 … per symbol")
    as_of = models.BigIntegerField(help_text="ms of market time: the close it was scored at")
    score = models.FloatField()
    confidence = models.FloatField()
    consensus = models.FloatField()
    direction = models.CharField(max_length=8, choices=Direction)
    advice = models.CharField(max_length=4, choices=Advice)
    risk_level = models.CharField(max_length=6, choices=RiskLevel)
    price = models.FloatField(help_text="close of the smallest scored timeframe, quote asset")
    atr = models.FloatField(help_text="average true range of the longest scored timeframe, log units")
    atr_rank = models.FloatField(help_text="share of the window's earlier ATR values below this one")
    stop_distance = models.FloatField(
        null=True, help_text="from the price to the plan's stop, a share of the price; null before it was measured"
    )
    disagreement = models.FloatField(
        null=True, help_text="0..1: how much of the evidence points against the rest; null before it was measured"
    )
    plan = models.JSONField(
        null=True, help_text="entry zone, stop, targets and size; null without a direction, or before there were plans"
    )
    probability = models.FloatField(
        null=True, help_text="of a hit, from outcomes known before it; null without a direction or without a fit"
    )
    because = models.CharField(max_length=12)
    preset_version = models.ForeignKey(PresetVersion, on_delete=models.PROTECT)
    min_confidence = models.FloatField(help_text="in force for the advice: the preset's, or the agent's own rule")
    scoring_version = models.CharField(max_length=120)
    configured = models.JSONField(help_text="the timeframes that the score was asked of")
    timeframes = models.JSONField(help_text="by timeframe: score, confidence, components, and the bars they came from")
    run_id = models.BigIntegerField(null=True, help_text="the scan that made it")
    created_at = models.DateTimeField(auto_now_add=True)
    published = models.BooleanField(default=False)

    objects = SignalQuerySet.as_manager()

    class Meta:
        ordering = ("-as_of", "instrument_id", "-seq")
        constraints = [
            models.UniqueConstraint("instrument", "seq", name="signal_number_once"),
            # Whoever runs a scan twice stores nothing:
            models.UniqueConstraint("instrument", "as_of", "preset_version", name="signal_once_per_close"),
        ]
        indexes = [
            models.Index("as_of", "instrument", name="signal_by_time"),
            models.Index("published", name="signal_unpublished", condition=models.Q(published=False)),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} #{self.seq} {self.advice} {self.score:.3f}"

    def scored(self) -> Scored:
        """Return what the next decision compares with."""
        return Scored(self.score, self.direction, self.advice, self.as_of)

    def frame(self, market: Market) -> dict[str, Any]:
        """Return the signal as the wire has it."""
        return {
            "type": "signal",
            "symbol": self.instrument.symbol,
            "seq": self.seq,
            "id": str(self.id),
            "direction": self.direction,
            "confidence": self.confidence,
            "probability": self.probability,
            "score": self.score,
            "advice": self.advice,
            "risk_level": self.risk_level,
            "price": self.price,
            "timeframes": {t: part["score"] for t, part in self.timeframes.items()},
            "because": self.because,
            "preset": self.preset_version.preset.name,
            "source": market.source,
            "ts": self.as_of,
        }


class Stream(models.Model):
    """Where one symbol stands: its last number, its last decision, the close it was scored up to."""

    instrument = models.OneToOneField(Instrument, on_delete=models.CASCADE, primary_key=True)
    last_seq = models.PositiveBigIntegerField(default=0)
    last_signal = models.ForeignKey(Signal, null=True, on_delete=models.SET_NULL, related_name="+")
    scored_as_of = models.BigIntegerField(default=0, help_text="ms of market time: only ever moves forward")
    scored_preset = models.ForeignKey(PresetVersion, null=True, on_delete=models.SET_NULL)
    decision = models.JSONField(default=dict, help_text="the last decision: score, emitted, because, skipped")

    def __str__(self) -> str:
        return f"{self.instrument} at {self.last_seq}"


class SeriesState(models.Model):
    """What the detectors say at a series' last closed bar. One row a series, rewritten by the scan."""

    series = models.OneToOneField(Series, on_delete=models.CASCADE, primary_key=True, related_name="state")
    close = models.BigIntegerField(help_text="ms of market time: close of the last bar")
    revision = models.PositiveBigIntegerField(default=0, help_text="the market's corrections up to this one were seen")
    price = models.FloatField(null=True, help_text="close, quote asset")
    values = models.BinaryField(
        default=b"", help_text="float64: s of each detector, c of each, ATR, its rank, the last swings"
    )
    reasons = models.JSONField(default=list, help_text="a sentence a detector")
    no_score = models.CharField(max_length=20, blank=True, help_text="why there is no score, as a code")
    detail = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.series_id} at {self.close}"

    def put(
        self, scores: Sequence[float], confidences: Sequence[float], atr: float, atr_rank: float, levels: Levels
    ) -> None:
        """Set the price and the values: s -1..1 and c 0..1 in catalogue order."""
        self.price = levels.close
        self.put_all([*scores, *confidences, atr, atr_rank, levels.low, levels.high])

    def put_all(self, values: Sequence[float]) -> None:
        self.values = np.array(values, dtype="<f8").tobytes()

    def get(self) -> tuple[list[float], list[float], float, float, Levels]:
        """Return (s of each detector, c of each, ATR, rank of the ATR, prices) as they were put, bit for bit."""
        *parts, atr, atr_rank, low, high = self.get_all()
        half = len(parts) // 2
        assert self.price is not None  # put with the values
        return parts[:half], parts[half:], atr, atr_rank, Levels(self.price, low, high)

    def get_all(self) -> list[float]:
        return np.frombuffer(self.values, dtype="<f8").tolist()
