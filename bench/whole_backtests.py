"""What is measured of whole backtests: from candles, presets by the thousand, a walk-forward. Needs Django set up."""

from collections.abc import Callable

import numpy as np

from backtest import history as past
from backtest.candles import History
from backtest.running import Spec, run
from backtest.search import material, search
from backtest.walk_forward import SHARE, Study, walk
from bench.market import prices
from bench.measuring import COLUMNS_AT_ONCE, Target, alternate, peer, ratio, timed
from bench.rule import CAPITAL, FEE, SLIPPAGE
from engine.outcomes import Course
from engine.plan import Terms
from engine.rules import Rules
from engine.score import Policy
from engine.simulation import Costs
from engine.window import Window
from presets.defaults import DEFAULTS

MINUTE, HOUR = 60_000, 3_600_000
WALKED, WALKED_BARS, TRIALS, FEATURES = 10, 6_000, 500, 12


class Given:
    """A source of made-up candles from memory: what is read from storage is not what is compared."""

    name = "made up"

    def __init__(self, windows: dict[str, Window]) -> None:
        self._windows = windows

    def coverage(self, symbol: str, timeframe: str) -> tuple[int, int]:
        times = self._windows[symbol].open_times
        return int(times[0]), int(2 * times[-1] - times[-2])

    def read(self, symbol: str, timeframe: str, start: int, end: int) -> History:
        window = self._windows[symbol]
        return History(window, [], int(window.open_times[0]), None)


def windows_of(values: np.ndarray, interval: int) -> list[Window]:
    """Return (symbol, 6, bar) values as windows."""
    times = np.arange(values.shape[2], dtype=np.int64) * interval
    return [Window(times, one) for one in values]


def complete(values: np.ndarray) -> Callable[[int], object]:
    """Return what runs a backtest of the balanced preset from (6, bar) values: detectors to trades, digest included.

    It takes how many threads fold the detectors.
    """
    default = DEFAULTS["balanced"]
    policy = Policy(default.weights, default.act, default.min_confidence)
    end = values.shape[1] * MINUTE
    spec = Spec(("A",), ("1m",), 0, end, policy, Rules(), Terms(), Costs(FEE, SLIPPAGE), CAPITAL, 1000)
    source = Given({"A": windows_of(values[None], MINUTE)[0]})

    def whole(threads: int) -> object:
        past.THREADS = threads
        return run(spec, source)

    return whole


def measure_presets(presets: int, bars: int, slow: float) -> tuple[list[Target], dict[str, float], dict[str, str]]:
    """Many presets on the same bars, each scored and traded; ``slow``: what backtesting.py takes for them."""
    window = windows_of(prices(1, bars), MINUTE)[0]
    one = material("A", History(window, [], 0, None), "1m", Course())
    if one is None:
        raise SystemExit("nothing to search")
    end = bars * MINUTE

    def ours() -> None:
        if search([one], 0, end, SHARE, presets, np.random.default_rng(1)) is None:
            raise SystemExit("no preset traded")

    sizes = [COLUMNS_AT_ONCE, bars, FEATURES]
    with peer("vectorbt", "bench.peers.vectorbt_presets", sizes) as vectorbt:
        took = alternate({"our 1,000 presets": timed(ours), "vectorbt, 1,000 presets": vectorbt.measure("columns")}, 3)
    took["vectorbt, 1,000 presets"] *= presets / COLUMNS_AT_ONCE
    return (
        [
            ratio("1,000 presets against vectorbt", 40, took["vectorbt, 1,000 presets"], took["our 1,000 presets"]),
            ratio("1,000 presets against backtesting.py", 300, slow, took["our 1,000 presets"]),
        ],
        took,
        vectorbt.versions,
    )


def measure_walk() -> tuple[list[Target], dict[str, float]]:
    names = [f"W{i}USDT" for i in range(WALKED)]
    windows = dict(zip(names, windows_of(prices(WALKED, WALKED_BARS), HOUR), strict=True))
    study = Study(tuple(names), "1h", 0, WALKED_BARS * HOUR, trials=TRIALS)
    source = Given(windows)
    seconds = timed(lambda: walk(study, source))()
    what = "walk-forward, 10 symbols of 6,000 hourly bars, 500 trials a window"
    return [Target(what, "< 60 s", f"{seconds:.1f} s", seconds < 60.0)], {what: seconds}
