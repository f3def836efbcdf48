"""``python -m bench.run [--rounds N]``: measure the engine beside what people use; write bench/results/YYYY-MM-DD.md.

Runs alternate, ours and theirs, and medians are compared: absolute times of one machine at one hour say little. A
peer that is missing ends the run; a target that is missed is reported as missed.
"""

import argparse
import os
import platform
import subprocess
import sys
from importlib.metadata import version

import django
import pandas as pd
import talib

from bench import ours
from bench.classic import pandas_22, talib_22
from bench.market import COLUMNS, prices
from bench.measuring import COLUMNS_AT_ONCE, ROOT, ROUNDS, Peer, Target, alternate, peer, ratio, timed, worked
from bench.reporting import begun, load, machine, targets_table, times_table, write
from engine.evidence import history, logged, scan
from engine.timeframes import WINDOW_BARS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
SERIES = 2_000  # 500 symbols on 4 timeframes
SAMPLE = 100  # series of the slow peers, whose cost is the same for each; their times are scaled up
SHORT = 500  # bars of the windows on which the indicators alone are compared
ARITHMETIC = 2_000_000_000  # multiplications: half as long as a scan
HISTORY_BARS, PRESET_BARS, PRESETS = 500_000, 50_000, 1_000
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


def notes(took: dict[str, float], versions: dict[str, str], before: float, rounds: int) -> tuple[list[str], list[str]]:
    """Return what stands above the targets, and what stands below them."""
    above = [
        begun("python -m bench.run"),
        machine(before),
        f"- versions: {', '.join(f'{name} {number}' for name, number in versions.items())}",
        "- histories and presets by processor time of one thread, the rest by the clock",
        f"- medians of {rounds} rounds; in a round each runs once, ours and the peers' in turn",
        "",
    ]
    below = [
        "",
        *times_table(f"median of what was run, {SERIES:,} series where nothing else is said", took),
        "",
        f"freqtrade is measured on {SAMPLE} series, pandas on {SAMPLE // 4}, vectorbt on {COLUMNS_AT_ONCE} columns;",
        "scaled up. Our indicators are those the detectors use, 14 lines of the peers' 22 (no directional lines,",
        "no MACD line and signal, no fast stochastic, no 20-bar extremes), on tiles that hold logs. Columns",
        "of vectorbt are portfolios at a fixed threshold; our search finds each preset's own and adds up what became",
        "of its trades, which were followed once for all. x is the sum that a score spreads: bars rank alike by",
        "both. Memory is that of the arrays, not of the process.",
    ]
    return above, below


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine beside its peers.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each runs, {ROUNDS} unless given")
    rounds = parser.parse_args().rounds
    before = load()
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
    above, below = notes(took, versions, before, rounds)
    write("", "", [*above, *targets_table(targets), *below])


if __name__ == "__main__":
    main()
