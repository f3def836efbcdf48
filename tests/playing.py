"""What tests share: candle files made from a seeded walk, and a market played step by step."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from engine.timeframes import INTERVAL_MS
from engine.window import COLUMNS, Window

START = 1_700_006_400_000  # 2023-11-15 00:00 UTC, on the grid of every timeframe
FIVE = INTERVAL_MS["5m"]


def walk(bars: int, seed: int, interval: int = FIVE, start: int = START, price: float = 100.0) -> Window:
    """Return a random walk of closed bars with calm and wild stretches."""
    generator = np.random.default_rng(seed)
    size = np.where(np.arange(bars) // 150 % 2 == 0, 0.001, 0.003)
    steps = generator.standard_normal((bars, 4)) * size[:, None]
    path = price * np.exp(np.cumsum(steps.ravel())).reshape(bars, 4)
    opens = np.concatenate([[price], path[:-1, -1]])
    high, low = np.maximum(opens, path.max(axis=1)), np.minimum(opens, path.min(axis=1))
    volume = generator.uniform(10, 100, bars)
    taker = volume * generator.uniform(0.2, 0.8, bars)
    times = start + np.arange(bars, dtype=np.int64) * interval
    return Window(times, np.stack([opens, high, low, path[:, -1], volume, taker]))


def without(window: Window, holes: Iterable[tuple[int, int]]) -> Window:
    """Return the bars without those numbered [first, last) of each hole."""
    keep = np.ones(len(window.open_times), dtype=bool)
    for first, last in holes:
        keep[first:last] = False
    return Window(window.open_times[keep], window.values[:, keep])


def write_csv(folder: Path, symbol: str, window: Window, timeframe: str = "5m") -> Path:
    """Write a candle file as the replay reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{symbol}-{timeframe}.csv"
    rows = [
        ",".join([str(t), *(repr(float(v)) for v in column)])
        for t, column in zip(window.open_times, window.values.T, strict=True)
    ]
    path.write_text("\n".join([",".join(["open_time", *COLUMNS]), *rows]) + "\n")
    return path
