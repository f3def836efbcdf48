"""Which signals may go: of each symbol a prefix of its numbers, never the newest, never one that was not sent yet."""

from collections.abc import Iterator

from django.db.models import Min

from market.models import Market
from signals.models import Signal, Stream

BATCH = 500  # signals at a time; each holds the components of all its timeframes


def prune_signals(market: Market, before: int, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Remove signals as of before ``before`` (ms), and yield what each batch removed: (kind, rows)."""
    for stream in Stream.objects.filter(instrument__market=market):
        signals = Signal.objects.filter(instrument=stream.instrument_id, seq__lte=_last_to_go(stream, before))
        if dry_run:
            yield "signals", signals.count()
            continue
        # In order: a reader finds the rest without a hole, or learns that what it missed is gone.
        while (oldest := signals.aggregate(Min("seq"))["seq__min"]) is not None:
            _, by_model = signals.filter(seq__lt=oldest + BATCH).delete()
            yield "signals", by_model.get(Signal._meta.label, 0)


def _last_to_go(stream: Stream, before: int) -> int:
    """Return the last number of the prefix that may go; 0 if none may."""
    own = Signal.objects.filter(instrument=stream.instrument_id)
    kept = [
        stream.last_seq,  # what the next decision is compared with
        own.filter(as_of__gte=before).aggregate(Min("seq"))["seq__min"],
        own.filter(published=False).aggregate(Min("seq"))["seq__min"],
    ]
    return min(seq for seq in kept if seq is not None) - 1


def oldest_to_explain(market: Market, since: int) -> dict[int, int]:
    """Return the ``as_of`` of each instrument's oldest signal at ``since`` (ms) or later, by instrument id."""
    wanted = Signal.objects.filter(instrument__market=market, as_of__gte=since).order_by()
    return dict(wanted.values_list("instrument_id").annotate(Min("as_of")))
