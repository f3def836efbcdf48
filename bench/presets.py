"""What is measured of many presets over one history. Needs Django's settings, as the search lives above the models."""

import numpy as np

from backtest.candles import History
from backtest.search import AT_ONCE, Material, tried
from backtest.walk_forward import COURSE, SHARE
from bench.ours import MINUTE
from engine.bars import FloatArray
from engine.evidence import history
from engine.lanes import zeros
from engine.outcomes import follow_all
from engine.presets_batch import Arranged, arranged, features, products, scores
from engine.window import Window


class Presets:
    """Drawn presets over the history of one series, as a search tries them."""

    def __init__(self, series: Window, count: int) -> None:
        scored, self._evidence = history(series, MINUTE)
        self._weights = np.random.default_rng(5).dirichlet(np.ones(self._evidence.score.shape[0]), count)
        self._end = int(series.open_times[-1]) + 2 * MINUTE
        traded = tuple(np.ascontiguousarray(values) for values in series.values[:3])
        atr = self._evidence.atr[:, 0].copy()
        ends = [follow_all(traded, scored + 1, np.full(len(scored), side), atr, COURSE) for side in (1.0, -1.0)]
        self._one = Material(
            "drawn",
            History(series, [], int(series.open_times[0]), None),
            self._evidence,
            series.open_times + MINUTE,
            scored,
            self._features(),
            np.ones(len(series.open_times), dtype=np.bool_),
            np.stack([one.r for one in ends]),
            np.stack([one.last for one in ends]),
        )
        self._bars = len(scored)
        # of x: every weight of a living detector at every bar
        self.multiplications = self._alive()[0].size * self._bars
        self._out = np.empty((count, len(scored)))

    def products(self) -> None:
        """Compute x of every preset at every bar, as a search does: a few presets at a time in the same memory."""
        weights, product = self._alive()
        memory = zeros(AT_ONCE, product.features.shape[1])
        for first in range(0, len(weights), AT_ONCE):
            part = weights[first : first + AT_ONCE]
            products(part, product, memory[: len(part)])

    def search(self) -> FloatArray:
        """Return each preset's number of trades and sums of powers of R."""
        weights, product = self._alive()
        parts = [(self._one, slice(0, self._bars))]
        return tried(parts, product, weights, self._end, SHARE)[0]

    def scores(self) -> None:
        """Compute the score of every preset at every bar, and keep them all."""
        scores(self._weights, self._features(), self._out)

    def _features(self) -> FloatArray:
        return features(self._evidence.score, self._evidence.confidence)

    def _alive(self) -> tuple[FloatArray, Arranged]:
        """Return weights and features of the detectors that say anything at all."""
        product = self._features()
        alive = np.any(product != 0.0, axis=1)
        return np.ascontiguousarray(self._weights[:, alive]), arranged([product[alive]])
