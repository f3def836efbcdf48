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


class Weighed(Strategy):
    """One preset of many: its weights times the features, and two thresholds."""

    preset = 0
    features = weights = np.zeros((0, 0))

    def init(self) -> None:
        self.score = self.I(lambda: self.features @ self.weights[self.preset], plot=False)

    def next(self) -> None:
        if self.score[-1] > 0.05 and not self.position:
            self.buy(size=0.9979)
        elif self.score[-1] < -0.05 and self.position:
            self.position.close()


def test_of(values: np.ndarray, strategy: type[Strategy]) -> Backtest:
    """Return the test of a strategy on (6, bar) values."""
    bars = values.shape[1]
    at, sides = switches(values[3])
    side = np.full(bars, -1)
    side[at] = sides
    index = pd.date_range("2025-01-01", periods=bars, freq="1min")
    named = dict(zip(("Open", "High", "Low", "Close", "Volume"), values[:5], strict=True))
    frame = pd.DataFrame({**named, "Side": side}, index=index)
    return Backtest(frame, strategy, cash=CAPITAL, commission=FEE, spread=SLIPPAGE, finalize_trades=False)


def main(bars: int, symbols: int, short: int, presets: int, preset_bars: int, detectors: int) -> None:
    """Measure ``symbols`` of ``short`` bars and ``presets`` on ``preset_bars``; the caller scales the times."""
    warnings.filterwarnings("ignore")
    backtesting.backtesting._tqdm = lambda rows, **options: rows
    test = test_of(prices(1, 500_000)[0][:, :bars], Switching)
    many = [test_of(one, Switching) for one in prices(symbols, short)]
    draw = np.random.default_rng(5)
    Weighed.features = draw.uniform(-1.0, 1.0, (preset_bars, detectors)) * (draw.random((preset_bars, detectors)) < 0.4)
    Weighed.weights = draw.dirichlet(np.ones(detectors), presets)
    weighed = test_of(prices(1, preset_bars)[0], Weighed)
    trades = test.run()["_trades"]
    facts = [*trades.EntryBar.tolist(), *trades.ExitBar.tolist()]
    measures = {
        "run": test.run,
        "many": lambda: [one.run() for one in many],
        "presets": lambda: [weighed.run(preset=k) for k in range(presets)],
    }
    answer({"backtesting.py": backtesting.__version__, "facts": facts}, measures)


if __name__ == "__main__":
    main(*(int(n) for n in sys.argv[1:]))
