"""``python -m bench.dashboard``: the first page in a real browser; writes bench/results/YYYY-MM-DD-dashboard.md.

A market of 400 symbols that the agent scored, the project's own server, Debian's chromium. How soon the page can be
used with a cold cache, what it loads, and how it keeps up while every row changes five times a second. The signals
come from a publisher in the agent's place, so that what is measured is the page: frames are counted idle and under
load in the same run, and the heap is looked at each half minute, behind a full collection.

    python -m bench.dashboard [--only open|frames|heap …] [--frames SECONDS] [--heap MINUTES] [--no-report]
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.fanout.run import answers, free_port
from bench.market import COLUMNS, prices
from bench.measuring import Target
from bench.reporting import begun, load, machine, targets_table, write

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DIST = ROOT / "frontend" / "dist" / "assets"
SYMBOLS, BARS, SCANS = 400, 800, 3
BEGIN, FIVE = 1_704_067_200_000, 300_000
TIMEFRAMES = ["5m", "15m"]
UPDATES = 5  # scans a second; each changes every row
OPENINGS = 9
SETTLE_S = 6.0  # the first requests, the first ranks
LOOK_S = 30.0  # between two looks at the heap
SPENT = {"TaskDuration": "all", "ScriptDuration": "script", "LayoutDuration": "layout", "RecalcStyleDuration": "style"}
ROW = ".grid-body [role=row] .score"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
# Usable: rows with scores are painted, and no later task holds up a key for more than 50 ms.
WATCH = """(() => {
  window.busyUntil = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.busyUntil = task.startTime + task.duration;
  }).observe({ type: 'longtask', buffered: true });
  const look = () => {
    if (!document.querySelector('SELECTOR')) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => (window.shownAt = performance.now())));
  };
  requestAnimationFrame(look);
})()""".replace("SELECTOR", ROW)
FRAMES = """(seconds) => new Promise((done) => {
  const gaps = [];
  let last = performance.now();
  const until = last + 1000 * seconds;
  const tick = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < until) requestAnimationFrame(tick);
    else done(gaps.slice(1));
  };
  requestAnimationFrame(tick);
})"""


def prepare(folder: Path) -> None:
    """Score a market of made-up candles; leave the database and ``signals.json``, the newest signal of each symbol."""
    import django

    django.setup()
    from django.core.management import call_command

    from agent.runner import MarketRunner
    from agent.services import configure
    from market.feeds import current_market
    from signals.models import Signal
    from signals.publish import mark_published

    call_command("migrate", verbosity=0)
    configure({"timeframes": TIMEFRAMES})
    runner, scans = MarketRunner(current_market()), 0
    while scans < SCANS:
        if signals := runner.step().signals:
            mark_published(signals)
            scans += 1
    newest = Signal.objects.newest(runner.market)
    (folder / "signals.json").write_text(json.dumps([one.frame(runner.market) for one in newest]))


def write_candles(folder: Path) -> None:
    folder.mkdir()
    for number, values in enumerate(prices(SYMBOLS, BARS)):
        rows = (
            f"{BEGIN + i * FIVE}," + ",".join(f"{value:.8g}" for value in column) for i, column in enumerate(values.T)
        )
        (folder / f"S{number:03}USDT-5m.csv").write_text("\n".join([",".join(["open_time", *COLUMNS]), *rows]) + "\n")


@contextmanager
def served() -> Iterator[tuple[int, "Publisher"]]:
    """Run the server on a market of 400 symbols, with a publisher in the agent's place."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_candles(folder / "candles")
        environment = os.environ | {
            "DATA_DIR": name, "MARKET_SOURCE": f"replay:{folder / 'candles'}", "REPLAY_SPEED": "0",
            "LOG_LEVEL": "ERROR",  # a symbol without a side has no stop to plan, which is refused
            "DJANGO_SETTINGS_MODULE": "realtime_agent.settings",
        }  # fmt: skip
        command = [sys.executable, "-m", "bench.dashboard", "--prepare", name]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        port, door = free_port(), free_port()
        command = [sys.executable, "-m", "bench.fanout.serving", "daphne", str(port), str(door)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            answers(port)
            answers(door)
            yield port, Publisher(door, json.loads((folder / "signals.json").read_text()))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # its sockets are still being written to
                process.kill()
                process.wait()


class Publisher:
    """Sends scans at a steady pace: in each, every symbol's next signal, its score a step further on a walk."""

    def __init__(self, door: int, signals: list[dict[str, Any]]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", door))
        self._signals, self._draw = signals, random.Random(7)

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @property
    def head(self) -> int:
        """The highest number sent."""
        return max(one["seq"] for one in self._signals)

    def _run(self, stop: threading.Event) -> None:
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += 1.0 / UPDATES
            self._socket.sendall(b"".join(self._next(one) for one in self._signals))

    def _next(self, one: dict[str, Any]) -> bytes:
        step = self._draw.gauss(0.0, 0.01)
        score = min(0.95, max(0.05, one["score"] + step))
        one |= {
            "seq": one["seq"] + 1, "id": f"{one['symbol']}-{one['seq'] + 1}", "score": score, "because": "moved",
            "price": one["price"] * (1.0 + step / 20), "ts": one["ts"] + FIVE, "confidence": abs(score - 0.5) * 2,
            "direction": "BULLISH" if score > 0.55 else "BEARISH" if score < 0.45 else "NEUTRAL",
            "advice": "BUY" if score > 0.75 else "SELL" if score < 0.25 else "HOLD",
            "timeframes": {t: min(1.0, max(0.0, score + self._draw.gauss(0.0, 0.03))) for t in TIMEFRAMES},
        }  # fmt: skip
        return f"{one['symbol']}\t{json.dumps(one)}\n".encode()


def opened(browser: Browser, port: int) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US").new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator(ROW).first.wait_for()
    page.wait_for_timeout(1000 * SETTLE_S)
    return page


def open_page(browser: Browser, port: int) -> tuple[float, int]:
    """Return when the page can be used, in ms from the click, and the bytes of its files, without a cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.add_init_script(WATCH)
    page = context.new_page()
    files: list[str] = []
    page.on("response", lambda response: files.append(response.url) if "/static/" in response.url else None)
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator(ROW).first.wait_for()
    page.wait_for_timeout(1500)
    usable = page.evaluate("Math.max(window.shownAt, window.busyUntil)")
    context.close()
    return usable, sum(map(compressed, files))


def compressed(url: str) -> int:
    """Return a built file's size as brotli has it; fonts are compressed already."""
    path = DIST / url.rsplit("/", 1)[1]
    brotli = path.with_name(f"{path.name}.br")
    return (brotli if brotli.exists() else path).stat().st_size


def measure_opening(browser: Browser, port: int) -> tuple[list[Target], dict[str, str]]:
    open_page(browser, port)  # the server's first requests import much
    runs = [open_page(browser, port) for _ in range(OPENINGS)]
    times, size = [usable for usable, _ in runs], runs[0][1]
    targets = [
        Target("first page usable, cold cache, median", "< 1,500 ms", f"{median(times):,.0f} ms", median(times) < 1500),
        Target(f"the slowest of {OPENINGS}", "", f"{max(times):,.0f} ms", None),
        Target("what the first page loads, brotli", "≤ 200 kB", f"{size / 1000:.1f} kB", size <= 200_000),
    ]
    return targets, {}


class Look:
    """What the renderer did between two looks."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._session.send("HeapProfiler.enable")

    def metrics(self) -> dict[str, float]:
        return {one["name"]: one["value"] for one in self._session.send("Performance.getMetrics")["metrics"]}

    def heap(self) -> tuple[float, int]:
        """Return MB of live objects and the count of DOM nodes."""
        self._session.send("HeapProfiler.collectGarbage")
        found = self.metrics()
        return found["JSHeapUsedSize"] / 1e6, int(found["Nodes"])


def frames(page: Page, seconds: float) -> tuple[float, dict[str, str]]:
    """Return the share of frames under 20 ms, and what else is known of them."""
    look = Look(page)
    before = look.metrics()
    gaps = sorted(page.evaluate(FRAMES, seconds))
    after = look.metrics()
    spent = {name: (after[name] - before[name]) / seconds for name in SPENT}
    under = sum(gap < 20.0 for gap in gaps) / len(gaps)
    return under, {
        "frames": f"{len(gaps):,} in {seconds:.0f} s",
        "median, 95 %, 99 %, longest": ", ".join(
            f"{gaps[int(q * (len(gaps) - 1))]:.1f} ms" for q in (0.5, 0.95, 0.99, 1)
        ),
        "main thread": ", ".join(f"{SPENT[name]} {1000 * one:.0f} ms/s" for name, one in spent.items()),
    }


def shown(page: Page) -> int:
    """Return the highest number that a row in sight has taken."""
    return page.evaluate(
        "Math.max(...[...document.querySelectorAll('[data-testid=feed] li')].map(li => +li.dataset.seq))"
    )


def measure_frames(
    browser: Browser, port: int, publisher: Publisher, seconds: float
) -> tuple[list[Target], dict[str, str]]:
    page = opened(browser, port)
    idle, idle_facts = frames(page, seconds / 2)
    with publisher.running():
        page.wait_for_timeout(2000)
        busy, busy_facts = frames(page, seconds)
        came = shown(page)
        late = (publisher.head - came) / UPDATES
    page.context.close()
    targets = [
        Target("frames under 20 ms, 400 rows × 5 updates/s", "≥ 95 %", f"{100 * busy:.1f} %", busy >= 0.95),
        Target("the same page before the first update", "", f"{100 * idle:.1f} %", None),
        Target("how far the page is behind the publisher at the end", "≤ 2 s", f"{late:.1f} s", late <= 2.0),
    ]
    facts = {f"idle: {k}": v for k, v in idle_facts.items()} | {f"5 updates/s: {k}": v for k, v in busy_facts.items()}
    return targets, facts


def measure_heap(
    browser: Browser, port: int, publisher: Publisher, minutes: float
) -> tuple[list[Target], dict[str, str]]:
    """The heap over ``minutes`` of updates; the first minute fills what is bounded and is left out."""
    page = opened(browser, port)
    look, taken = Look(page), []
    with publisher.running():
        page.wait_for_timeout(60_000)
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < 60.0 * minutes:
            taken.append((passed / 60.0, *look.heap()))
            page.wait_for_timeout(1000 * LOOK_S)
        taken.append(((time.monotonic() - begun) / 60.0, *look.heap()))
    page.context.close()
    third = max(1, len(taken) // 3)
    first, last = (median(mb for _, mb, _ in part) for part in (taken[:third], taken[-third:]))
    nodes = [count for _, _, count in taken]
    targets = [
        Target(
            f"live heap, last third of {minutes:.0f} min against the first",
            "≤ 1.05 ×",
            f"{last / first:.3f} ×",
            last <= 1.05 * first,
        ),
        Target("DOM nodes, most against first look", "", f"{max(nodes):,} / {nodes[0]:,}", None),
    ]
    return targets, {"heap, MB by minute": ", ".join(f"{minute:.1f}: {mb:.2f}" for minute, mb, _ in taken)}


NOTES = [
    "Usable: rows with scores are painted and no later task holds the main thread for more than 50 ms. A frame is",
    "the time between two animation callbacks; the idle page is the floor of this machine. Main thread times are",
    "processor time.",
]


def lines(targets: list[Target], facts: dict[str, str], browser: str, before: float) -> list[str]:
    """Return the report's lines."""
    beside = ["| beside it | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in facts.items())]
    return [
        begun("python -m bench.dashboard"),
        f"{machine(before)}; no GPU",
        f"- chromium {browser}, headless, driven by Playwright {version('playwright')}; server, publisher and browser",
        "  share the cores",
        f"- {SYMBOLS} symbols, {len(TIMEFRAMES)} timeframes; a window of 1440 × 900;",
        f"  {SYMBOLS * UPDATES:,} signals a second under load",
        "",
        *targets_table(targets),
        "",
        *beside,
        "",
        *NOTES,
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prepare", type=Path)
    parser.add_argument("--only", nargs="+", choices=["open", "frames", "heap"], default=["open", "frames", "heap"])
    parser.add_argument("--frames", type=float, default=60.0)
    parser.add_argument("--heap", type=float, default=10.0)
    parser.add_argument("--no-report", action="store_true")
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare)
        return
    before = load()
    targets: list[Target] = []
    facts: dict[str, str] = {}
    with served() as (port, publisher), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        measures = {
            "open": lambda: measure_opening(browser, port),
            "frames": lambda: measure_frames(browser, port, publisher, options.frames),
            "heap": lambda: measure_heap(browser, port, publisher, options.heap),
        }
        for name in options.only:
            more, beside = measures[name]()
            targets, facts = [*targets, *more], facts | beside
        about = lines(targets, facts, browser.version, before)
        browser.close()
    if options.no_report:
        sys.stdout.write("\n".join(about) + "\n")
    else:
        write("dashboard", "the dashboard", about)


if __name__ == "__main__":
    main()
