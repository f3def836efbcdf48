"""A market that makes itself: ten well-known symbols on a seeded walk whose regimes change.

It is there so that a fresh install moves; it says ``simulated`` wherever it appears. Prices are a random walk in
logs with a common factor, a drift and a volatility that belong to the regime (calm, trend up, trend down, storm),
and fat tails. Made a UTC day at a time: a day follows from (seed, symbol, day) and the prices at its start, so a
restart makes the same bars again.
"""

import time
from typing import Any

import numpy as np

from engine.timeframes import INTERVAL_MS
from engine.window import Window, join
from market.feeds.recorded import Recording
from market.holes import HoleSpan

BASE = "5m"
BASE_MS = INTERVAL_MS[BASE]
DAY_MS = INTERVAL_MS["1d"]
HOUR_MS = INTERVAL_MS["1h"]
HISTORY_HOURS = 800  # an hour's longest window is 767 bars
STEPS = 10  # moves inside a bar, from which its high and low come

# Prices of the order that these symbols have had; nothing but a starting point.
START_PRICES = {
    "ADAUSDT": 0.45,
    "AVAXUSDT": 28.0,
    "BNBUSDT": 580.0,
    "BTCUSDT": 64000.0,
    "DOGEUSDT": 0.12,
    "ETHUSDT": 3100.0,
    "LINKUSDT": 14.0,
    "LTCUSDT": 75.0,
    "SOLUSDT": 150.0,
    "XRPUSDT": 0.55,
}
# Regime: (drift per bar, volatility per bar), both in logs; a 5-minute bar of a major moves about 0.15 %.
REGIMES = np.array([(0.0, 0.0010), (0.00012, 0.0015), (-0.00012, 0.0015), (0.0, 0.0035)])
SWITCH = 1.0 / 150.0  # chance a bar that the regime changes: half a day on average
COMMON = 0.6  # share of the variance that all symbols have in common


class SimulatedFeed:
    """The simulated market; ``state`` holds its start, and the day and prices from which to go on."""

    symbols = tuple(sorted(START_PRICES))
    end: int | None = None
    keep_bars: int | None = 3000
    history_bars = 3000

    def __init__(self, seed: int, state: dict[str, Any], now_ms: int | None = None) -> None:
        self._seed = seed
        if not state:
            moment = now_ms if now_ms is not None else int(time.time() * 1000)
            start = moment // HOUR_MS * HOUR_MS
            origin = start - HISTORY_HOURS * HOUR_MS
            state = {"origin": origin, "start": start, "day": origin // DAY_MS, "prices": {}, "regimes": {}}
        self._origin, self.start = state["origin"], state["start"]
        self._checkpoints = {state["day"]: (dict(state["prices"]), dict(state["regimes"]))}
        self._made_to = state["day"]  # days before this one are in the recordings
        self._base: dict[str, list[Window]] = {symbol: [] for symbol in self.symbols}
        self._recordings: dict[str, Recording] = {}

    def timeframes(self, symbol: str) -> list[str]:
        return [t for t, interval in INTERVAL_MS.items() if interval >= BASE_MS]

    def first_open(self, symbol: str, timeframe: str) -> int:
        interval = INTERVAL_MS[timeframe]
        return -(-self._origin // interval) * interval

    def last_close(self, symbol: str, timeframe: str) -> int | None:
        return None

    def bars(self, symbol: str, timeframe: str, after: int, until: int) -> Window:
        self._make_until(until)
        return self._recordings[symbol].bars(timeframe, after, until)

    def holes(self, symbol: str, timeframe: str, after: int, until: int) -> list[HoleSpan]:
        return []

    def state(self, position: int) -> dict[str, Any]:
        day = max(d for d in self._checkpoints if d * DAY_MS <= position)
        prices, regimes = self._checkpoints[day]
        return {"origin": self._origin, "start": self.start, "day": day, "prices": prices, "regimes": regimes}

    def _make_until(self, until: int) -> None:
        if until <= self._made_to * DAY_MS:
            return
        while self._made_to * DAY_MS < until:
            self._make_day(self._made_to)
            self._made_to += 1
        for symbol, days in self._base.items():
            # The whole history is needed once, at the first start; then two days cover any aggregate.
            self._recordings[symbol] = Recording(join(days), [], BASE_MS)
            del days[:-2]
        for day in sorted(self._checkpoints)[:-3]:
            del self._checkpoints[day]

    def _make_day(self, day: int) -> None:
        prices, regimes = self._checkpoints[day]
        common = self._draw(day, "")
        after: dict[str, float] = {}
        regimes_after: dict[str, int] = {}
        for symbol in self.symbols:
            bars, last, regime = self._walk(
                symbol, day, common, prices.get(symbol, START_PRICES[symbol]), regimes.get(symbol, 0)
            )
            self._base[symbol].append(bars.between(self._origin, (day + 1) * DAY_MS))
            after[symbol], regimes_after[symbol] = last, regime
        self._checkpoints[day + 1] = (after, regimes_after)

    def _generator(self, day: int, symbol: str) -> np.random.Generator:
        number = self.symbols.index(symbol) + 1 if symbol else 0
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self._seed, number, day])))

    def _draw(self, day: int, symbol: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        # Student t with 4 degrees of freedom, scaled to variance 1: tails as fat as those of 5-minute returns.
        return self._generator(day, symbol).standard_t(4, (DAY_MS // BASE_MS, STEPS)) / np.sqrt(2.0)

    def _walk(
        self, symbol: str, day: int, common: np.ndarray[Any, np.dtype[np.float64]], price: float, regime: int
    ) -> tuple[Window, float, int]:
        bars = DAY_MS // BASE_MS
        generator = self._generator(day, symbol)
        own = generator.standard_t(4, (bars, STEPS)) / np.sqrt(2.0)
        switches, choices, crowd = generator.random(bars), generator.integers(0, 4, bars), generator.random(bars)
        regimes = np.empty(bars, dtype=np.int64)
        for bar in range(bars):
            regime = int(choices[bar]) if switches[bar] < SWITCH else regime
            regimes[bar] = regime
        drift, volatility = REGIMES[regimes].T
        moves = np.sqrt(COMMON) * common + np.sqrt(1.0 - COMMON) * own
        steps = drift[:, None] / STEPS + volatility[:, None] / np.sqrt(STEPS) * moves
        path = price * np.exp(np.cumsum(steps.ravel())).reshape(bars, STEPS)
        opens = np.concatenate([[price], path[:-1, -1]])
        high, low = np.maximum(opens, path.max(axis=1)), np.minimum(opens, path.min(axis=1))
        turnover = 2e6 * (0.4 + crowd) * (1.0 + np.abs(path[:, -1] / opens - 1.0) / volatility)
        volume = turnover / opens
        buyers = volume * (0.5 + 0.3 * np.tanh((path[:, -1] / opens - 1.0) / volatility) * crowd)
        times = day * DAY_MS + np.arange(bars, dtype=np.int64) * BASE_MS
        values = np.stack([opens, high, low, path[:, -1], volume, buyers])
        return Window(times, values), float(path[-1, -1]), regime
