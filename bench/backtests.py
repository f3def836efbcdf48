"""``python -m bench.backtests``: the backtest beside vectorbt, backtesting.py and freqtrade; writes
bench/results/YYYY-MM-DD-backtests.md.

One threshold rule, long alone, all of the capital, fees and slippage. Ours and theirs alternate; closed trades must be
the same before anything is timed. Then a whole backtest from candles, presets by the thousand, a walk-forward and the
endpoint.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from statistics import median
from typing import NamedTuple

import numpy as np

from bench.market import prices
from bench.measuring import COLUMNS_AT_ONCE, ROOT, Peer, Target, alternate, ms, peer, ratio, timed, worked
from bench.reporting import begun, load, machine, targets_table, times_table, write
from bench.rule import CAPITAL, FEE, SLIPPAGE, switches
from engine import statistics
from engine.plan import ENTER_LONG, LEAVE, NO_STOP, Terms
from engine.simulation import STILL_OPEN, Costs, Orders, Prices, Simulation, simulate

BARS, SHORT_BARS, MINUTE = 500_000, 100_000, 60_000
MANY, MANY_BARS = 50, 20_000
PRESETS, PRESET_BARS = 1_000, 50_000
# Of what is slow and costs the same for each, so many are measured and the time is scaled up.
MANY_MEASURED, PRESETS_MEASURED = 5, 8
ROUNDS, SLOW_ROUNDS = 5, 2
FEATURES = 12
PLAIN = Terms(stop=NO_STOP, target_r=0.0, risk=0.0, shorts=0)
COSTS = Costs(FEE, SLIPPAGE)


def orders_of(values: np.ndarray) -> Orders:
    """Return the rule's orders on (symbol, 6, bar) values, by bar and symbol."""
    parts = [switches(one[3]) for one in values]
    bars, sides = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    symbols = np.repeat(np.arange(len(values)), [len(part[0]) for part in parts])
    order = np.lexsort((symbols, bars))
    none = np.full(len(bars), np.nan)
    return Orders(bars[order], symbols[order], np.where(sides > 0, ENTER_LONG, LEAVE)[order], none, none, none)


def table_of(values: np.ndarray) -> Prices:
    """Return (symbol, 6, bar) values as the simulation reads them."""
    return Prices(*(np.ascontiguousarray(values[:, row].T) for row in range(4)))


def with_statistics(table: Prices, orders: Orders, closes: np.ndarray) -> None:
    result, per_year = simulate(table, orders, CAPITAL, COSTS, PLAIN), statistics.periods_per_year(MINUTE)
    equity, ledger = np.append(CAPITAL, result.equity), result.trades
    statistics.of_equity(equity, per_year)
    statistics.of_trades(ledger.profit)
    statistics.exposure(result.held)
    statistics.turnover(float((ledger.quantity * (ledger.entry + ledger.exit)).sum()), equity, per_year)
    statistics.buy_and_hold(float(table.open[0, 0]), float(table.close[-1, 0]), FEE, SLIPPAGE)
    statistics.monthly(closes, equity)


def require_same(name: str, theirs: Sequence[float], mine: Sequence[float]) -> Target:
    """Compare closed trades with a peer's, within rounding. Raises SystemExit where they differ."""
    if len(theirs) != len(mine) or not np.allclose(theirs, mine, rtol=1e-9, atol=1e-3):
        raise SystemExit(f"{name}: closed trades are {list(theirs)[:6]}, ours {list(mine)[:6]}")
    return Target(f"closed trades as {name}'s", "equal", "equal", True)


def closed_of(result: Simulation) -> tuple[list[float], list[int], list[int]]:
    """Return profits of closed trades, the bars of their entries, and of their exits."""
    ledger, closed = result.trades, result.trades.reason != STILL_OPEN
    return ledger.profit[closed].tolist(), ledger.entry_bar[closed].tolist(), ledger.exit_bar[closed].tolist()


class Peers(NamedTuple):
    vectorbt: Peer
    backtesting: Peer
    freqtrade: Peer


