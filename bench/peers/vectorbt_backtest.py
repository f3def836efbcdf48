"""vectorbt on the rule of ``bench.rule``: entries and exits at the next bar's open. Runs in its environment."""

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import vectorbt as vbt

from bench.market import prices
from bench.peers.answer import answer
from bench.rule import CAPITAL, FEE, SLIPPAGE, switches


def portfolio(values: np.ndarray) -> Callable[[], vbt.Portfolio]:
    """Return what simulates (symbol, 6, bar) values, a column for each symbol on a capital of its own."""
    symbols, _, bars = values.shape
    index = pd.date_range("2025-01-01", periods=bars, freq="1min")
    entries, exits = np.zeros((bars, symbols), bool), np.zeros((bars, symbols), bool)
    for column, one in enumerate(values):
        at, sides = switches(one[3])
        inside = at + 1 < bars
        entries[at[inside & (sides == 1)] + 1, column] = True
        exits[at[inside & (sides == 0)] + 1, column] = True
    opened, close = (pd.DataFrame(np.ascontiguousarray(values[:, row].T), index=index) for row in (0, 3))
    costs = {"fees": FEE, "slippage": SLIPPAGE, "freq": "1min", "init_cash": CAPITAL}
    if symbols == 1:
        opened, close, entries, exits = opened[0], close[0], entries[:, 0], exits[:, 0]
    return lambda: vbt.Portfolio.from_signals(close, entries, exits, price=opened, **costs)


def main(bars: int, symbols: int, short: int) -> None:
    run, many = portfolio(prices(1, bars)), portfolio(prices(symbols, short))

    def statistics() -> tuple[object, ...]:
        one = run()
        return one.trades.count(), one.total_return(), one.max_drawdown(), one.sharpe_ratio(), one.sortino_ratio()

    statistics()  # compiles
    many()
    closed = run().trades.closed
    facts = closed.pnl.values.tolist()
    measures = {"signals": run, "statistics": statistics, "many": many}
    answer({"vectorbt": vbt.__version__, "facts": facts}, measures)


if __name__ == "__main__":
    main(*(int(n) for n in sys.argv[1:]))
