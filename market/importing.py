"""Candle files into the database, as a market of their own: real bars never mix with simulated ones."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market import ingest
from market.feeds import files
from market.feeds.base import FeedError
from market.feeds.recorded import Recording
from market.holes import recorded
from market.models import Instrument, Market, Series

KEY = "imported"
CHUNK = 20_000  # bars stored at a time: one transaction, one step of the progress bar


def imported_market() -> Market:
    """Return the market that holds what was imported."""
    return Market.objects.get_or_create(key=KEY, defaults={"source": KEY})[0]


def read_sound(path: Path) -> tuple[str, Recording, Counter[str]]:
    """Return a file's symbol, its bars on every timeframe, and what was left out, counted by reason.

    Raises FeedError if the file is no candle file or holds no sound bar.
    """
    name = files.parse_name(path)
    if name is None:
        raise FeedError(f"{path}: a candle file is named SYMBOL-interval.parquet or .csv")
    symbol, interval = name[0], INTERVAL_MS[name[1]]
    window, rejected = _ordered(files.read(path))
    found = ingest.faults(window, interval)
    rejected.update(fault for fault in found if fault is not None)
    good = np.flatnonzero(found == None)  # noqa: E711  elementwise
    if not len(good):
        raise FeedError(f"{path}: holds no sound bar ({dict(rejected)})")
    sound = Window(window.open_times[good], window.values[:, good])
    return symbol, Recording(sound, recorded(sound.open_times, interval), interval), rejected


def _ordered(window: Window) -> tuple[Window, Counter[str]]:
    """Return the bars by time, of equal times the first, and how many were out of order or double."""
    order = np.argsort(window.open_times, kind="stable")
    times = window.open_times[order]
    first = np.append(True, np.diff(times) > 0) if len(times) else np.array([], dtype=bool)
    rejected = Counter({"open_time repeats an earlier one": int(np.count_nonzero(~first))})
    kept = order[first]
    return Window(window.open_times[kept], window.values[:, kept]), +rejected


def store(market: Market, symbol: str, recording: Recording) -> Iterator[int]:
    """Upsert a symbol's bars on every timeframe; yield how many bars each step stored."""
    instrument, _ = Instrument.objects.get_or_create(market=market, symbol=symbol)
    for timeframe, (window, holes) in recording.series.items():
        first = int(window.open_times[0])
        series, created = Series.objects.get_or_create(
            instrument=instrument, timeframe=timeframe, defaults={"first_open": first}
        )
        if not created and first < series.first_open:
            Series.objects.filter(pk=series.pk).update(first_open=first)
        ingest.store(market, [(series, window.between(0, 0), holes)])
        for at in range(0, len(window.open_times), CHUNK):
            part = Window(window.open_times[at : at + CHUNK], window.values[:, at : at + CHUNK])
            ingest.store(market, [(series, part, [])])
            yield len(part.open_times)
