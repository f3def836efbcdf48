"""Made-up markets from a seed, the same numbers in our process and in the peers'. numpy alone."""

import numpy as np

COLUMNS = ("open", "high", "low", "close", "volume", "taker_buy_volume")


def prices(count: int, bars: int, seed: int = 3) -> np.ndarray:
    """Return (series, 6, bars), rows as in COLUMNS, of ``count`` random walks."""
    draw = np.random.default_rng(seed)
    size = 0.003 * draw.uniform(0.5, 2.0, (count, 1))
    close = 50.0 * np.exp(np.cumsum(draw.normal(size=(count, bars)) * size, axis=1))
    opening = np.hstack([np.full((count, 1), 50.0), close[:, :-1]])
    high = np.maximum(opening, close) * np.exp(np.abs(draw.normal(size=close.shape)) * size / 2)
    low = np.minimum(opening, close) * np.exp(-np.abs(draw.normal(size=close.shape)) * size / 2)
    volume = draw.lognormal(4.0, 0.8, close.shape)
    return np.stack([opening, high, low, close, volume, volume * draw.uniform(0.3, 0.7, close.shape)], axis=1)
