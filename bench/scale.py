"""``python -m bench.scale``: a tick over thousands of series on PostgreSQL; writes bench/results/YYYY-MM-DD-scale.md.

It makes a database of its own on the server of TEST_DATABASE_URL and, for the workers, needs the Redis of
TEST_REDIS_URL. Three things are measured:

- 2,000 series of one timeframe: what a tick reads, takes in and computes anew, against the ORM's load of all the bars;
- the same series: a worker's start from its snapshot and what came since, against its start from the rows;
- 500 symbols on 3 timeframes: from the arrival of the bars, which are written as a feed writes them, until the scan is
  stored and published: in one process, and with 1, 2 and 4 Celery workers.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.databases import on_postgresql
from bench.market import COLUMNS, prices
from bench.measuring import ROOT, Target, ratio
from bench.reporting import begun, load, machine, targets_table, times_table, write

SERIES, SYMBOLS = int(os.environ.get("SERIES", "2000")), int(os.environ.get("SYMBOLS", "500"))
TIMEFRAMES = ("5m", "15m", "1h")
WORKERS = (1, 2, 4)
BARS = 800  # a window and some
CHUNK = 200  # series of which the ORM holds the objects at a time
ROUNDS = 5
SNAPSHOT = "windows-of-the-bench"
FIVE, HOUR = 300_000, 3_600_000
BLOCK = 256 * HOUR
NOW = 1_700_006_400_000 // BLOCK * BLOCK + 100 * HOUR  # in the middle of a block of every timeframe
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")

Took = dict[str, float]


def stored(market, symbols: int, timeframes: tuple[str, ...]) -> list:
    """Store a market of as many symbols with BARS bars a series up to NOW; return its series, symbol by symbol."""
    from django.db import connection

    from market.models import Instrument, Series

    Instrument.objects.bulk_create(Instrument(market=market, symbol=f"S{n:04d}USDT") for n in range(symbols))
    Series.objects.bulk_create(
        Series(instrument=one, timeframe=t, first_open=0)
        for one in Instrument.objects.filter(market=market)
        for t in timeframes
    )
    found = Series.objects.filter(instrument__market=market).select_related("instrument__market")
    series = sorted(found, key=lambda one: (one.instrument.symbol, one.interval_ms))
    walks = prices(symbols, BARS)
    for number, one in enumerate(series):
        times = NOW + np.arange(-BARS, 0) * one.interval_ms
        copy_in([one], times, walks[number // len(timeframes)][None])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return series


def copy_in(members: list, times: np.ndarray, values: np.ndarray) -> None:
    """Put bars of ``members`` at ``times`` into the table past all checks. values: (series, 6, bars)."""
    from django.db import connection

    from market.candles import COPY_HEAD, COPY_TAIL, ROW

    rows = np.zeros((len(members), len(times)), ROW)
    rows["fields"] = 8
    for name in ROW.names:
        if name.endswith("_bytes"):
            rows[name] = 8
    rows["series"] = np.array([one.pk for one in members])[:, None]
    rows["time"] = times
    for i, name in enumerate(COLUMNS):
        rows[name] = values[:, i]
    columns = ", ".join(["series_id", "open_time", *COLUMNS])
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY market_candle ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(COPY_HEAD + rows.tobytes() + COPY_TAIL)


def timed(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def say(what: str) -> None:
    """Tell on stderr what is measured now."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")
    sys.stderr.flush()


def many_series(data: Path) -> Took:
    """A tick's read, update and features of SERIES series, the ORM's load of all, and starts from file and table."""
    from market import snapshot
    from market.models import Candle, Market
    from market.windows import Windows

    market = Market.objects.create(key="bench", source="bench")
    say(f"storing {SERIES} series")
    series = stored(market, SERIES, ("5m",))
    say("the ORM's loads")
    took = loaded_by_the_orm(series)
    say("ticks and starts")
    windows = Windows()
    windows.refresh(series, NOW)
    snapshot.write(data / SNAPSHOT, windows, series, market)
    took |= ticks(windows, series)
    took |= starts(series, market, data)
    Candle.objects.filter(series__in=series).delete()
    return took


