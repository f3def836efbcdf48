"""Bars into the candle table: checked here once, upserted; a bad bar is counted and left out, by reason."""

from collections import Counter
from collections.abc import Iterable
from math import isnan

import numpy as np
import numpy.typing as npt
from django.db import transaction

from engine.window import COLUMNS, Window
from market.holes import HoleSpan
from market.models import Candle, Hole, Market, Series
from market.revisions import keep_former

BATCH = 2000


def faults(window: Window, interval_ms: int) -> npt.NDArray[np.object_]:
    """Return, for each bar, what is wrong with it, or None."""
    prices = window.values[:4]
    opened, high, low, closed, volume, taker = window.values
    found = np.full(len(window.open_times), None, dtype=object)
    checks = [
        ("taker_buy_volume is more than volume or negative", (taker < 0) | (taker > volume * (1 + 1e-9))),
        ("volume is negative or no number", ~((volume >= 0) & np.isfinite(volume))),
        ("low is above open, close or high", low > np.minimum(np.minimum(opened, closed), high)),
        ("high is below open or close", high < np.maximum(opened, closed)),
        ("a price is not above 0 or is no number", ~np.all((prices > 0) & np.isfinite(prices), axis=0)),
        (f"open_time is not on the grid of {interval_ms} ms", window.open_times % interval_ms != 0),
    ]  # fmt: skip
    for fault, where in checks:  # the gravest last: it is the one named
        found[where] = fault
    return found


def store(market: Market, arrivals: Iterable[tuple[Series, Window, list[HoleSpan]]]) -> Counter[str]:
    """Upsert bars and holes in one transaction; return how many were ``stored`` and how many rejected, by reason.

    What a changed bar was before is kept (``CandleRevision``).
    """
    counts: Counter[str] = Counter()
    candles: list[Candle] = []
    known: list[tuple[Series, Window]] = []
    holes: list[Hole] = []
    newest = market.last_close or 0
    for series, window, spans in arrivals:
        found = faults(window, series.interval_ms)
        good = np.flatnonzero(found == None)  # noqa: E711  elementwise
        counts.update(fault for fault in found if fault is not None)
        candles += _rows(series, window, good)
        known.append((series, Window(window.open_times[good], window.values[:, good])))
        holes += [Hole(series=series, start=h.start, end=h.end, reason=h.reason) for h in spans]
        if len(good):
            newest = max(newest, int(window.open_times[good[-1]]) + series.interval_ms)
    counts["stored"] = len(candles)
    with transaction.atomic():
        keep_former(market, known)
        Candle.objects.bulk_create(
            candles, BATCH, update_conflicts=True, unique_fields=["series", "open_time"], update_fields=[*COLUMNS]
        )
        Hole.objects.bulk_create(
            holes, BATCH, update_conflicts=True, unique_fields=["series", "start"], update_fields=["end", "reason"]
        )
        if newest > (market.last_close or 0):
            market.last_close = newest
            Market.objects.filter(pk=market.pk).update(last_close=newest)
    return counts


def _rows(series: Series, window: Window, good: npt.NDArray[np.int64]) -> list[Candle]:
    times = window.open_times[good].tolist()
    columns = window.values[:, good].tolist()
    return [
        Candle(
            series=series,
            open_time=t,
            open=o,
            high=h,
            low=low,
            close=c,
            volume=v,
            taker_buy_volume=None if isnan(taker) else taker,
        )
        for t, o, h, low, c, v, taker in zip(times, *columns, strict=True)
    ]
