"""``python -m bench.run [--rounds N]``: measure the engine beside what people use; write bench/results/YYYY-MM-DD.md.

Runs alternate, ours and theirs, and medians are compared: absolute times of one machine at one hour say little. A
peer that is missing ends the run; a target that is missed is reported as missed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

import django
import pandas as pd
import talib

from bench import ours
from bench.classic import pandas_22, talib_22
from bench.market import COLUMNS, prices
from engine.evidence import history, logged, scan
from engine.timeframes import WINDOW_BARS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SERIES = 2_000  # 500 symbols on 4 timeframes
SAMPLE = 100  # series of the slow peers, whose cost is the same for each; their times are scaled up
SHORT = 500  # bars of the windows on which the indicators alone are compared
ARITHMETIC = 2_000_000_000  # multiplications: half as long as a scan
HISTORY_BARS, PRESET_BARS, PRESETS, COLUMNS_AT_ONCE = 500_000, 50_000, 1_000, 100
ROUNDS = 7
FIRST_SCORE = """
import numpy as np
from engine.evidence import scan
from engine.score import Policy, combine
from engine.catalogue import DETECTORS
from engine.window import Window
closes = 100.0 + np.sin(np.arange(767) / 5.0)
times = np.arange(767, dtype=np.int64) * 300_000
one = scan([Window(times, np.stack([closes, closes + 1, closes - 1, closes, closes, closes / 2]))], explain=True)[0]
policy = Policy(dict.fromkeys(DETECTORS, 1.0), 0.1, 0.0)
combine(one.score[:, 0, 0].tolist(), one.confidence[:, 0, 0].tolist(), 0.0, 0.0, policy)
"""
NO_NUMBA = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
import realtime_agent.asgi, realtime_agent.urls  # what answers requests is loaded with the first
sys.exit("numba" in sys.modules)
"""

Measure = Callable[[], float]


class Target(NamedTuple):
    """One line of the report. ``passed`` is None where nothing was promised."""

    what: str
    wanted: str
    found: str
    passed: bool | None


class Peer:
    """A peer's process, in its own environment: told which measure to run, it answers with seconds."""

    def __init__(self, name: str, module: str, arguments: list[int]) -> None:
        python = HERE / ".work" / name / "bin" / "python"
        if not python.exists():
            raise SystemExit(f"{name} is missing: run bench/setup_peers.sh")
        command = [str(python), "-m", module, *map(str, arguments)]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}  # ours alone
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=ROOT, env=plain, text=True, **pipes)
        self.versions: dict[str, str] = self._read(name)

    def measure(self, what: str) -> Measure:
        def run() -> float:
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
            return float(self._read(what))

        return run

    def _read(self, what: str):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer's process ended at {what!r} (exit {self._process.wait()})")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)


@contextmanager
def peer(name: str, module: str, arguments: list[int]) -> Iterator[Peer]:
    one = Peer(name, module, arguments)
    try:
        yield one
    finally:
        one.close()


def timed(function: Callable[[], object], clock: Measure = time.perf_counter) -> Measure:
    def run() -> float:
        begun = clock()
        function()
        return clock() - begun

    return run


def worked(function: Callable[[], object]) -> Measure:
    """Measure processor time: of what one thread does, it is the time on a machine that does nothing else."""
    return timed(function, time.process_time)


