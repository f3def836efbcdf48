"""An event loop over bars: orders are filled, stops and targets touched, equity kept. Trades come from ``fills``.

An order of bar t is filled at its symbol's next bar's open. On a bar: first the open (orders), then what the bar
touched, the stop first, then the close (marks, trailing, holding time). Symbols share one capital and are served in
their order. What is open at the end is marked at the last close, without costs of leaving.
"""

from math import exp, nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import FloatArray
from engine.fills import AT_STOP, NOT_TOUCHED, exit_price, fee_of, market_price, profit_of, touched, trailed
from engine.jit import kernel
from engine.plan import ENTER_LONG, ENTER_SHORT, Terms
from engine.plan_in_kernels import asks_to_leave, quantity_of, stop_price, target_price

IntArray = npt.NDArray[np.int64]

NO_ORDER = -1
BY_SIGNAL, BY_STOP, BY_TARGET, BY_TIME, STILL_OPEN = range(5)
EXIT_REASONS = ("signal", "stop", "target", "time", "open")


class Prices(NamedTuple):
    """Bars of all symbols on one grid of time, each (bar, symbol), quote asset; NaN where a symbol has no bar."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


class Orders(NamedTuple):
    """What signals ask for, (n,) each, by bar and symbol.

    bar, symbol: at whose close. intent: as in ``engine.plan``. atr in log units; low, high: last confirmed swings.
    """

    bar: IntArray
    symbol: IntArray
    intent: IntArray
    atr: FloatArray
    low: FloatArray
    high: FloatArray


class Costs(NamedTuple):
    """Shares of the notional: ``fee`` of each fill, ``slippage`` of a market order's price."""

    fee: float
    slippage: float


class Ledger(NamedTuple):
    """Trades in the order in which they ended, (n,) each; what is still open comes last.

    entry_bar, exit_bar, symbol, side, reason (index of EXIT_REASONS); entry, exit: fill prices; stop: the first one,
    NaN without; quantity; fees, profit (after fees): quote asset. bars: held, the entry's included.
    """

    entry_bar: IntArray
    exit_bar: IntArray
    symbol: IntArray
    side: IntArray
    reason: IntArray
    bars: IntArray
    entry: FloatArray
    exit: FloatArray
    stop: FloatArray
    quantity: FloatArray
    fees: FloatArray
    profit: FloatArray


class Simulation(NamedTuple):
    """trades; equity: quote asset at each close, (bar,); held: (bar,), whether anything was open during the bar."""

    trades: Ledger
    equity: FloatArray
    held: npt.NDArray[np.bool_]


FIELDS = len(Ledger._fields)
# Rows of a position
SIDE, QUANTITY, ENTRY, STOP, TARGET, FACTOR, FEES, AGE, SINCE, FIRST_STOP, MARK = range(11)


def simulate(prices: Prices, orders: Orders, capital: float, costs: Costs, terms: Terms) -> Simulation:
    """Return what trading ``orders`` on ``prices`` from ``capital`` (quote asset) comes to."""
    # Each trade needs an order to enter, and every order is used at most once.
    most = int(np.count_nonzero(np.abs(orders.intent) == ENTER_LONG))
    rows, count, equity, held = _simulate(prices, orders, capital, costs, _numbers(terms), most)
    table = rows[:count].T
    whole = [column.astype(np.int64) for column in table[:6]]
    return Simulation(Ledger._make([*whole, *np.ascontiguousarray(table[6:])]), equity, held)


def _numbers(terms: Terms) -> Terms:
    """Return the terms with one type for each field, so that kernels are compiled once."""
    return Terms._make(type(default)(value) for value, default in zip(terms, Terms(), strict=True))


