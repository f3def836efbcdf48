"""``python -m engine.warm [--if-cold]``: compile the kernels into the cache, so that the first scan does not wait."""

import sys
import time

import numpy as np

from engine.timeframes import INTERVAL_MS, MIN_BARS
from engine.window import Window


def warm() -> None:
    """Run scan, backtest, risk measures and a batch of presets over a few made-up bars; what they compile is kept."""
    from engine.catalogue import DETECTORS
    from engine.correlation import beta, correlation
    from engine.decisions import decide_history, score_series
    from engine.evidence import history, scan
    from engine.plan import Terms
    from engine.presets_batch import features, scores, weight_matrix
    from engine.rules import Rules
    from engine.score import Policy
    from engine.simulation import Costs, Orders, Prices, simulate
    from engine.statistics import of_equity, of_trades, turnover
    from engine.value_at_risk import value_at_risk

    steps = np.arange(MIN_BARS, dtype=np.int64)
    closes = 100.0 + np.sin(steps / 5.0)
    window = Window(
        steps * INTERVAL_MS["5m"], np.stack([closes, closes + 1.0, closes - 1.0, closes, closes, closes / 2.0])
    )
    scan([window], explain=True)
    scored, evidence = history(window, INTERVAL_MS["5m"])
    policy = Policy({DETECTORS[0]: 1.0}, act=0.2, min_confidence=0.2)
    usable = np.ones(MIN_BARS, dtype=bool)
    series = score_series(window.open_times, INTERVAL_MS["5m"], scored, evidence, usable, policy)
    decided = decide_history(series.closes, {"5m": series}, {"5m": 2 * INTERVAL_MS["5m"]}, policy, Rules())
    signals, prices = decided.signals(), Prices(*(np.ascontiguousarray(v[:, None]) for v in window.values[:4]))
    at = np.searchsorted(series.closes, signals.as_of)
    orders = Orders(at, np.zeros_like(at), signals.intents(), signals.atr, signals.low, signals.high)
    traded = simulate(prices, orders, 1.0, Costs(0.0, 0.0), Terms())
    of_equity(traded.equity, 1.0)
    of_trades(traded.trades.profit)
    turnover(1.0, traded.equity, 1.0)
    returns = closes[1:] / closes[:-1] - 1.0
    value_at_risk(returns, 0.95, "filtered")
    beta(returns[None, :], returns)
    correlation(returns[None, :])
    scores(weight_matrix([{DETECTORS[0]: 1.0}]), features(evidence.score, evidence.confidence))


def main(only_if_cold: bool) -> None:
    """Warm the cache, or with ``only_if_cold`` only where the folder of this very code does not exist."""
    from engine.jit import cache_dir

    mark = cache_dir() / "warm"
    if only_if_cold and mark.exists():
        return
    begun = time.monotonic()
    sys.stdout.write("compiling the scoring kernels (a minute, the first time)\n")
    sys.stdout.flush()
    warm()
    mark.touch()
    sys.stdout.write(f"kernels ready after {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main("--if-cold" in sys.argv)