def loaded_by_the_orm(series: list) -> Took:
    from market.models import Candle

    def everything(read: Callable[[Any], object]) -> None:
        for at in range(0, SERIES, CHUNK):
            bars = Candle.objects.filter(series__in=series[at : at + CHUNK]).opening(NOW - 767 * FIVE, NOW)
            read(bars.order_by("series_id", "open_time"))

    return {
        "the ORM's load of all bars, objects": timed(lambda: everything(list)),
        "the ORM's load of all bars, tuples": timed(lambda: everything(lambda bars: list(bars.values_list()))),
    }


def ticks(windows: Any, series: list) -> Took:
    """Return what a tick takes, median of ROUNDS behind one that is thrown away; and the first, which folds all."""
    from engine.steps import Followed, Steps

    walks, steps = prices(SERIES, ROUNDS + 1, seed=5), Steps()

    def features(at: int) -> None:
        cuts = {one.pk: windows.cut(one, at) for one in series}
        found = steps.scan({one.pk: Followed(cuts[one.pk], windows.mark(one)) for one in series})
        assert len(found) == SERIES

    whole = timed(lambda: features(NOW))
    updates, scored = [], []
    for n in range(ROUNDS + 1):
        at = NOW + (n + 1) * FIVE
        copy_in(series, np.array([at - FIVE]), walks[:, :, n : n + 1])
        updates.append(timed(lambda at=at: windows.refresh(series, at)))
        scored.append(timed(lambda at=at: features(at)))
    both = [a + b for a, b in zip(updates, scored, strict=True)]
    return {
        "all windows folded whole (a start, and every 256th bar)": whole,
        "a tick's delta read and update": median(updates[1:]),
        "a tick's features": median(scored[1:]),
        "a tick's delta read, update and features": median(both[1:]),
    }


def starts(series: list, market: Any, data: Path) -> Took:
    """Return what a worker's start takes, from its snapshot of before the ticks and from the table alone."""
    from market import snapshot
    from market.windows import Windows

    now = NOW + (ROUNDS + 1) * FIVE

    def from_file() -> None:
        started = Windows()
        assert snapshot.read(data / SNAPSHOT, started, series, market) == SERIES
        started.refresh(series, now)

    return {
        "start from the table": median(timed(lambda: Windows().refresh(series, now)) for _ in range(3)),
        "start from the file and what came since": median(timed(from_file) for _ in range(3)),
    }


