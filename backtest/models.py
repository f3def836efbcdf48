"""Backtests: what was asked, by whom, how far it is, and what came out."""

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from presets.models import PresetVersion
from rest.large_json import LargeDecoder, LargeEncoder


def now_ms() -> int:
    """Return the present wall time: when a job was asked for, never what it computes."""
    return int(timezone.now().timestamp() * 1000)


class BacktestQuerySet(models.QuerySet["Backtest"]):
    def active(self) -> Self:
        return self.filter(status__in=Backtest.ACTIVE)

    def finished(self) -> Self:
        return self.exclude(status__in=Backtest.ACTIVE)


class Backtest(models.Model):
    """One backtest, a job until it is done. ``fence`` rises with each taking: an older taker cannot store."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.JSONField(help_text="what was asked, checked and with its defaults")
    key = models.CharField(max_length=32, help_text="digest of the request, source and preset version")
    source = models.CharField(max_length=40)
    preset_version = models.ForeignKey(PresetVersion, on_delete=models.PROTECT)
    created_ms = models.BigIntegerField(default=now_ms, help_text="wall time, ms")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    progress = models.FloatField(default=0.0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    data_digest = models.CharField(max_length=32, blank=True)
    scoring_version = models.CharField(max_length=120, blank=True)
    metrics = models.JSONField(default=dict)
    result = models.JSONField(
        default=dict,
        encoder=LargeEncoder,
        decoder=LargeDecoder,
        help_text="trades, equity series, monthly table, facts",
    )

    objects = BacktestQuerySet.as_manager()

    class Meta:
        ordering = ("-created_ms",)
        indexes = [models.Index("status", "created_ms", name="backtest_by_status")]
        constraints = [
            # Two equal jobs at once: one runs, both callers get its id.
            models.UniqueConstraint("key", condition=Q(status__in=("queued", "running")), name="one_active_backtest"),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.request['symbols'][:3])} {self.status}"

    def job_json(self) -> dict[str, Any]:
        """Return the job as 202 and the socket tell it."""
        told = {"id": str(self.pk), "status": self.status, "progress": round(self.progress, 3)}
        return told | ({"error": self.error} if self.error else {})

    def answer(self) -> dict[str, Any]:
        """Return the BacktestResponse of a backtest that is done."""
        return {"id": str(self.pk), "metrics": self.metrics, **self.result}


class WalkForward(models.Model):
    """A search over weights with its result out of sample; the preset it led to, if it found an edge."""

    created_ms = models.BigIntegerField(default=now_ms, help_text="wall time, ms")
    source = models.CharField(max_length=100)
    edge = models.BooleanField()
    verdict = models.CharField(max_length=300)
    report = models.JSONField()
    scoring_version = models.CharField(max_length=120)
    preset_version = models.ForeignKey(
        PresetVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="walk_forwards"
    )

    class Meta:
        ordering = ("-created_ms",)

    def __str__(self) -> str:
        return self.verdict
