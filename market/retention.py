"""Which bars may go, and their going: in batches, each its own transaction, so that a run cut short goes on later."""

from collections.abc import Iterator, Mapping

from django.db.models import Max, Min, QuerySet

from engine.timeframes import WINDOW_BARS, window_start
from market.models import Candle, CandleRevision, Hole, Market, Series
from market.windows import STALE_INTERVALS

BATCH = 5000  # bars at a time: SQLite's one writer is held for some milliseconds
SELF_PRUNING = ("simulated",)  # sources whose player keeps a number of bars by itself


def prune_candles(market: Market, before: int, needed: Mapping[int, int], dry_run: bool) -> Iterator[tuple[str, int]]:
    """Remove bars that open before ``before`` (ms), and yield what each batch removed: (kind, rows).

    Kept are the newest window of each series, and what the signals of an instrument need: ``needed`` holds the
    ``as_of`` of the oldest one that is still to be explained, by instrument id.
    """
    if market.source in SELF_PRUNING:
        return
    for one in Series.objects.filter(instrument__market=market):
        if not Candle.objects.filter(series=one, open_time__lt=before).exists():
            continue  # most series, most of the time: one look
        end = _keep_from(one, before, needed.get(one.instrument_id))
        bars = Candle.objects.filter(series=one, open_time__lt=end)
        yield from _in_slices(bars, one.interval_ms, dry_run)
        # What is told of bars goes with the bars.
        yield "revisions", _drop(CandleRevision.objects.filter(series=one, open_time__lt=end), dry_run)
        yield "holes", _drop(Hole.objects.filter(series=one, end__lte=end), dry_run)


def _keep_from(one: Series, before: int, oldest_signal: int | None) -> int:
    """Return the open time of the first bar of ``one`` that stays."""
    newest = Candle.objects.filter(series=one).aggregate(Max("open_time"))["open_time__max"]
    if newest is None:
        return before
    starts = [before, newest - (WINDOW_BARS + STALE_INTERVALS) * one.interval_ms]
    if oldest_signal is not None:
        earliest_close = oldest_signal - STALE_INTERVALS * one.interval_ms
        starts.append(window_start(earliest_close, one.interval_ms, one.first_open))
    return min(starts)


def _in_slices(bars: "QuerySet[Candle]", interval: int, dry_run: bool) -> Iterator[tuple[str, int]]:
    if dry_run:
        yield "candles", bars.count()
        return
    # The oldest go first: what is left always reaches from some bar to the newest.
    while (oldest := bars.aggregate(Min("open_time"))["open_time__min"]) is not None:
        yield "candles", bars.filter(open_time__lt=oldest + BATCH * interval).delete()[0]


def _drop(rows: "QuerySet[CandleRevision] | QuerySet[Hole]", dry_run: bool) -> int:
    return rows.count() if dry_run else rows.delete()[0]
