"""The outbox: deliveries that are due are taken, tried, and stored as sent, due again later, or given up.

Any number of processes may work on it. Each taking is one conditional UPDATE that raises ``fence``; whoever dies with a
delivery in hand loses it when its lease ends, and the next sends it under the same id.
"""

import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from alerts import apprise_services, messages, vault, webhooks
from alerts.models import Delivery, Target
from alerts.quiet import after_quiet
from alerts.results import Result

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # longer than any attempt takes
ATTEMPTS = 12
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0
TARGET_WAIT_S = 60.0  # at most, between two tries of a target that fails: its other messages wait as well
LONGEST_PAUSE_S = 86_400.0  # that a target's Retry-After is believed
LISTED = 200  # alerts that one webhook message holds


def backoff_s(attempts: int) -> float:
    """Return the wait after so many attempts: doubled each time, up to an hour."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempts - 1))


def due(now: datetime, tests_only: bool = False) -> Any:
    """Return what is to be sent now, oldest first: one at a time to a target, none to one that is off or paused."""
    busy = Delivery.objects.pending().filter(target=OuterRef("target"), lease_until__gte=now)
    ready = (
        Delivery.objects.free(now)
        .filter(Q(target__paused_until=None) | Q(target__paused_until__lte=now), due_at__lte=now, target__enabled=True)
        .exclude(Exists(busy))
        .order_by("due_at", "pk")
    )
    return ready.filter(kind=Delivery.Kind.TEST) if tests_only else ready


def take(limit: int, tests_only: bool = False) -> list[Delivery]:
    """Take up to ``limit`` deliveries, each to another target. Of several who try, one gets each."""
    now = timezone.now()
    taken: list[Delivery] = []
    for one in due(now, tests_only).select_related("target")[: 10 * limit]:
        if len(taken) < limit and one.target_id not in {other.target_id for other in taken} and _take(one, now):
            taken.append(one)
    return taken


def _take(one: Delivery, now: datetime) -> bool:
    free = Delivery.objects.free(now).filter(pk=one.pk, fence=one.fence)
    if not free.update(fence=F("fence") + 1, attempts=F("attempts") + 1, lease_until=now + LEASE):
        return False
    one.fence, one.attempts = one.fence + 1, one.attempts + 1
    return True


def attempt(one: Delivery) -> Result:
    """Try to send a delivery that was taken, and store how it went."""
    try:
        result = send(one)
    except Exception:
        logger.exception("delivery %s: sending failed in a way that nobody thought of", one.pk)
        result = Result(error="failed for a reason that is in the server's log")
    store(one, result)
    return result


def send(one: Delivery) -> Result:
    """Send a delivery's message once. The same delivery gives the same id and the same content at each attempt."""
    target = one.target
    if target is None:
        return Result(error="its target was deleted", final=True)
    try:
        secrets = vault.unseal(target.sealed)
    except vault.Unreadable as error:
        return Result(error=str(error), final=True)
    message = message_of(one)
    if target.kind == Target.Kind.WEBHOOK:
        return webhooks.send(secrets["url"], secrets["secret"], str(one.pk), message)
    return apprise_services.send(secrets["url"], message["title"], message["text"])


TEST_TITLE, TEST_TEXT = "Test", "A test of this target: no rule was met and nothing was found."


def message_of(one: Delivery) -> dict[str, Any]:
    """Return what a webhook gets; title and text go to the other services."""
    found = list(one.alerts.order_by("as_of", "symbol", "pk"))
    if one.kind == Delivery.Kind.TEST:
        title, text = TEST_TITLE, TEST_TEXT
    else:
        title, text = messages.digest([alert.title for alert in found], [alert.text for alert in found])
    return {
        "id": str(one.pk),
        "type": one.kind,
        "created": one.created_ms,
        "title": title,
        "text": text,
        "count": len(found),
        "alerts": [alert.event for alert in found[:LISTED]],
    }


def store(one: Delivery, result: Result) -> None:
    """Store how an attempt went; nothing if the delivery was taken by another meanwhile."""
    now = timezone.now()
    changes: dict[str, Any] = {"lease_until": None, "answer": result.answer, "error": result.error[:500]}
    if not result.error:
        changes |= {"status": Delivery.Status.SENT, "sent_at": now}
    elif result.final or one.attempts >= ATTEMPTS or now >= one.give_up_at:
        changes |= {"status": Delivery.Status.DEAD}
    else:
        changes |= {"due_at": after_quiet(now + timedelta(seconds=_wait_s(one, result)), one.quiet)}
    if Delivery.objects.pending().filter(pk=one.pk, fence=one.fence).update(**changes):
        for name, value in changes.items():
            setattr(one, name, value)
        _tell(one, result)
    if one.target is not None:
        _mark(one.target, result, now)


def _wait_s(one: Delivery, result: Result) -> float:
    """Return the wait before the next attempt: what was asked for, at least the back-off."""
    spread = random.uniform(1.0, 1.2)  # noqa: S311  so that what failed together does not come back together
    asked = min(result.wait_s or 0.0, LONGEST_PAUSE_S)
    return max(asked, backoff_s(one.attempts) * spread)


def _mark(target: Target, result: Result, now: datetime) -> None:
    """Let a target that fails rest: all that is for it waits, as long as it asked for or a little longer each time."""
    mine = Target.objects.filter(pk=target.pk)
    if not result.error:
        mine.filter(Q(failures__gt=0) | ~Q(paused_until=None)).update(failures=0, paused_until=None)
        return
    rest = min(backoff_s(target.failures + 1), TARGET_WAIT_S)
    pause = max(min(result.wait_s or 0.0, LONGEST_PAUSE_S), rest)
    mine.update(failures=F("failures") + 1, paused_until=now + timedelta(seconds=pause))


def _tell(one: Delivery, result: Result) -> None:
    if one.status == Delivery.Status.SENT:
        logger.info("delivery %s to %s: sent at attempt %d", one.pk, one.target_name, one.attempts)
    elif one.status == Delivery.Status.DEAD:
        logger.error("delivery %s to %s: given up: %s", one.pk, one.target_name, result.error)
    else:
        logger.warning("delivery %s to %s: attempt %d: %s", one.pk, one.target_name, one.attempts, result.error)


def send_now(one: Delivery) -> tuple[Delivery, Result]:
    """Try a delivery in this thread at once, and say how it went. Nothing is sent that another process has in hand."""
    if not _take(one, timezone.now()):
        return one, Result(error="another process is sending it")
    return one, attempt(one)


def work(limit: int = 50) -> Sequence[Delivery]:
    """Try what is due now, one after the other in this thread; return what was tried."""
    tried = take(limit)
    for one in tried:
        attempt(one)
    return tried
