"""``python -m bench.backtests``: the backtest beside vectorbt and backtesting.py, on the same orders; prints a table.

One threshold rule, long alone, all of the capital, fees and slippage, 500,000 bars of one symbol. Ours and theirs
alternate; closed trades and final equity must be the same before anything is timed.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from bench.market import prices
from bench.rule import CAPITAL, FEE, SLIPPAGE, switches
from bench.run import Target, alternate, ms, peer, ratio, timed
from engine import statistics
from engine.decisions import decide_history, score_series
from engine.evidence import history
from engine.plan import ENTER_LONG, LEAVE, NO_STOP, Terms
from engine.rules import Rules
from engine.score import Policy
from engine.simulation import STILL_OPEN, Costs, Orders, Prices, Simulation, simulate
from engine.window import Window
from presets.defaults import DEFAULTS

BARS, SHORT_BARS, MINUTE = 500_000, 100_000, 60_000
PLAIN = Terms(stop=NO_STOP, target_r=0.0, risk=0.0, shorts=0)


def orders_of(close: np.ndarray) -> Orders:
    bars, sides = switches(close)
    none = np.full(len(bars), np.nan)
    return Orders(bars, np.zeros_like(bars), np.where(sides > 0, ENTER_LONG, LEAVE), none, none, none)


def simulated(table: Prices, orders: Orders) -> Simulation:
    return simulate(table, orders, CAPITAL, Costs(FEE, SLIPPAGE), PLAIN)


def with_statistics(table: Prices, orders: Orders) -> None:
    result = simulated(table, orders)
    statistics.of_equity(np.append(CAPITAL, result.equity), 365.0 * 1440.0)
    statistics.of_trades(result.trades.profit)


def complete(window: Window) -> None:
    """From candles: all detectors on anchored windows, scores, rules, simulation."""
    default = DEFAULTS["balanced"]
    policy = Policy(default.weights, default.act, default.min_confidence)
    rows, evidence = history(window, MINUTE)
    usable = np.ones(len(window.open_times), dtype=bool)
    series = score_series(window.open_times, MINUTE, rows, evidence, usable, policy)
    signals = decide_history(series.closes, {"1m": series}, {"1m": 2 * MINUTE}, policy, Rules()).signals()
    at = np.searchsorted(series.closes, signals.as_of)
    orders = Orders(at, np.zeros_like(at), signals.intents(), signals.atr, signals.low, signals.high)
    table = Prices(*(np.ascontiguousarray(v[:, None]) for v in window.values[:4]))
    simulate(table, orders, CAPITAL, Costs(FEE, SLIPPAGE), Terms())


def require_same(name: str, theirs: Sequence[float], mine: Sequence[float]) -> Target:
    """Compare closed trades with a peer's, within rounding. Raises SystemExit where they differ."""
    if len(theirs) != len(mine) or not np.allclose(theirs, mine, rtol=1e-9, atol=1e-3):
        raise SystemExit(f"{name}: closed trades are {list(theirs)[:6]}, ours {list(mine)[:6]}")
    return Target(f"closed trades as {name}'s", "equal", "equal", True)


def closed_of(result: Simulation) -> tuple[list[float], list[int]]:
    """Return profits of closed trades, and the bars of their entries followed by those of their exits."""
    ledger, closed = result.trades, result.trades.reason != STILL_OPEN
    return ledger.profit[closed].tolist(), [*ledger.entry_bar[closed].tolist(), *ledger.exit_bar[closed].tolist()]


def main() -> None:
    values = prices(1, BARS)[0]
    table = Prices(*(np.ascontiguousarray(column[:, None]) for column in values[:4]))
    orders = orders_of(values[3])
    short = Prices(*(column[:SHORT_BARS] for column in table))
    short_orders = orders_of(values[3, :SHORT_BARS])
    window = Window(np.arange(BARS, dtype=np.int64) * MINUTE, values)
    with ExitStack() as stack:
        vectorbt = stack.enter_context(peer("vectorbt", "bench.peers.vectorbt_backtest", [BARS]))
        backtesting = stack.enter_context(peer("backtesting", "bench.peers.backtesting_backtest", [SHORT_BARS]))
        targets = [
            require_same("vectorbt", vectorbt.versions["facts"], closed_of(simulated(table, orders))[0]),
            # Its sizes are whole units: bars are compared, not money.
            require_same("backtesting.py", backtesting.versions["facts"], closed_of(simulated(short, short_orders))[1]),
        ]
        took = alternate(
            {
                "our simulation": timed(lambda: simulated(table, orders)),
                "the same with statistics": timed(lambda: with_statistics(table, orders)),
                "ours, 100,000 bars": timed(lambda: simulated(short, short_orders)),
                "our complete backtest": timed(lambda: complete(window)),
                "vectorbt from_signals": vectorbt.measure("signals"),
                "vectorbt with statistics": vectorbt.measure("statistics"),
                "backtesting.py, 100,000 bars": backtesting.measure("run"),
            },
            rounds=5,
        )
    bare = took["vectorbt from_signals"]
    targets += [
        ratio("simulation against vectorbt's", 15, bare, took["our simulation"]),
        ratio("with statistics", 20, took["vectorbt with statistics"], took["the same with statistics"]),
        ratio("against backtesting.py", 400, took["backtesting.py, 100,000 bars"], took["ours, 100,000 bars"]),
        Target(
            "complete, all detectors, in vectorbt's bare simulations",
            "≤ 3 ×",
            f"{took['our complete backtest'] / bare:.1f} ×",
            took["our complete backtest"] <= 3 * bare,
        ),
    ]
    for target in targets:
        sys.stdout.write(f"{target.what}: {target.found} (wanted {target.wanted})\n")
    for name, seconds in took.items():
        sys.stdout.write(f"{name}: {ms(seconds)}\n")


if __name__ == "__main__":
    main()