def alternate(measures: dict[str, Measure], rounds: int = ROUNDS) -> dict[str, float]:
    """Return each measure's median seconds over ``rounds``; in each all run once, and a first round is thrown away."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for lap in range(rounds + 1):
        for name, measure in measures.items():
            seconds = measure()
            if lap:
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


def ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


def measure_scan(freqtrade: Peer, rounds: int) -> tuple[list[Target], dict[str, float]]:
    """Indicators alone on windows of 500 bars; the complete scan on full windows; two threads."""
    short, full = prices(SERIES, SHORT), prices(SERIES, WINDOW_BARS)
    tiles = ours.tiles([logged(window) for window in ours.windows(short)])
    plain = ours.windows(full)
    kept = [logged(window) for window in plain]
    frames = [pd.DataFrame(dict(zip(COLUMNS, one, strict=True))) for one in full[: SAMPLE // 4]]
    scale = {"freqtrade": SERIES / SAMPLE, "pandas,": SERIES / len(frames)}
    bars = (SHORT, WINDOW_BARS)
    measures = {
        f"our indicators, {SHORT} bars": timed(lambda: [ours.indicators(tile) for tile in tiles]),
        f"TA-Lib, 22 indicators, {SHORT} bars": timed(lambda: [talib_22(*one[:5]) for one in short]),
        "our complete scan, logs kept": timed(lambda: scan(kept)),
        "our complete scan, two threads": timed(lambda: scan(kept, threads=2)),
        "arithmetic in registers": timed(lambda: ours.bound(ARITHMETIC)),
        "arithmetic in registers, two threads": timed(lambda: ours.bound(ARITHMETIC, threads=2)),
        "our complete scan, logs taken": timed(lambda: scan(plain)),
        f"TA-Lib, 22 indicators, {bars[1]} bars": timed(lambda: [talib_22(*one[:5]) for one in full]),
        f"pandas, 22 indicators, {bars[1]} bars": timed(lambda: [pandas_22(frame) for frame in frames]),
        **{
            f"freqtrade {step}, {n} bars": freqtrade.measure(f"{step} {n}")
            for step in ("analyze_ticker", "advise_indicators")
            for n in bars
        },
    }
    took = alternate(measures, rounds)
    for name in took:
        took[name] *= scale.get(name.split(" ", 1)[0], 1.0)
    indicators, complete = took[f"our indicators, {SHORT} bars"], took["our complete scan, logs kept"]
    talib_short, talib_full = (took[f"TA-Lib, 22 indicators, {n} bars"] for n in bars)
    advise = took[f"freqtrade advise_indicators, {SHORT} bars"]
    analyze = took[f"freqtrade analyze_ticker, {bars[1]} bars"]
    given = took["arithmetic in registers"] / took["arithmetic in registers, two threads"]
    targets = [
        ratio("indicators alone against freqtrade `advise_indicators`", 200, advise, indicators),
        ratio("indicators alone against raw TA-Lib's 22", 6, talib_short, indicators),
        ratio("complete scan against freqtrade `analyze_ticker`, same windows", 100, analyze, complete),
        ratio("the aim of the same", 150, analyze, complete),
        ratio("complete scan against raw TA-Lib's 22, same windows", 1, talib_full, complete),
        ratio("two threads against one", 1.7, complete, took["our complete scan, two threads"]),
        Target("the same of arithmetic in registers: what this machine has to give", "", f"{given:.1f} ×", None),
    ]
    return targets, took


def ratio(what: str, wanted: float, theirs: float, mine: float) -> Target:
    return Target(what, f"≥ {wanted:g} ×", f"{theirs / mine:,.1f} ×", theirs / mine >= wanted)


def measure_history(rounds: int) -> tuple[list[Target], dict[str, float]]:
    series = ours.windows(prices(1, HISTORY_BARS))[0]
    took = alternate({"our history, 500,000 bars": worked(lambda: history(series, ours.MINUTE))}, rounds)
    indices, evidence = history(series, ours.MINUTE)
    wrong = ours.spot_check(series, indices, evidence)
    rate = HISTORY_BARS / next(iter(took.values())) / 1e6
    targets = [
        Target("history, all detectors, one core", "≥ 3.0 M bars/s", f"{rate:.2f} M bars/s", rate >= 3.0),
        Target("history against the scan, 200 drawn bars", "0 differ in a bit", f"{wrong} differ", wrong == 0),
    ]
    return targets, took


def measure_presets(vectorbt: Peer, rounds: int) -> tuple[list[Target], dict[str, float]]:
    """x of every preset, as a search reads it; the search behind it; every score kept; vectorbt."""
    series = ours.windows(prices(1, PRESET_BARS))[0]
    django.setup()
    from bench.presets import Presets

    found = Presets(series, PRESETS)
    took = alternate(
        {
            "features of 50,000 bars": worked(lambda: history(series, ours.MINUTE)),
            "1,000 presets: x at each bar, 16 presets at a time": worked(found.products),
            "as many multiplications in registers": worked(lambda: ours.bound(found.multiplications)),
            "1,000 presets: x, act and trades": worked(found.search),
            "1,000 presets: every score kept, 400 MB": worked(found.scores),
            "vectorbt, 1,000 columns": vectorbt.measure("columns"),
        },
        rounds,
    )
    took["vectorbt, 1,000 columns"] *= PRESETS / COLUMNS_AT_ONCE
    base, product, least, searched, kept, theirs = took.values()

    def of_features(what: str, added: float, promised: bool) -> Target:
        return Target(what, "≤ 1.0 ×" if promised else "", f"{added / base:.2f} ×", added <= base if promised else None)

    return [
        of_features("1,000 presets (x at each bar) against the features' time", product, True),
        of_features("as many multiplications in registers against the same", least, False),
        of_features("1,000 presets searched (x, act, trades) against the same", searched, False),
        of_features("1,000 presets, every score kept, against the same", kept, False),
        ratio("1,000 presets searched against vectorbt's 1,000 columns", 40, theirs, searched),
        Target("features and that search against the same", "", f"{theirs / (base + searched):,.1f} ×", None),
    ], took


def fresh(code: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)


def measure_start(rounds: int) -> tuple[list[Target], dict[str, float]]:
    took = alternate({"fresh process to first score": timed(lambda: fresh(FIRST_SCORE).check_returncode())}, rounds)
    first = next(iter(took.values()))
    free = fresh(NO_NUMBA).returncode == 0
    return [
        Target("fresh process to first score, warm kernel cache", "< 2.5 s", f"{first:.2f} s", first < 2.5),
        Target("a web process that never scores imports no numba", "yes", "yes" if free else "no", free),
    ], took


def measure_memory() -> list[Target]:
    """Bytes of the arrays of 2,000 full windows, with and without their logs."""
    made = ours.windows(prices(SERIES, WINDOW_BARS))
    plain = [window._replace(open_times=window.open_times.copy()) for window in made]
    bars = sum(window.open_times.nbytes + window.values.nbytes for window in plain) / 1e6
    logs = sum(logged(window).prices.nbytes for window in plain) / 1e6
    return [
        Target("windows of 2,000 series", "< 150 MB", f"{bars:.0f} MB", bars < 150),
        Target("the same with their logs kept", "< 150 MB", f"{bars + logs:.0f} MB", bars + logs < 150),
    ]


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def report(
    targets: list[Target], took: dict[str, float], versions: dict[str, str], load: tuple[float, float], rounds: int
) -> str:
    """Return the report as Markdown."""
    word = {True: "pass", False: "**miss**", None: ""}
    lines = [
        f"# {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"- command: `python -m bench.run`, begun {datetime.now(UTC):%H:%M} UTC",
        f"- machine: {os.cpu_count()} cores, {processor()}, {platform.system()} {platform.machine()}; "
        f"load {load[0]:.1f} before, {load[1]:.1f} after (1.0 is this run)",
        f"- versions: {', '.join(f'{name} {number}' for name, number in versions.items())}",
        "- histories and presets by processor time of one thread, the rest by the clock",
        f"- medians of {rounds} rounds; in a round each runs once, ours and the peers' in turn",
        "",
        "| measure | target | found | |",
        "| --- | --- | --- | --- |",
        *(f"| {t.what} | {t.wanted} | {t.found} | {word[t.passed]} |" for t in targets),
        "",
        f"| median of what was run, {SERIES:,} series where nothing else is said | time |",
        "| --- | ---: |",
        *(f"| {name} | {ms(seconds)} |" for name, seconds in took.items()),
        "",
        f"freqtrade is measured on {SAMPLE} series, pandas on {SAMPLE // 4}, vectorbt on {COLUMNS_AT_ONCE} columns;",
        "scaled up. Our indicators are those the detectors use, 14 lines of the peers' 22 (no directional lines,",
        "no MACD line and signal, no fast stochastic, no 20-bar extremes), on tiles that hold logs. Columns",
        "of vectorbt are portfolios at a fixed threshold; our search finds each preset's own and adds up what became",
        "of its trades, which were followed once for all. x is the sum that a score spreads: bars rank alike by",
        "both. Memory is that of the arrays, not of the process.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine beside its peers.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each runs, {ROUNDS} unless given")
    rounds = parser.parse_args().rounds
    before = os.getloadavg()[0]
    versions = {"Python": platform.python_version(), "TA-Lib": talib.__version__}
    versions |= {name: version(name) for name in ("numpy", "numba", "pandas")}
    scan(ours.windows(prices(1, WINDOW_BARS)))  # compiles, where nobody has
    targets, took = measure_start(rounds)
    with peer("freqtrade", "bench.peers.freqtrade_scan", [SAMPLE, SHORT, WINDOW_BARS]) as freqtrade:
        versions |= freqtrade.versions
        more, times = measure_scan(freqtrade, rounds)
        targets, took = [*targets, *more], took | times
    more, times = measure_history(rounds)
    targets, took = [*targets, *more], took | times
    with peer("vectorbt", "bench.peers.vectorbt_presets", [COLUMNS_AT_ONCE, PRESET_BARS, 12]) as vectorbt:
        versions |= vectorbt.versions
        more, times = measure_presets(vectorbt, rounds)
        targets, took = [*targets, *more], took | times
    targets += measure_memory()
    text = report(targets, took, versions, (before, os.getloadavg()[0]), rounds)
    path = HERE / "results" / f"{datetime.now(UTC):%Y-%m-%d}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    sys.stdout.write(f"{text}\nwritten to {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
