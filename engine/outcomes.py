"""What became of a signal: followed on later bars to its stop, its target or its horizon, filled by ``fills``.

A signal is entered at the open of the first bar behind it, so the bar that made it never counts. One position a
signal, of one unit; a result in R is a multiple of what the stop would have cost before fees. Equal to a backtest of
this one order with ``max_bars`` = horizon. Prices in the quote asset; a side is +1 or -1.
"""

from math import nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import FloatArray
from engine.fills import AT_STOP, AT_TARGET, exit_price, fee_of, market_price, profit_of, touched
from engine.jit import kernel, usable_in_kernels
from engine.plan import BY_ATR, Terms
from engine.plan_in_kernels import stop_price, target_price

IntArray = npt.NDArray[np.int64]

FOLLOWED, STOPPED, REACHED, EXPIRED = 0, 1, 2, 3
OUTCOMES = ("open", "stop", "target", "time")


class Course(NamedTuple):
    """How signals are followed. horizon: bars; fee, slippage: shares, as in ``engine.simulation.Costs``."""

    stop_atr: float = 2.0
    target_r: float = 2.0
    horizon: int = 24
    fee: float = 0.0005
    slippage: float = 0.001


class Position(NamedTuple):
    """Where a followed signal stands. best, worst: R, before fees. how: index of OUTCOMES; exit: NaN while open."""

    side: float
    entry: float
    stop: float
    target: float
    best: float
    worst: float
    bars: int
    how: int
    exit: float


@usable_in_kernels
def enter(side: float, opened: float, atr: float, course: Course) -> Position:
    """Return the position entered at ``opened``, the open of the first bar behind the signal. atr: log units."""
    entry = market_price(opened, side, course.slippage)
    stop = stop_price(side, entry, atr, nan, nan, Terms(BY_ATR, course.stop_atr))
    target = target_price(side, entry, stop, course.target_r)
    return Position(side, entry, stop, target, 0.0, 0.0, 0, FOLLOWED, nan)


@usable_in_kernels
def in_r(position: Position, price: float) -> float:
    """Return what leaving at ``price`` would earn before fees, as a multiple of the distance to the stop."""
    return position.side * (price - position.entry) / abs(position.entry - position.stop)


@usable_in_kernels
def follow(position: Position, opened: float, high: float, low: float, course: Course) -> Position:
    """Return an open position behind one more bar. Once its horizon is over it leaves at this bar's open.

    What a bar does first cannot be seen, so what is worse for the signal counts: the stop before the target, and
    on the bar that stops it no gain; on the bar that reaches the target the loss that came with it.
    """
    side, bars = position.side, position.bars + 1
    if position.bars >= course.horizon:
        price = market_price(opened, -side, course.slippage)
        return _behind(position, EXPIRED, price, opened, opened, position.bars)
    touch = touched(side, opened, high, low, position.stop, position.target)
    against = low if side > 0.0 else high
    if touch.how == AT_STOP:
        return _behind(position, STOPPED, exit_price(touch, side, course.slippage), opened, touch.price, bars)
    if touch.how == AT_TARGET:
        price = exit_price(touch, side, course.slippage)
        return _behind(position, REACHED, price, price, against, bars)
    return _behind(position, FOLLOWED, nan, high if side > 0.0 else low, against, bars)


@usable_in_kernels
def _behind(position: Position, how: int, price: float, favourable: float, adverse: float, bars: int) -> Position:
    best = max(position.best, in_r(position, favourable))
    worst = min(position.worst, in_r(position, adverse))
    return Position(position.side, position.entry, position.stop, position.target, best, worst, bars, how, price)


@usable_in_kernels
def result_r(position: Position, fee: float) -> float:
    """Return what an ended position earned after the fees of both fills, in R."""
    return earned(position, fee) / abs(position.entry - position.stop)


@usable_in_kernels
def earned(position: Position, fee: float) -> float:
    """Return what one unit earned after the fees of both fills, quote asset."""
    fees = fee_of(1.0, position.entry, fee) + fee_of(1.0, position.exit, fee)
    return profit_of(position.side, 1.0, position.entry, position.exit, fees)


class Results(NamedTuple):
    """Outcomes of many signals, (n,) each. r: after fees, NaN where the bars end first. last: index of the last bar."""

    r: FloatArray
    last: IntArray
    how: IntArray


def follow_all(
    prices: tuple[FloatArray, FloatArray, FloatArray],
    first: IntArray,
    side: FloatArray,
    atr: FloatArray,
    course: Course,
) -> Results:
    """Return what became of signals that enter at bar ``first``, (n,), on prices (open, high, low), (bar,) each."""
    return Results(*_follow_all(*prices, first, side, atr, course))


@kernel
def _follow_all(opens, highs, lows, first, side, atr, course):
    n = first.size
    r, last, how = np.full(n, np.nan), np.full(n, opens.size), np.zeros(n, np.int64)
    for i in range(n):
        if first[i] >= opens.size or not atr[i] > 0.0:
            continue
        position = enter(side[i], opens[first[i]], atr[i], course)
        for bar in range(first[i], opens.size):
            position = follow(position, opens[bar], highs[bar], lows[bar], course)
            if position.how != FOLLOWED:
                r[i], last[i], how[i] = result_r(position, course.fee), bar, position.how
                break
    return r, last, how
