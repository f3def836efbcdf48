"""vectorbt's way to compare presets: a column of signals for each, one portfolio. Runs in its environment."""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt

from bench.market import prices
from bench.peers.answer import answer


def main(columns: int, bars: int, detectors: int) -> None:
    draw = np.random.default_rng(5)
    features = draw.uniform(-1.0, 1.0, (bars, detectors)) * (draw.random((bars, detectors)) < 0.4)
    weights = draw.dirichlet(np.ones(detectors), columns)
    minutes = pd.date_range("2026-01-01", periods=bars, freq="1min")
    close = pd.Series(prices(1, bars)[0, 3], index=minutes)

    def run() -> object:
        x = pd.DataFrame(features @ weights.T, index=minutes)
        portfolio = vbt.Portfolio.from_signals(close, x > 0.05, x < -0.05, fees=0.0005, freq="1min")
        return portfolio.total_return()

    run()  # compiles
    answer({"vectorbt": vbt.__version__}, {"columns": run})


if __name__ == "__main__":
    main(*(int(n) for n in sys.argv[1:]))
