"""At which price an order is filled, and what a trade earns: the one source of trades for backtest and paper portfolio.

Orders are market orders at a bar's open and pay slippage; a stop becomes a market order where it is touched; a target
is a limit order and pays none. Partial fills are out of scope: an order is filled whole or not at all.
A side is +1 (long, or to buy) or -1 (short, or to sell). Plain functions that kernels compile as well.
"""

from typing import NamedTuple

from engine.jit import usable_in_kernels

NOT_TOUCHED, AT_STOP, AT_TARGET = 0, 1, 2


class Touch(NamedTuple):
    """What a bar did to a position: how (NOT_TOUCHED, AT_STOP, AT_TARGET), and the price before slippage."""

    how: int
    price: float


@usable_in_kernels
def market_price(price: float, side: float, slippage: float) -> float:
    """Return what a market order gets: ``slippage`` (a share of the price) worse for the ``side`` that trades."""
    return price * (1.0 + side * slippage)


@usable_in_kernels
def fee_of(quantity: float, price: float, fee: float) -> float:
    """Return the fee, quote asset, on ``quantity`` (base asset, unsigned); ``fee`` is a share of the notional."""
    return quantity * price * fee


@usable_in_kernels
def touched(side: float, opened: float, high: float, low: float, stop: float, target: float) -> Touch:
    """Return what a bar does to a position that is open at its start.

    A bar that opens beyond the stop fills at its open: the stop's price was never traded. A bar that touches both
    counts as stopped: which came first cannot be seen. One that opens beyond the target fills at its open, the
    better price a limit order gets. NaN is a stop or target that there is none of.
    """
    if side > 0.0:
        if low <= stop:
            return Touch(AT_STOP, min(opened, stop))
        if high >= target:
            return Touch(AT_TARGET, max(opened, target))
    else:
        if high >= stop:
            return Touch(AT_STOP, max(opened, stop))
        if low <= target:
            return Touch(AT_TARGET, min(opened, target))
    return Touch(NOT_TOUCHED, 0.0)


@usable_in_kernels
def exit_price(touch: Touch, side: float, slippage: float) -> float:
    """Return the price at which a position of ``side`` leaves at a stop or a target."""
    return market_price(touch.price, -side, slippage) if touch.how == AT_STOP else touch.price


@usable_in_kernels
def trailed(side: float, stop: float, high: float, low: float, factor: float) -> float:
    """Return the stop for the next bar: drawn behind this bar's extreme by ``factor`` (below 1), never back.

    The distance is one of logs: high x factor for a long, low / factor for a short. A NaN stop is set.
    """
    if side > 0.0:
        return stop if stop >= high * factor else high * factor
    return stop if stop <= low / factor else low / factor


@usable_in_kernels
def profit_of(side: float, quantity: float, entry: float, left: float, fees: float) -> float:
    """Return what a trade earned, quote asset, from its fill prices, quantity (unsigned) and the fees of both fills."""
    return side * quantity * (left - entry) - fees
