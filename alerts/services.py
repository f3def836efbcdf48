"""The changes to alerts that a user can see."""

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from access import audit
from alerts import apprise_services, vault, webhooks
from alerts.models import Delivery, Rule, RuleState, Target
from alerts.watching import new_delivery

RULE_FIELDS = (
    "name",
    "enabled",
    "watches",
    "trigger",
    "conditions",
    "cooldown_s",
    "quiet",
    "digest_s",
    "title",
    "text",
)
# What changes of these is a new question: where the rule stood says nothing about it.
ASKS = ("enabled", "watches", "trigger", "conditions")


class NotReplayable(Exception):
    """The text says why."""


def rule_said(rule: Rule) -> dict[str, Any]:
    """Return what a rule says, as JSON."""
    return {name: getattr(rule, name) for name in RULE_FIELDS} | {
        "targets": sorted(target.name for target in rule.targets.all())
    }


@transaction.atomic
def save_rule(rule: Rule, changes: dict[str, Any], targets: list[Target] | None) -> Rule:
    """Store checked changes to a rule, a new one or not; ``targets`` None leaves them as they are.

    Raises Rule.DoesNotExist if it was deleted meanwhile.
    """
    if rule.pk:
        rule = Rule.objects.select_for_update().get(pk=rule.pk)
    before = rule_said(rule) if rule.pk else None
    for name, value in changes.items():
        setattr(rule, name, value)
    asks_anew = before is not None and any(before[name] != getattr(rule, name) for name in ASKS)
    rule.version += asks_anew
    rule.save()
    if asks_anew:
        RuleState.objects.filter(rule=rule).delete()
    if targets is not None:
        rule.targets.set(targets)
    old, new = audit.changed(before or {}, rule_said(rule))
    if new:
        audit.record("alert.rule.save", f"alert rule {rule.name}", old if before else None, new)
    return rule


@transaction.atomic
def delete_rule(rule: Rule) -> None:
    """Forget a rule. What it found stays, and what is in the outbox is still sent."""
    audit.record("alert.rule.delete", f"alert rule {rule.name}", rule_said(rule), None)
    rule.delete()


def target_said(target: Target) -> dict[str, Any]:
    """Return what may be known of a target: nothing that is secret."""
    return {"name": target.name, "kind": target.kind, "address": target.shown, "enabled": target.enabled}


@transaction.atomic
def save_target(target: Target, changes: dict[str, Any]) -> str | None:
    """Store checked changes to a target: name, kind, enabled, url, secret, rotate_secret. Raises Target.DoesNotExist.

    Return a webhook's signing secret if it was made or changed now: it is shown this once.
    """
    if target.pk:
        target.refresh_from_db(from_queryset=Target.objects.select_for_update())
    before = target_said(target) if target.pk else None
    secrets = vault.unseal(target.sealed) if target.sealed and "url" not in changes else {}
    former = dict(secrets)
    secrets |= {name: changes[name] for name in ("url", "secret") if name in changes}
    for name in ("name", "kind", "enabled"):
        setattr(target, name, changes.get(name, getattr(target, name)))
    if target.kind == Target.Kind.WEBHOOK:
        if changes.get("rotate_secret") or "secret" not in secrets:
            secrets["secret"] = webhooks.new_secret()
        target.shown = webhooks.shown(secrets["url"])
    else:
        target.shown = apprise_services.shown(secrets["url"])
    fresh = secrets != former
    if fresh:
        # Another address or secret: the old one's failures say nothing about it.
        target.sealed, target.failures, target.paused_until = vault.seal(secrets), 0, None
    target.save()
    old, new = audit.changed(before or {}, target_said(target) | ({"secrets": "changed"} if fresh else {}))
    if new:
        audit.record("alert.target.save", f"alert target {target.name}", old if before else None, new)
    shown = secrets.get("secret") if fresh and secrets.get("secret") != former.get("secret") else None
    return str(shown) if shown else None


@transaction.atomic
def delete_target(target: Target) -> int:
    """Forget a target with its secrets; return how many of its messages are now never sent."""
    waiting = Delivery.objects.pending().filter(target=target)
    cancelled = waiting.update(status=Delivery.Status.CANCELLED, error="its target was deleted")
    audit.record("alert.target.delete", f"alert target {target.name}", target_said(target), None)
    target.delete()
    return cancelled


@transaction.atomic
def replay(delivery: Delivery) -> Delivery:
    """Put a message that was sent or given up back into the outbox, under the same id. Raises NotReplayable."""
    now = timezone.now()
    done = Delivery.objects.filter(pk=delivery.pk, status__in=(Delivery.Status.DEAD, Delivery.Status.SENT))
    former = delivery.status
    put_back = done.exclude(target=None).update(
        status=Delivery.Status.PENDING,
        due_at=now,
        give_up_at=now + timedelta(hours=settings.ALERTS_GIVE_UP_HOURS),
        attempts=0,
        lease_until=None,
    )
    delivery = Delivery.objects.select_related("target").get(pk=delivery.pk)
    if not put_back:
        raise NotReplayable("its target was deleted" if delivery.target is None else "it is in the outbox already")
    audit.record("alert.replay", f"delivery {delivery.pk}", {"status": former}, {"status": delivery.status})
    return delivery


def replay_dead(target: Target | None = None) -> int:
    """Put everything that was given up, of one target or of all, back into the outbox; return how many."""
    dead = Delivery.objects.filter(status=Delivery.Status.DEAD).exclude(target=None)
    replayed = 0
    for one in dead if target is None else dead.filter(target=target):
        with suppress(NotReplayable):  # somebody else was faster, or its target is gone meanwhile
            replay(one)
            replayed += 1
    return replayed


@transaction.atomic
def put_test(target: Target) -> Delivery:
    """Put a test for a target into the outbox. It goes also while the agent is off."""
    now = timezone.now()
    delivery = new_delivery(uuid.uuid4(), target, now, kind=Delivery.Kind.TEST)
    delivery.save()
    # Who tests a target has mended something: it need not wait out the pause that its failures brought.
    Target.objects.filter(pk=target.pk).update(paused_until=None)
    audit.record("alert.test", f"alert target {target.name}", None, {"delivery": str(delivery.pk)})
    return delivery


@transaction.atomic
def reseal_all() -> int:
    """Encrypt every target's secrets with the first key; return how many. Raises vault.Unreadable, changing nothing."""
    targets = list(Target.objects.select_for_update())
    for target in targets:
        target.sealed = vault.reseal(target.sealed)
        target.save(update_fields=["sealed"])
    if targets:
        audit.record("alert.rekey", "alert targets", None, {"targets": len(targets)})
    return len(targets)
