"""Bars as the kernels see them: natural logs of prices, and volumes.

In logs every leg, range and distance is a difference, so the scale of the price drops out, and the mirror image of
a market is a change of sign.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.jit import kernel

FloatArray = npt.NDArray[np.float64]
EPSILON = 1e-12  # a difference of logs below this is none


class Bars(NamedTuple):
    """One tile of bars, each array (time, lane), oldest row first; a lane is one series.

    open, high, low, close: ln price. volume, taker_buy: base asset; taker_buy is NaN where the source has none.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    taker_buy: FloatArray


class Span(NamedTuple):
    """Which rows of a tile a kernel computes.

    origin: position in the window of the tile's row 0. first: first row to fold in (rows before it are look-back).
    emit: first row whose result is wanted.
    """

    origin: int
    first: int
    emit: int


@kernel
def natural_log(prices: FloatArray) -> FloatArray:
    """Return ln of each price, any shape. One scalar routine, so a price has one log wherever it stands."""
    flat = prices.ravel()
    out = np.empty(flat.size)
    for i in range(flat.size):
        out[i] = math.log(flat[i])
    return out.reshape(prices.shape)


def mirror(bars: Bars) -> Bars:
    """Return the mirrored market: (o, h, l, c) to (-o, -l, -h, -c), taker buys become sells, volume stays."""
    return Bars(-bars.open, -bars.low, -bars.high, -bars.close, bars.volume, bars.volume - bars.taker_buy)