def started(stack: ExitStack) -> Peers:
    sizes = [SHORT_BARS, MANY_MEASURED, MANY_BARS, PRESETS_MEASURED, PRESET_BARS, FEATURES]
    return Peers(
        stack.enter_context(peer("vectorbt", "bench.peers.vectorbt_backtest", [BARS, MANY, MANY_BARS])),
        stack.enter_context(peer("backtesting", "bench.peers.backtesting_backtest", sizes)),
        stack.enter_context(peer("freqtrade", "bench.peers.freqtrade_backtest", [SHORT_BARS])),
    )


def measure_simulation(stack: ExitStack) -> tuple[list[Target], dict[str, float], dict[str, str]]:
    """One symbol and many, bare and with statistics, and a whole backtest from candles."""
    values = prices(1, BARS)
    peers = started(stack)
    targets = require_all_same(peers, values)
    took = time_short(peers, values) | time_slow(peers)
    return (
        [*targets, *simulated(took), *completed(took)],
        took,
        peers[0].versions | peers[1].versions | peers[2].versions,
    )


def first(values: np.ndarray, bars: int) -> tuple[Prices, Orders]:
    """Return the first bars of prices, and what the rule orders on them."""
    return table_of(values[:, :, :bars]), orders_of(values[:, :, :bars])


def simulated_on(table: Prices, orders: Orders) -> Simulation:
    return simulate(table, orders, CAPITAL, COSTS, PLAIN)


def require_all_same(peers: Peers, values: np.ndarray) -> list[Target]:
    profits, _, _ = closed_of(simulated_on(*first(values, BARS)))
    _, entries, exits = closed_of(simulated_on(*first(values, SHORT_BARS)))
    told = [one.versions.pop("facts") for one in peers]
    return [
        require_same("vectorbt", told[0], profits),
        # Its sizes are whole units, and freqtrade's costs are one fee: bars are compared, not money.
        require_same("backtesting.py", told[1], [*entries, *exits]),
        require_same("freqtrade (entries)", told[2][: len(entries)], entries),
    ]


def time_short(peers: Peers, values: np.ndarray) -> dict[str, float]:
    """Return what ours and vectorbt's take, in turn."""
    from bench.whole_backtests import complete

    closes = MINUTE * np.arange(1, BARS + 1, dtype=np.int64)
    one, short, whole = first(values, BARS), first(values, SHORT_BARS), complete(values[0])
    many = first(prices(MANY, MANY_BARS), MANY_BARS)
    took = alternate(
        {
            "our simulation": timed(lambda: simulated_on(*one)),
            "the same with all statistics": timed(lambda: with_statistics(*one, closes)),
            "ours, 100,000 bars": timed(lambda: simulated_on(*short)),
            "ours, 50 symbols of 20,000 bars": timed(lambda: simulated_on(*many)),
            "our complete backtest from candles, one core": timed(lambda: whole(1)),
            "our complete backtest from candles, two cores": timed(lambda: whole(2)),
            "vectorbt from_signals": peers.vectorbt.measure("signals"),
            "vectorbt with five statistics": peers.vectorbt.measure("statistics"),
            "vectorbt, 50 columns of 20,000 bars": peers.vectorbt.measure("many"),
        },
        ROUNDS,
    )
    return took | {"the complete backtest, processor time": worked(lambda: whole(1))()}


def time_slow(peers: Peers) -> dict[str, float]:
    """Return what backtesting.py and freqtrade take, scaled up from what was measured."""
    took = alternate(
        {
            "backtesting.py, 100,000 bars": peers.backtesting.measure("run"),
            "backtesting.py, 50 symbols": peers.backtesting.measure("many"),
            "backtesting.py, 1,000 presets": peers.backtesting.measure("presets"),
            "freqtrade, 500,000 bars": peers.freqtrade.measure("run"),
        },
        SLOW_ROUNDS,
    )
    took["backtesting.py, 50 symbols"] *= MANY / MANY_MEASURED
    took["backtesting.py, 1,000 presets"] *= PRESETS / PRESETS_MEASURED
    took["freqtrade, 500,000 bars"] *= BARS / SHORT_BARS
    return took