# One loop on purpose: on every bar of a position, a call that hands on arrays would cost more than all the rest.
@kernel
def _simulate(prices, orders, capital, costs, terms, most):  # noqa: C901
    bars, symbols = prices.close.shape
    trades, count = np.empty((most, FIELDS)), 0
    equity, held = np.empty(bars), np.zeros(bars, np.bool_)
    positions = np.zeros((MARK + 1, symbols))
    pending = np.full(symbols, NO_ORDER)  # the order of each symbol that waits for a bar
    cash, worth, next_order, busy = capital, capital, 0, 0
    for bar in range(bars):
        if busy > 0:
            for s in range(symbols):
                opened = prices.open[bar, s]
                if (pending[s] == NO_ORDER and positions[SIDE, s] == 0.0) or np.isnan(opened):
                    continue
                if pending[s] != NO_ORDER or (terms.max_bars > 0 and positions[AGE, s] >= terms.max_bars):
                    cash, count = _at_open(
                        opened, bar, s, positions, pending, orders, cash, costs, terms, trades, count
                    )
                side = positions[SIDE, s]
                if side == 0.0:
                    continue
                held[bar] = True
                high, low = prices.high[bar, s], prices.low[bar, s]
                touch = touched(side, opened, high, low, positions[STOP, s], positions[TARGET, s])
                if touch.how != NOT_TOUCHED:
                    price = exit_price(touch, side, costs.slippage)
                    reason = BY_STOP if touch.how == AT_STOP else BY_TARGET
                    cash += _record(positions, s, bar, price, reason, costs.fee, trades, count)
                    count += 1
                    continue
                positions[AGE, s] += 1.0
                positions[MARK, s] = prices.close[bar, s]
                if positions[FACTOR, s] > 0.0:  # false for NaN: no trailing
                    positions[STOP, s] = trailed(side, positions[STOP, s], high, low, positions[FACTOR, s])
            worth, busy = cash, 0
            for s in range(symbols):
                worth += positions[SIDE, s] * positions[QUANTITY, s] * positions[MARK, s]
                busy += 1 if positions[SIDE, s] != 0.0 or pending[s] != NO_ORDER else 0
        while next_order < orders.bar.size and orders.bar[next_order] == bar:
            pending[orders.symbol[next_order]] = next_order
            next_order += 1
            busy += 1
        equity[bar] = worth
    for s in range(symbols):
        if positions[SIDE, s] != 0.0:
            positions[AGE, s] -= 1.0  # its last bar is counted already
            _record(positions, s, bars - 1, positions[MARK, s], STILL_OPEN, 0.0, trades, count)
            count += 1
    return trades, count, equity, held


@kernel
def _at_open(opened, bar, s, positions, pending, orders, cash, costs, terms, trades, count):
    """Fill what waits for the open: leave (asked, or time is up), then enter. Return cash and the number of trades."""
    order = pending[s]
    pending[s] = NO_ORDER
    intent = orders.intent[order] if order != NO_ORDER else 0
    side = positions[SIDE, s]
    if side != 0.0:
        asked = order != NO_ORDER and asks_to_leave(intent, side)
        if asked or (terms.max_bars > 0 and positions[AGE, s] >= terms.max_bars):
            price = market_price(opened, -side, costs.slippage)
            positions[AGE, s] -= 1.0  # it is not held on this bar
            cash += _record(positions, s, bar, price, BY_SIGNAL if asked else BY_TIME, costs.fee, trades, count)
            count += 1
    wanted = 1.0 if intent == ENTER_LONG and terms.longs else (-1.0 if intent == ENTER_SHORT and terms.shorts else 0.0)
    if wanted != 0.0 and positions[SIDE, s] == 0.0:
        cash += _enter(wanted, opened, bar, s, positions, orders, order, cash, costs, terms)
    return cash, count


@kernel
def _enter(side, opened, bar, s, positions, orders, order, cash, costs, terms):
    """Open a position and return what that does to cash; nothing where the terms allow no quantity."""
    equity, in_use = cash, 0.0
    for other in range(positions.shape[1]):
        value = positions[QUANTITY, other] * positions[MARK, other]
        equity += positions[SIDE, other] * value
        in_use += abs(positions[SIDE, other]) * value
    atr = orders.atr[order]
    entry = market_price(opened, side, costs.slippage)
    stop = stop_price(side, entry, atr, orders.low[order], orders.high[order], terms)
    quantity = quantity_of(equity, in_use, entry, stop, costs.fee, terms)
    if quantity <= 0.0:
        return 0.0
    fees = fee_of(quantity, entry, costs.fee)
    positions[SIDE, s], positions[QUANTITY, s], positions[ENTRY, s] = side, quantity, entry
    positions[STOP, s], positions[FIRST_STOP, s] = stop, stop
    positions[TARGET, s] = target_price(side, entry, stop, terms.target_r)
    positions[FACTOR, s] = exp(-terms.trail_atr * atr) if terms.trail_atr > 0.0 else nan
    positions[FEES, s], positions[AGE, s], positions[SINCE, s], positions[MARK, s] = fees, 0.0, bar, entry
    return -side * quantity * entry - fees


@kernel
def _record(positions, s, bar, price, reason, fee, trades, count):
    """End a position at ``price``: write its trade and return what that brings in cash."""
    side, quantity, entry = positions[SIDE, s], positions[QUANTITY, s], positions[ENTRY, s]
    last_fee = fee_of(quantity, price, fee)
    fees = positions[FEES, s] + last_fee
    row = trades[count]
    row[0], row[1], row[2], row[3], row[4] = positions[SINCE, s], bar, s, side, reason
    row[5], row[6], row[7], row[8] = positions[AGE, s] + 1.0, entry, price, positions[FIRST_STOP, s]
    row[9], row[10], row[11] = quantity, fees, profit_of(side, quantity, entry, price, fees)
    positions[SIDE, s] = 0.0
    positions[QUANTITY, s] = 0.0
    return side * quantity * price - last_fee
