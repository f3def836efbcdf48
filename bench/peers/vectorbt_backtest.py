"""vectorbt on the rule of ``bench.rule``: entries and exits at the next bar's open. Runs in its environment."""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt

from bench.market import prices
from bench.peers.answer import answer
from bench.rule import CAPITAL, FEE, SLIPPAGE, switches


def main(bars: int) -> None:
    values = prices(1, bars)[0]
    index = pd.date_range("2025-01-01", periods=bars, freq="1min")
    opened, close = pd.Series(values[0], index=index), pd.Series(values[3], index=index)
    at, sides = switches(values[3])
    entries, exits = np.zeros(bars, bool), np.zeros(bars, bool)
    inside = at + 1 < bars
    entries[at[inside & (sides == 1)] + 1] = True
    exits[at[inside & (sides == 0)] + 1] = True

    def run() -> vbt.Portfolio:
        return vbt.Portfolio.from_signals(
            close, entries, exits, price=opened, fees=FEE, slippage=SLIPPAGE, freq="1min", init_cash=CAPITAL
        )

    def statistics() -> tuple[object, ...]:
        one = run()
        return one.trades.count(), one.total_return(), one.max_drawdown(), one.sharpe_ratio(), one.sortino_ratio()

    statistics()  # compiles
    closed = run().trades.closed
    facts = closed.pnl.values.tolist()
    answer({"vectorbt": vbt.__version__, "facts": facts}, {"signals": run, "statistics": statistics})


if __name__ == "__main__":
    main(int(sys.argv[1]))
