"""The agent: on or off, what it watches, and what its scans did."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from market.models import Market
from presets.models import PresetVersion

HEARTBEAT_FRESH_S = 5.0


def tick_id(market_id: int, kind: str, due_at: int) -> str:
    """Return the id under which log lines of all processes speak of one tick."""
    return f"{market_id}-{kind}-{due_at}"


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

    @property
    def tick(self) -> str:
        """The id of its tick, which follows from what makes a run unique: the feed knows it before there is a run."""
        return tick_id(self.market_id, self.kind, self.due_at)

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


class Tally(models.Model):
    """A count of what was done on a market, raised in the transaction of what it counts (``agent/tally.py``)."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, db_index=False)
    name = models.CharField(max_length=60, help_text="the metric")
    labels = models.CharField(max_length=120, blank=True, help_text="values of its labels")
    value = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["market", "name", "labels"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.labels} {self.value}"


class ProcessFigures(models.Model):
    """What another process has counted so far, for the one that is asked for metrics."""

    name = models.CharField(max_length=200, unique=True, help_text="kind@host:pid")
    kind = models.CharField(max_length=10, help_text="web, worker or feed")
    seen_at = models.DateTimeField()
    samples = models.JSONField()

    class Meta:
        verbose_name_plural = "process figures"

    def __str__(self) -> str:
        return self.name


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
