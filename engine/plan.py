"""How an opportunity is traded: which side, where the stop and the targets lie, how much. Same for live and history.

Prices in the quote asset, quantities in the base asset, ATR in log units (0.01 is about 1 %), a side +1 long, -1
short. Plain functions that kernels compile as well.
"""

from math import exp, floor, isfinite, isnan, nan
from typing import NamedTuple

from engine.jit import usable_in_kernels

# What a signal asks of a position
ENTER_SHORT, LEAVE_LONG, LEAVE, LEAVE_SHORT, ENTER_LONG = -2, -1, 0, 1, 2
# Where a stop comes from
NO_STOP, BY_ATR, BY_STRUCTURE, BY_BOTH = 0, 1, 2, 3
STOPS = {"none": NO_STOP, "atr": BY_ATR, "structure": BY_STRUCTURE, "both": BY_BOTH}

STRUCTURE_BUFFER_ATR = 0.1  # beyond the swing: a stop at the very level is hit by the sweep of that level
NEAREST_STOP_ATR = 0.5  # a structure level nearer than this is within one bar's noise
FARTHEST_STOP = 3.0  # and one farther than this many ATR stops is no longer this trade's
ENTRY_ZONE_ATR = 0.25
TARGETS_R = (1.0, 2.0, 3.0)


class Terms(NamedTuple):
    """How positions are made. Numbers only, for kernels; 0 turns a term off.

    stop: NO_STOP, BY_ATR, BY_STRUCTURE (else ATR) or BY_BOTH (the farther one). stop_atr, trail_atr: multiples of ATR.
    target_r: multiple of the stop's distance. max_bars: bars held. risk: share of equity that the stop may cost.
    max_share: notional of one position, as a share of equity; max_leverage: of all together. step: of a quantity.
    min_notional: quote asset. longs, shorts: 1 if allowed.
    """

    stop: int = BY_ATR
    stop_atr: float = 2.0
    target_r: float = 2.0
    trail_atr: float = 0.0
    max_bars: int = 0
    risk: float = 0.01
    max_share: float = 1.0
    max_leverage: float = 1.0
    step: float = 0.0
    min_notional: float = 0.0
    longs: int = 1
    shorts: int = 1


def intent_of(advice: str, direction: str) -> int:
    """Return what a signal asks for: enter at BUY or SELL, leave where the direction no longer agrees.

    Between the two thresholds (act, band) a position stays: that is the hysteresis of trading.
    """
    if advice in ("BUY", "SELL"):
        return ENTER_LONG if advice == "BUY" else ENTER_SHORT
    return {"BULLISH": LEAVE_SHORT, "BEARISH": LEAVE_LONG, "NEUTRAL": LEAVE}[direction]


@usable_in_kernels
def asks_to_leave(intent: int, side: float) -> bool:
    """Whether an intent closes a position of ``side``."""
    return intent == LEAVE or intent * side < 0.0


@usable_in_kernels
def structure_stop(side: float, entry: float, atr: float, stop_atr: float, level: float) -> float:
    """Return the stop beyond the last confirmed swing, or NaN where that does not lie in reach.

    level: price of the last confirmed swing low for a long, swing high for a short; NaN if there is none.
    """
    stop = level * exp(-side * STRUCTURE_BUFFER_ATR * atr)
    nearest = entry * exp(-side * NEAREST_STOP_ATR * atr)
    farthest = entry * exp(-side * FARTHEST_STOP * stop_atr * atr)
    in_reach = (nearest - stop) * side >= 0.0 and (stop - farthest) * side >= 0.0  # false for NaN
    return stop if in_reach else nan


@usable_in_kernels
def stop_price(side: float, entry: float, atr: float, low: float, high: float, terms: Terms) -> float:
    """Return a position's first stop, or NaN without one. low, high: the last confirmed swings, NaN if none."""
    if terms.stop == NO_STOP:
        return nan
    by_atr = entry * exp(-side * terms.stop_atr * atr)
    if terms.stop == BY_ATR:
        return by_atr
    by_structure = structure_stop(side, entry, atr, terms.stop_atr, low if side > 0.0 else high)
    if isnan(by_structure):
        return by_atr
    if terms.stop == BY_STRUCTURE:
        return by_structure
    return min(by_atr, by_structure) if side > 0.0 else max(by_atr, by_structure)


@usable_in_kernels
def target_price(side: float, entry: float, stop: float, r: float) -> float:
    """Return the price at ``r`` times the stop's distance, NaN where there is none or it would not be a price."""
    target = entry + r * (entry - stop)
    reachable = r > 0.0 and target > 0.0 and (target - entry) * side > 0.0
    return target if reachable else nan


@usable_in_kernels
def rounded_down(quantity: float, step: float) -> float:
    """Return the largest multiple of ``step`` that is not above ``quantity``; 0 is no step."""
    if step <= 0.0:
        return quantity
    steps = floor(quantity / step)
    return (steps if steps * step <= quantity else steps - 1.0) * step


@usable_in_kernels
def quantity_of(equity: float, in_use: float, entry: float, stop: float, fee: float, terms: Terms) -> float:
    """Return how much to trade: what the risk allows, cut to the limits on notional, rounded down; 0 is no trade.

    equity, in_use (notional of what is open): quote asset. Without a stop or a risk the limits alone decide; the
    entry's fee is kept back, so that a share of 1 never borrows.
    """
    room = min(terms.max_share * equity, terms.max_leverage * equity - in_use)
    quantity = room / (entry * (1.0 + fee))
    distance = abs(entry - stop)
    if terms.risk > 0.0 and distance > 0.0:  # false for a NaN stop
        quantity = min(quantity, terms.risk * equity / distance)
    quantity = rounded_down(quantity, terms.step)
    return quantity if quantity > 0.0 and quantity * entry >= terms.min_notional else 0.0


class Plan(NamedTuple):
    """One opportunity as a person would trade it. zone: (low, high) of the entry; targets: at TARGETS_R."""

    side: int
    entry: float
    zone: tuple[float, float]
    stop: float
    stop_from: str
    targets: tuple[float, ...]
    quantity: float
    notional: float
    risk_amount: float


def plan(
    side: int, entry: float, atr: float, low: float, high: float, equity: float, terms: Terms, in_use: float = 0.0
) -> Plan:
    """Return the plan for entering at about ``entry``; a quantity of 0 says that the terms allow none.

    low, high: last confirmed swing low and high, NaN if none. Raises ValueError naming what is no number, or no stop.
    """
    for name, value in (("entry", entry), ("atr", atr), ("equity", equity)):
        if not isfinite(value) or value <= 0.0:
            raise ValueError(f"{name} must be above 0, was {value}")
    stop = stop_price(side, entry, atr, low, high, terms)
    if not isfinite(stop):
        raise ValueError("a plan needs a stop: terms.stop is none")
    quantity = quantity_of(equity, in_use, entry, stop, 0.0, terms)
    by_atr = entry * exp(-side * terms.stop_atr * atr)
    return Plan(
        side=side,
        entry=entry,
        zone=(entry * exp(-ENTRY_ZONE_ATR * atr), entry * exp(ENTRY_ZONE_ATR * atr)),
        stop=stop,
        stop_from="atr" if stop == by_atr else "structure",
        targets=tuple(target_price(side, entry, stop, r) for r in TARGETS_R),
        quantity=quantity,
        notional=quantity * entry,
        risk_amount=quantity * abs(entry - stop),
    )