def simulated(took: dict[str, float]) -> list[Target]:
    bare, many = took["vectorbt from_signals"], took["ours, 50 symbols of 20,000 bars"]
    five, ours = took["vectorbt with five statistics"], took["the same with all statistics"]
    slow, short = took["backtesting.py, 100,000 bars"], took["ours, 100,000 bars"]
    return [
        ratio("simulation against vectorbt `from_signals`", 15, bare, took["our simulation"]),
        ratio("with all statistics against vectorbt with five", 20, five, ours),
        ratio("simulation against backtesting.py", 400, slow, short),
        ratio("50 symbols against vectorbt's 50 columns", 15, took["vectorbt, 50 columns of 20,000 bars"], many),
        ratio("50 symbols against backtesting.py's 50 tests", 400, took["backtesting.py, 50 symbols"], many),
    ]


def completed(took: dict[str, float]) -> list[Target]:
    bare, found = took["vectorbt from_signals"], []
    for cores in ("one core", "two cores"):
        whole, what = took[f"our complete backtest from candles, {cores}"], f"complete, all detectors, {cores}"
        times = f"{whole / bare:.1f} ×"
        found += [
            Target(f"{what}: vectorbt's bare simulations", "≤ 3 ×", times, whole <= 3 * bare),
            ratio(f"{what}: against freqtrade's backtest", 80, took["freqtrade, 500,000 bars"], whole),
        ]
    return found


def measure_requests() -> tuple[list[Target], dict[str, float]]:
    """The endpoint on 6,000 hourly bars, in a process of its own."""
    command = [sys.executable, "-m", "bench.backtest_requests"]
    answers = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    first, later = answers[0], answers[1:]
    wall, used = (float(np.quantile([one[i] for one in later], 0.95)) for i in (0, 1))
    return [
        Target("`POST /api/backtest/run`, 6,000 bars, p95, wall time", "< 150 ms", ms(wall), wall < 0.15),
        Target("the same, processor time", "", ms(used), None),
        Target("the first one in a process, with its imports", "", ms(first[0]), None),
    ], {"`POST /api/backtest/run`, 6,000 bars": median(one[0] for one in later)}


NOTES = [
    f"Scaled up: backtesting.py from {MANY_MEASURED} of {MANY} symbols, {PRESETS_MEASURED} of {PRESETS:,} presets;",
    f"vectorbt from {COLUMNS_AT_ONCE} of {PRESETS:,} presets; freqtrade from {SHORT_BARS:,} of {BARS:,} bars.",
    f"{MANY} symbols of ours share one capital, theirs have one each. The complete backtest is",
    "`running.run` on candles in memory: detectors, scores, rules, holes, the digest of all bars, simulation.",
    "freqtrade is given ready signals and computes no indicator. Our presets are a search: scores, thresholds by",
    "share, trades followed to their ends; theirs are given features and fixed thresholds.",
]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
    import django

    django.setup()
    from bench.whole_backtests import measure_presets, measure_walk

    before = load()
    with ExitStack() as stack:
        targets, took, versions = measure_simulation(stack)
    more, times, others = measure_presets(PRESETS, PRESET_BARS, took["backtesting.py, 1,000 presets"])
    targets, took, versions = [*targets, *more], took | times, versions | others
    for measure in (measure_walk, measure_requests):
        more, times = measure()
        targets, took = [*targets, *more], took | times
    versions |= {name: version(name) for name in ("numpy", "numba")}
    about = [
        begun("python -m bench.backtests"),
        machine(before),
        f"- versions: {', '.join(f'{name} {number}' for name, number in versions.items())}",
        f"- one threshold rule, {BARS:,} bars where nothing else is said; medians of {ROUNDS} rounds in turn "
        f"({SLOW_ROUNDS} of backtesting.py and freqtrade)",
        "",
    ]
    tables = [*targets_table(targets), "", *times_table("median of what was run", took), ""]
    write("backtests", "backtests", [*about, *tables, *NOTES])


if __name__ == "__main__":
    main()
