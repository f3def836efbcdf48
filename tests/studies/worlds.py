"""Markets of which it is known whether there is anything to find."""

from collections.abc import Sequence

import numpy as np

from backtest.candles import History
from backtest.walk_forward import Study, Walk, walk
from engine.catalogue import DETECTORS
from engine.evidence import history
from engine.outcomes import Course
from engine.timeframes import INTERVAL_MS
from engine.window import Window
from tests.playing import START

HOUR = INTERVAL_MS["1h"]
BARS = 6000
SIGMA = 0.006  # of a bar's log return
KNOWN = "whales"  # reads volumes alone, so that moving prices by its sign does not change what it says
PLANTED = 0.15  # standard deviations of the next bar's log return
COURSE = Course(fee=0.0, slippage=0.0)


def noise(seed: int, shift: np.ndarray | None = None) -> Window:
    """Return a random walk with flows of bought and sold volume that stay on one side for a while.

    shift: (bar,), added to each bar's log return.
    """
    generator = np.random.default_rng(seed)
    steps = generator.standard_normal((BARS, 4)) * SIGMA / 2.0
    if shift is not None:
        steps += shift[:, None] / 4.0
    path = 100.0 * np.exp(np.cumsum(steps.ravel())).reshape(BARS, 4)
    opened = np.concatenate([[100.0], path[:-1, -1]])
    volume = generator.lognormal(3.0, 1.0, BARS)
    flow, bought = 0.0, np.empty(BARS)
    for bar, push in enumerate(generator.standard_normal(BARS)):
        flow = 0.97 * flow + 0.25 * push
        bought[bar] = volume[bar] / (1.0 + np.exp(-flow))
    high, low = np.maximum(opened, path.max(axis=1)), np.minimum(opened, path.min(axis=1))
    times = START + np.arange(BARS, dtype=np.int64) * HOUR
    return Window(times, np.stack([opened, high, low, path[:, -1], volume, bought]))


def planted(seed: int) -> Window:
    """Return the same walk with each bar moved by the sign of what the known detector said one bar before."""
    scored, evidence = history(noise(seed), HOUR)
    said = np.zeros(BARS)
    detector = DETECTORS.index(KNOWN)
    said[scored] = np.sign(evidence.score[detector, :, 0] * evidence.confidence[detector, :, 0])
    return noise(seed, PLANTED * SIGMA * np.concatenate([[0.0], said[:-1]]))


class Given:
    """A source that holds windows by symbol."""

    name = "given"

    def __init__(self, windows: dict[str, Window]) -> None:
        self._windows = windows

    def coverage(self, symbol: str, timeframe: str) -> tuple[int, int]:
        times = self._windows[symbol].open_times
        return int(times[0]), int(times[-1]) + HOUR

    def read(self, symbol: str, timeframe: str, start: int, end: int) -> History:
        window = self._windows[symbol]
        return History(window, [], int(window.open_times[0]), None)


def study_of(symbols: Sequence[str] = ("AAAUSDT",), **changes) -> Study:
    """Return the study of one market of 6,000 hourly bars."""
    settings = {"train": 2000, "test": 500, "gap": 25, "trials": 300, "course": COURSE, "draws": 400}
    return Study(tuple(symbols), "1h", START, START + BARS * HOUR, **settings | changes)


def walked(window: Window, seed: int, **changes) -> Walk:
    return walk(study_of(seed=seed, **changes), Given({"AAAUSDT": window}))
