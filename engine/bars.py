"""Bars as the kernels see them: natural logs of prices, and volumes.

In logs every leg, range and distance is a difference, so the scale of the price drops out, and the mirror image of
a market is a change of sign.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.jit import kernel
from engine.side import NO_SIDE, mirrored

FloatArray = npt.NDArray[np.float64]
EPSILON = 1e-12  # a difference of logs below this is none


class Bars(NamedTuple):
    """One tile of bars, each array (time, lane), oldest row first; a lane is one series.

    open, high, low, close: ln price. volume, taker_buy: base asset; taker_buy is NaN where the source has none.
    side: what was known beside the candles at each close, (time, lane, ``engine.side.ROWS``), of the tile's last rows
    only; without rows where nothing is.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    taker_buy: FloatArray
    side: FloatArray = NO_SIDE


class Span(NamedTuple):
    """Which rows of a tile a kernel computes.

    origin: position in the window of the tile's row 0. first: first row to fold in (rows before it are look-back).
    emit: first row whose result is wanted.
    """

    origin: int
    first: int
    emit: int


# ln 2 in two parts: the first has so few bits that its product with an exponent is exact
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), 1.9082149292705877e-10
# Minimax coefficients of (ln((1 + s) / (1 - s)) - 2 s) / s for |s| below 0.1716, of s^2, s^4 …
SERIES = (
    6.666666666666735e-01,
    3.999999999940942e-01,
    2.857142874366239e-01,
    2.222219843214978e-01,
    1.818357216161805e-01,
    1.531383769920937e-01,
    1.479819860511659e-01,
)
ROOT_2 = 1.4142135623730951
MANTISSA, ONE = (1 << 52) - 1, 1023 << 52  # of a float64's bits: the 52 lowest; those of 1.0
PIECE = 512  # numbers at a time: their halves fit the first-level cache


@kernel
def take_logs(x: FloatArray, out: FloatArray) -> None:
    """Put ln of each positive normal number of ``x`` (n,) into ``out`` (n,), to within one unit in the last place.

    x = m 2^k with m in sqrt(1/2)..sqrt(2); ln m by a series in s = (m - 1) / (m + 1). Plain arithmetic, so it runs in
    SIMD and gives the same bits with every C library; the method and its coefficients are those of W. J. Cody and
    W. Waite, "Software Manual for the Elementary Functions", 1980, as refined in Sun's fdlibm, 1993.
    """
    mantissa, exponent = np.empty(PIECE), np.empty(PIECE)
    mantissa_bits, bits = mantissa.view(np.int64), x.view(np.int64)
    for first in range(0, x.size, PIECE):
        here, target = bits[first : first + PIECE], out[first : first + PIECE]
        for i in range(here.size):
            exponent[i] = float((here[i] >> 52) - 1023)
            mantissa_bits[i] = (here[i] & MANTISSA) | ONE
        for i in range(here.size):
            large = mantissa[i] > ROOT_2
            k = exponent[i] + 1.0 if large else exponent[i]
            f = (0.5 * mantissa[i] if large else mantissa[i]) - 1.0
            s = f / (2.0 + f)
            z = s * s
            w = z * z
            odd = z * (SERIES[0] + w * (SERIES[2] + w * (SERIES[4] + w * SERIES[6])))
            even = w * (SERIES[1] + w * (SERIES[3] + w * SERIES[5]))
            half = 0.5 * f * f
            target[i] = k * LN2_HIGH - ((half - (s * (half + (odd + even)) + k * LN2_LOW)) - f)


def natural_log(prices: FloatArray) -> FloatArray:
    """Return ln of each price, any shape."""
    out = np.empty(prices.shape)
    take_logs(np.ascontiguousarray(prices).reshape(-1), out.reshape(-1))
    return out


def mirror(bars: Bars) -> Bars:
    """Return the mirrored market: (o, h, l, c) to (-o, -l, -h, -c), taker buys become sells, volume stays;
    funding, ln(long/short) and news change their sign, open interest stays.
    """
    taker_buy = bars.volume - bars.taker_buy
    return Bars(-bars.open, -bars.low, -bars.high, -bars.close, bars.volume, taker_buy, mirrored(bars.side))
