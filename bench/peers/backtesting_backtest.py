"""backtesting.py on the rule of ``bench.rule``. Runs in its environment."""

import sys
import warnings

import backtesting
import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from bench.market import prices
from bench.peers.answer import answer
from bench.rule import CAPITAL, FEE, SLIPPAGE, switches


class Switching(Strategy):
    def init(self) -> None:
        self.side = self.I(lambda: self.data.Side.astype(float), plot=False)

    def next(self) -> None:
        if self.side[-1] == 1 and not self.position:
            self.buy(size=0.9979)
        elif self.side[-1] == 0 and self.position:
            self.position.close()


def main(bars: int) -> None:
    warnings.filterwarnings("ignore")
    backtesting.backtesting._tqdm = lambda rows, **options: rows
    values = prices(1, 500_000)[0][:, :bars]
    at, sides = switches(values[3])
    side = np.full(bars, -1)
    side[at] = sides
    index = pd.date_range("2025-01-01", periods=bars, freq="1min")
    named = dict(zip(("Open", "High", "Low", "Close", "Volume"), values[:5], strict=True))
    frame = pd.DataFrame({**named, "Side": side}, index=index)
    test = Backtest(frame, Switching, cash=CAPITAL, commission=FEE, spread=SLIPPAGE, finalize_trades=False)
    trades = test.run()["_trades"]
    facts = [*trades.EntryBar.tolist(), *trades.ExitBar.tolist()]
    answer({"backtesting.py": backtesting.__version__, "facts": facts}, {"run": test.run})


if __name__ == "__main__":
    main(int(sys.argv[1]))
