"""The bars that one score is made from, in their own units. Needs no numba."""

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

COLUMNS = ("open", "high", "low", "close", "volume", "taker_buy_volume")


class Window(NamedTuple):
    """Bars of one series, oldest first.

    open_times: int64 ms since the epoch, (n,). values: float64 (6, n), rows as in COLUMNS: prices in the quote
    asset, volumes in the base asset, taker_buy_volume NaN where the source has none. side: what was known beside the
    candles when each of the last m bars closed, (``engine.side.ROWS``, m), or None; a score reads its own bar's alone.
    """

    open_times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    side: npt.NDArray[np.float64] | None = None

    def between(self, start_ms: int, end_ms: int) -> "Window":
        """Return the bars that open in [start_ms, end_ms)."""
        first, last = np.searchsorted(self.open_times, (start_ms, end_ms))
        side = self.side
        if side is not None:
            before = len(self.open_times) - side.shape[1]
            side = side[:, max(first - before, 0) : max(last - before, 0)]
        return Window(self.open_times[first:last], self.values[:, first:last], side)

    def digest(self) -> str:
        """Return 32 hex digits over every bit of the bars, and of what is known beside them where anything is."""
        digest = hashlib.blake2b(np.ascontiguousarray(self.open_times).data, digest_size=16)
        digest.update(np.ascontiguousarray(self.values).data)
        if self.side is not None:
            digest.update(np.ascontiguousarray(self.side).data)
        return digest.hexdigest()


def empty() -> Window:
    """Return a window without bars."""
    return Window(np.empty(0, dtype=np.int64), np.empty((len(COLUMNS), 0)))


def join(parts: list[Window]) -> Window:
    """Return the bars of several windows, in the order given, without what is known beside them."""
    if not parts:
        return empty()
    return Window(np.concatenate([p.open_times for p in parts]), np.concatenate([p.values for p in parts], axis=1))
