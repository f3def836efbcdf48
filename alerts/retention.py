"""Which alerts and messages may go: what is old by wall time and waits for nothing."""

from collections.abc import Iterator

from alerts.models import Alert, Delivery

BATCH = 1000


def prune_alerts(before_ms: int, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Remove messages that are done and alerts that no message holds, made before ``before_ms``; yield (kind, rows)."""
    done = Delivery.objects.filter(created_ms__lt=before_ms).exclude(status=Delivery.Status.PENDING)
    told = Alert.objects.filter(created_ms__lt=before_ms, deliveries=None)
    if dry_run:
        yield "deliveries", done.count()
        yield "alerts", Alert.objects.filter(created_ms__lt=before_ms).exclude(deliveries__status="pending").count()
        return
    while pks := list(done.order_by("created_ms").values_list("pk", flat=True)[:BATCH]):
        Delivery.objects.filter(pk__in=pks).delete()
        yield "deliveries", len(pks)
    while pks := list(told.order_by("created_ms").values_list("pk", flat=True)[:BATCH]):
        Alert.objects.filter(pk__in=pks).delete()
        yield "alerts", len(pks)
