"""Rules, what they found, whom it is told, and the outbox of what is to be sent.

A row of the outbox is written in the transaction of what it tells of, under an id that follows from it: whoever is
killed in between leaves nothing or a row that is sent, under the same id, by the next.
"""

import uuid
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from market.models import Instrument

NAMESPACE = uuid.UUID("8c2b6f0e-6d0c-5d36-9f5c-0b8b6c8f3a51")  # of the ids of digests and tests


def now_ms() -> int:
    """Return the present wall time: when a message is due is a matter of people, not of the market."""
    return int(timezone.now().timestamp() * 1000)


class Target(models.Model):
    """Where messages go: a service that Apprise knows, or a webhook. Its address is a secret and stored as one."""

    class Kind(models.TextChoices):
        APPRISE = "apprise", "a service by its Apprise URL"
        WEBHOOK = "webhook", "a signed POST"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=7, choices=Kind)
    sealed = models.TextField(editable=False, help_text="address and signing secret, encrypted")
    shown = models.CharField(max_length=200, editable=False, help_text="the address without what is secret in it")
    enabled = models.BooleanField(default=True, help_text="while it is off its messages wait")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="in a row")
    paused_until = models.DateTimeField(null=True, editable=False, help_text="it asked for a pause, or does not answer")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """What is to be told, when, and to whom."""

    class Trigger(models.TextChoices):
        ENTER = "enter", "when the conditions begin to hold"
        EVERY = "every", "each time they hold"

    class Watches(models.TextChoices):
        SIGNALS = "signals", "stored signals"
        SCORES = "scores", "every scored close"

    name = models.CharField(max_length=60, unique=True)
    enabled = models.BooleanField(default=True)
    watches = models.CharField(max_length=7, choices=Watches, default=Watches.SIGNALS)
    trigger = models.CharField(max_length=5, choices=Trigger, default=Trigger.ENTER)
    conditions = models.JSONField(default=dict)
    cooldown_s = models.PositiveIntegerField(help_text="of market time, per symbol")
    quiet = models.JSONField(null=True, help_text='{"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"}')
    digest_s = models.PositiveIntegerField(default=0, help_text="one message for all that was found in so many seconds")
    title = models.CharField(max_length=200, blank=True, help_text="empty: the usual one")
    text = models.CharField(max_length=1000, blank=True, help_text="empty: the usual one")
    targets = models.ManyToManyField(Target, blank=True, related_name="rules")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class RuleState(models.Model):
    """Where a rule stands with a symbol; no row as long as it was never entered."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE)
    holds = models.CharField(max_length=40, null=True, help_text="how it was entered")  # noqa: DJ001  "" is a way too
    told_as_of = models.BigIntegerField(null=True, help_text="ms of market time")
    told = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("rule", "instrument", name="alert_state_once")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.instrument_id} {self.holds}"


class Alert(models.Model):
    """One finding of one rule, with the words it is told in. Never changed."""

    id = models.UUIDField(primary_key=True, editable=False)
    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL)
    rule_name = models.CharField(max_length=60)
    symbol = models.CharField(max_length=40)
    as_of = models.BigIntegerField(help_text="ms of market time")
    created_ms = models.BigIntegerField(help_text="wall time, ms")
    event = models.JSONField(help_text="what was found, as webhooks get it")
    title = models.CharField(max_length=300)
    text = models.TextField()

    class Meta:
        ordering = ("-created_ms", "-pk")
        indexes = [models.Index("created_ms", "id", name="alert_by_time")]

    def __str__(self) -> str:
        return self.title


def alert_id(epoch: uuid.UUID, rule: Rule, symbol: str, as_of: int) -> uuid.UUID:
    """Return the id of a finding: the same however often it is derived."""
    return uuid.uuid5(epoch, f"alert:{rule.pk}:{rule.version}:{symbol}:{as_of}")


def delivery_id(alert: uuid.UUID, target: Target) -> uuid.UUID:
    return uuid.uuid5(alert, f"target:{target.pk}")


def digest_id(rule: Rule, target: Target, due: datetime) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"digest:{rule.pk}:{target.pk}:{due.isoformat()}")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> Self:
        return self.filter(status=Delivery.Status.PENDING)

    def free(self, now: datetime) -> Self:
        """Pending ones that nobody is sending."""
        return self.pending().filter(Q(lease_until=None) | Q(lease_until__lt=now))


class Delivery(models.Model):
    """One message to one target. ``fence`` rises with each taking: an older taker cannot store how it went."""

    class Status(models.TextChoices):
        PENDING = "pending", "to be sent"
        SENT = "sent"
        DEAD = "dead", "given up"
        CANCELLED = "cancelled", "its target was deleted"

    class Kind(models.TextChoices):
        ALERT = "alert"
        DIGEST = "digest"
        TEST = "test"

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=6, choices=Kind)
    target = models.ForeignKey(Target, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    target_name = models.CharField(max_length=60)
    alerts = models.ManyToManyField(Alert, related_name="deliveries")
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    created_ms = models.BigIntegerField(help_text="wall time, ms")
    due_at = models.DateTimeField(help_text="of the next attempt")
    give_up_at = models.DateTimeField(help_text="an attempt that fails after this is the last")
    quiet = models.JSONField(null=True, help_text="the rule's quiet hours: no attempt is made within them")
    attempts = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, help_text="until then nobody else takes it")
    sent_at = models.DateTimeField(null=True)
    answer = models.PositiveIntegerField(null=True, help_text="HTTP status of the last attempt")
    error = models.CharField(max_length=500, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-created_ms", "-pk")
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index("due_at", name="delivery_due", condition=Q(status="pending")),
            models.Index("status", "created_ms", name="delivery_by_status"),
            models.Index("created_ms", "id", name="delivery_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.target_name}: {self.status}"


def deliveries_by_status() -> dict[str, int]:
    """Return how many deliveries there are of each status, from the database: the same in every process."""
    counted: Any = Delivery.objects.order_by().values_list("status").annotate(models.Count("pk"))
    return {str(status): 0 for status in Delivery.Status} | dict(counted)