class Arrivals:
    """What a feed brings to the market of the scan: whole hours, of which the last five minutes are scanned apart."""

    def __init__(self) -> None:
        from market.feeds import current_market
        from market.models import Market

        self.market = current_market()
        self.series = stored(self.market, SYMBOLS, TIMEFRAMES)
        Market.objects.filter(pk=self.market.pk).update(position=NOW - FIVE, delivered=NOW, last_close=NOW)
        self.walks = prices(SYMBOLS, 4_000, seed=6)
        self.now, self._bar = NOW, 0

    def next_hour(self) -> None:
        """Bring the bars of almost an hour, unscanned."""
        from market.models import Market

        self.now += HOUR - FIVE
        for timeframe in TIMEFRAMES:
            members = [one for one in self.series if one.timeframe == timeframe]
            interval = members[0].interval_ms
            times = np.arange(self.now - HOUR + FIVE, self.now - interval + 1, interval)
            if len(times):
                copy_in(members, times, self._next(len(times)))
        Market.objects.filter(pk=self.market.pk).update(delivered=self.now, last_close=self.now)

    def last_five_minutes(self) -> None:
        """Bring the bars with which every timeframe closes, as a feed does: checked and written."""
        from engine.window import Window
        from market import ingest
        from market.models import Market

        self.now += FIVE
        values = self._next(1)
        ingest.store(
            Market.objects.get(pk=self.market.pk),
            [
                (one, Window(np.array([self.now - one.interval_ms]), values[number // len(TIMEFRAMES)]), [])
                for number, one in enumerate(self.series)
            ],
        )
        Market.objects.filter(pk=self.market.pk).update(delivered=self.now)

    def _next(self, count: int) -> np.ndarray:
        self._bar += count
        return self.walks[:, :, self._bar - count : self._bar]


def scanned_here(arrivals: Arrivals) -> tuple[Took, int]:
    """From the arrival of bars to published signals, in this process; return also how many signals a scan told."""
    from asgiref.sync import async_to_sync

    from agent.ticking import Ticker
    from signals.publish import mark_published, publish

    ticker = Ticker(arrivals.market)
    parts: dict[str, list[float]] = {"writing the candles": [], "the scan": [], "publishing": []}
    signals = 0

    def scan() -> list:
        while not (step := ticker.step(1.0)).ticks:
            time.sleep(0.001)
        return step.signals

    mark_published(scan())
    for n in range(ROUNDS + 1):
        arrivals.next_hour()
        mark_published(scan())
        written = timed(arrivals.last_five_minutes)
        told: list = []
        scanning = timed(lambda told=told: told.extend(scan()))

        def send(told: list = told) -> None:
            async_to_sync(publish)(ticker.market, told)
            mark_published(told)

        sending = timed(send)
        if n:
            signals += len(told)
            for values, one in zip(parts.values(), (written, scanning, sending), strict=True):
                values.append(one)
    took = {f"in one process: {name}": median(values) for name, values in parts.items()}
    took["in one process: end to end"] = median(sum(one) for one in zip(*parts.values(), strict=True))
    return took, signals // ROUNDS


def scanned_by(arrivals: Arrivals, workers: int) -> Took:
    """The same with Celery workers, from the arrival of the bars until the run is complete."""
    from celery import Celery

    from agent.models import ScanRun

    environment = os.environ | {
        "REDIS_URL": REDIS_URL,
        "SCAN_SHARD_SYMBOLS": str(-(-SYMBOLS // workers)),
        "WATCHDOG_S": "300",
    }
    command = [sys.executable, "-m", "celery", "-A", "realtime_agent", "worker", "--loglevel", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    started = [subprocess.Popen([*command, "-n", f"w{n}@bench"], cwd=ROOT, env=environment) for n in range(workers)]
    app = Celery(broker=REDIS_URL)

    def complete() -> None:
        until, asked = time.monotonic() + 120.0, 0.0
        while not ScanRun.objects.filter(market_time=arrivals.now, status=ScanRun.Status.COMPLETE).exists():
            if time.monotonic() - asked > 1.0:
                app.send_task("agent.tick", queue="realtime_agent", expires=1.0, retry=False)
                asked = time.monotonic()
            if time.monotonic() > until:
                raise SystemExit(f"{workers} workers did no scan within two minutes")
            time.sleep(0.002)

    def one_scan() -> None:
        arrivals.last_five_minutes()
        complete()

    taken = []
    try:
        for _ in range(ROUNDS + 3):  # the first three make every worker's windows warm
            arrivals.next_hour()
            complete()
            taken.append(timed(one_scan))
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
    return {f"{workers} worker{'s' if workers > 1 else ''}: end to end": median(taken[3:])}


def main() -> None:
    from engine import warm

    before = load()
    warm.main(only_if_cold=True)
    with on_postgresql() as data:
        took = many_series(data)
        say(f"storing {SYMBOLS} symbols")
        arrivals = Arrivals()
        say("scans in this process")
        here, signals = scanned_here(arrivals)
        took |= here
        for workers in WORKERS:
            say(f"scans by {workers} workers")
            took |= scanned_by(arrivals, workers)
    tick, scan = took["a tick's delta read, update and features"], took["in one process: end to end"]
    objects, tuples = took["the ORM's load of all bars, objects"], took["the ORM's load of all bars, tuples"]
    table, file = took["start from the table"], took["start from the file and what came since"]
    slowest = max(took[name] for name in took if "worker" in name)
    targets = [
        ratio(f"a tick of {SERIES:,} series against the ORM's load of their bars", 200, objects, tick),
        Target("the same against the ORM's tuples", "", f"{tuples / tick:.0f} ×", None),
        ratio("a worker's start from its file against its start from the table", 15, table, file),
        Target(
            f"{SYMBOLS} symbols × 3 timeframes, candles written, in one process",
            "< 1 s",
            f"{scan:.2f} s",
            scan < 1.0,
        ),
        Target("the same by 1, 2 and 4 workers, the slowest", "< 1 s", f"{slowest:.2f} s", slowest < 1.0),
    ]
    about = [
        begun("python -m bench.scale"),
        f"{machine(before)}; PostgreSQL and Redis run on it too",
        f"- wall time; medians of {ROUNDS} rounds (3 of the starts, 1 of the ORM's loads)",
        f"- a scan is that of a full hour, where all three timeframes close; it told {signals} signals on average",
        "",
    ]
    tables = [*targets_table(targets), "", *times_table("what was run", took)]
    write("scale", "a tick over many series on PostgreSQL", [*about, *tables])


if __name__ == "__main__":
    main()
