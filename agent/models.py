"""The agent: on or off, what it watches, and what its scans did."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from market.models import Market
from presets.models import PresetVersion

HEARTBEAT_FRESH_S = 5.0


class AgentState(models.Model):
    """The one row that says what the agent should do. ``version`` counts its changes."""

    enabled = models.BooleanField()
    scan_interval_ms = models.PositiveIntegerField(help_text="of market time")
    symbols = models.JSONField(null=True, blank=True, help_text="the watchlist; null watches all the market has")
    timeframes = models.JSONField()
    rules = models.JSONField(default=dict)
    version = models.PositiveBigIntegerField(default=1)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "agent state"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_agent")]

    def __str__(self) -> str:
        return "on" if self.enabled else "off"


class Runner(models.Model):
    """A process that runs scans, and when it last said so."""

    name = models.CharField(max_length=100, unique=True, help_text="host:pid")
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def alive(cls) -> "models.QuerySet[Runner]":
        since = timezone.now() - timedelta(seconds=HEARTBEAT_FRESH_S)
        return cls.objects.filter(seen_at__gte=since)


class ScanRun(models.Model):
    """One scan. Of all who want to run a tick, the one that inserts the row does."""

    class Kind(models.TextChoices):
        TICK = "tick", "periodic"
        CLOSE = "close", "a bar closed"

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPLETE = "complete"
        PARTIAL = "partial"
        MISSED = "missed"

    market = models.ForeignKey(Market, on_delete=models.CASCADE)
    kind = models.CharField(max_length=5, choices=Kind)
    due_at = models.BigIntegerField(help_text="ms of market time")
    market_time = models.BigIntegerField(help_text="ms: bars that closed by then were scored")
    preset_version = models.ForeignKey(PresetVersion, on_delete=models.PROTECT)
    status = models.CharField(max_length=8, choices=Status, default=Status.RUNNING)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    symbols = models.PositiveIntegerField(default=0, help_text="how many were scored")
    signals = models.PositiveIntegerField(default=0)
    held = models.JSONField(default=dict, help_text="decisions that were not told, by reason")

    class Meta:
        ordering = ("-due_at", "-pk")
        constraints = [models.UniqueConstraint("market", "kind", "due_at", name="one_scan_a_tick")]

    def __str__(self) -> str:
        return f"{self.kind} {self.due_at} {self.status}"

    def as_json(self) -> dict[str, Any]:
        """Return the run as the wire has it."""
        took = (self.finished_at - self.started_at).total_seconds() * 1000 if self.finished_at else None
        return {
            "id": self.pk,
            "started_at": self.started_at.isoformat().replace("+00:00", "Z"),
            "duration_ms": took,
            "symbols": self.symbols,
            "signals": self.signals,
            "status": self.status,
            "kind": self.kind,
            "due_at": self.due_at,
            "held": self.held,
        }


class ScanShard(models.Model):
    """A part of a run that one worker does. ``fence`` rises with each taking: an older taker cannot commit."""

    run = models.ForeignKey(ScanRun, on_delete=models.CASCADE, related_name="shards")
    shard = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, help_text="until then nobody else takes it; null: it is free")
    failures = models.PositiveIntegerField(default=0, help_text="how often a taker let its lease run out")
    finished_at = models.DateTimeField(null=True)
    given_up = models.BooleanField(default=False)

    class Meta:
        ordering = ("run", "shard")
        constraints = [models.UniqueConstraint("run", "shard", name="shard_once_per_run")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.shard}"
