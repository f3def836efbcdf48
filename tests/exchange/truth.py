"""What really happened on the simulated exchange: bars of every series, from real or made-up candles."""

from pathlib import Path

import numpy as np

from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market.feeds.recorded import Recording
from tests.playing import FIVE, START, walk


class Truth:
    """Bars by (symbol, timeframe); ``halts`` are ranges without bars, as in an exchange's maintenance."""

    def __init__(self, bases: dict[str, Window], timeframes: list[str]) -> None:
        self.timeframes = timeframes
        self.bars: dict[tuple[str, str], Window] = {}
        for symbol, base in bases.items():
            interval = int(np.diff(base.open_times).min())
            recording = Recording(base, [], interval)
            for timeframe in timeframes:
                self.bars[symbol, timeframe] = recording.series[timeframe][0]
        self.symbols = sorted(bases)
        self.start = min(int(w.open_times[0]) for w in bases.values())

    def first(self, symbol: str) -> int:
        return min(int(w.open_times[0]) for (s, _), w in self.bars.items() if s == symbol)

    def between(self, symbol: str, timeframe: str, start: int, end: int) -> Window:
        return self.bars[symbol, timeframe].between(start, end)

    def closing(self, timeframe: str, close: int, symbol: str) -> tuple | None:
        """Return the bar of a series that closes at ``close``, or None."""
        open_time = close - INTERVAL_MS[timeframe]
        bar = self.between(symbol, timeframe, open_time, open_time + 1)
        return tuple(bar.values[:, 0].tolist()) if len(bar.open_times) else None


def made_up(symbols: int, bars: int, timeframes: list[str], halts: list[tuple[int, int]] = ()) -> Truth:
    """Return a market of seeded walks of 5-minute bars from START; ``halts`` are bar numbers [first, last)."""
    bases = {}
    for number in range(symbols):
        window = walk(bars, seed=number + 1, start=START, price=10.0 * (number + 1))
        keep = np.ones(bars, dtype=bool)
        for first, last in halts:
            keep[first:last] = False
        # Eight decimals, as the exchange tells them: what is stored is what was told.
        values = np.round(window.values, 8)
        values[1] = np.maximum(values[1], values[[0, 3]].max(axis=0))
        values[2] = np.minimum(values[2], values[[0, 3]].min(axis=0))
        bases[f"{_name(number)}USDT"] = Window(window.open_times[keep], values[:, keep])
    return Truth(bases, timeframes)


def _name(number: int) -> str:
    return "".join(chr(65 + (number // 26**place) % 26) for place in (2, 1, 0))


def real(folder: Path, symbols: list[str], start: int, bars: int, timeframes: list[str]) -> Truth:
    """Return real 5-minute candles of ``symbols`` from ``start`` on, with a made-up taker volume of half."""
    from market.feeds import files

    bases = {}
    for symbol in symbols:
        window = files.read(folder / f"{symbol}-5m.parquet").between(start, start + bars * FIVE)
        window.values[5] = np.round(window.values[4] / 2, 8)
        bases[symbol] = window
    return Truth(bases, timeframes)
