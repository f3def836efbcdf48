"""How an opportunity is traded: which side, where the stop and the targets lie, how much. Same for live and history.

Prices in the quote asset, quantities in the base asset, ATR in log units (0.01 is about 1 %), a side +1 long, -1
short. Plain functions: ``engine.plan_in_kernels`` lets kernels compile them, and who only shows a plan needs no numba.
"""

from math import exp, floor, isfinite, isnan, nan
from typing import NamedTuple

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
ROUND_TRIP = 0.003  # what entering and leaving costs, a share of the notional: twice the default fee and slippage


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


SIGNAL_TERMS = Terms(stop=BY_BOTH)  # of the plan that a signal carries: ATR or structure, whichever protects


def intent_of(advice: str, direction: str) -> int:
    """Return what a signal asks for: enter at BUY or SELL, leave where the direction no longer agrees.

    Between the two thresholds (act, band) a position stays: that is the hysteresis of trading.
    """
    if advice in ("BUY", "SELL"):
        return ENTER_LONG if advice == "BUY" else ENTER_SHORT
    return {"BULLISH": LEAVE_SHORT, "BEARISH": LEAVE_LONG, "NEUTRAL": LEAVE}[direction]


def asks_to_leave(intent: int, side: float) -> bool:
    """Whether an intent closes a position of ``side``."""
    return intent == LEAVE or intent * side < 0.0


def structure_stop(side: float, entry: float, atr: float, stop_atr: float, level: float) -> float:
    """Return the stop beyond the last confirmed swing, or NaN where that does not lie in reach.

    level: price of the last confirmed swing low for a long, swing high for a short; NaN if there is none.
    """
    stop = level * exp(-side * STRUCTURE_BUFFER_ATR * atr)
    nearest = entry * exp(-side * NEAREST_STOP_ATR * atr)
    farthest = entry * exp(-side * FARTHEST_STOP * stop_atr * atr)
    in_reach = (nearest - stop) * side >= 0.0 and (stop - farthest) * side >= 0.0  # false for NaN
    return stop if in_reach else nan


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


def target_price(side: float, entry: float, stop: float, r: float) -> float:
    """Return the price at ``r`` times the stop's distance, NaN where there is none or it would not be a price."""
    target = entry + r * (entry - stop)
    reachable = r > 0.0 and target > 0.0 and (target - entry) * side > 0.0
    return target if reachable else nan


def rounded_down(quantity: float, step: float) -> float:
    """Return the largest multiple of ``step`` that is not above ``quantity``; 0 is no step."""
    if step <= 0.0:
        return quantity
    steps = floor(quantity / step)
    return (steps if steps * step <= quantity else steps - 1.0) * step


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


class Setup(NamedTuple):
    """Where an opportunity is entered and left, whatever the account. Prices in the quote asset.

    zone: (low, high) of the entry. stop_from: "atr" or "structure". targets: at TARGETS_R, NaN where that is no price.
    reward_to_risk: of each target, after ROUND_TRIP.
    """

    side: int
    entry: float
    zone: tuple[float, float]
    stop: float
    stop_from: str
    targets: tuple[float, ...]
    reward_to_risk: tuple[float, ...]


class Size(NamedTuple):
    """How much is traded: base asset; its worth at the entry and what its stop costs before fees, quote asset."""

    quantity: float
    notional: float
    risk_amount: float


def setup(side: int, entry: float, atr: float, low: float, high: float, terms: Terms) -> Setup:
    """Return where to enter at about ``entry``, and where to leave.

    low, high: last confirmed swing low and high, NaN if none. Raises ValueError naming what is no number, or no stop.
    """
    for name, value in (("entry", entry), ("atr", atr)):
        _require_above_0(name, value)
    stop = stop_price(side, entry, atr, low, high, terms)
    if not isfinite(stop):
        raise ValueError("a plan needs a stop: terms.stop is none")
    _require_distance(side, entry, stop)
    targets = tuple(target_price(side, entry, stop, r) for r in TARGETS_R)
    by_atr = entry * exp(-side * terms.stop_atr * atr)
    return Setup(
        side=side,
        entry=entry,
        zone=(entry * exp(-ENTRY_ZONE_ATR * atr), entry * exp(ENTRY_ZONE_ATR * atr)),
        stop=stop,
        stop_from="atr" if stop == by_atr else "structure",
        targets=targets,
        reward_to_risk=tuple(reward_to_risk(entry, stop, target) for target in targets),
    )


def reward_to_risk(entry: float, stop: float, target: float) -> float:
    """Return what a target earns over what the stop costs, both after entering and leaving was paid for."""
    costs = ROUND_TRIP * entry
    return (abs(target - entry) - costs) / (abs(entry - stop) + costs)


def signal_stop(lean: int, entry: float, atr: float, low: float, high: float) -> float:
    """Return the stop of a signal's plan; without a direction (lean 0) the farther one of both sides."""
    below, above = (stop_price(side, entry, atr, low, high, SIGNAL_TERMS) for side in (1, -1))
    if lean:
        return below if lean > 0 else above
    return below if entry / below >= above / entry else above


def size(side: int, equity: float, entry: float, stop: float, terms: Terms, in_use: float = 0.0) -> Size:
    """Return what the risk and the limits of ``terms`` allow, rounded down to the step.

    equity, in_use (notional of what is open): quote asset. Raises ValueError with the reason: an equity or a price
    that is not above 0, a stop at the entry or on its wrong side, nothing left of the limits, less than one step or
    than the least notional.
    """
    for name, value in (("equity", equity), ("entry", entry), ("stop", stop)):
        _require_above_0(name, value)
    _require_distance(side, entry, stop)
    quantity = quantity_of(equity, in_use, entry, stop, 0.0, terms)
    if quantity <= 0.0:
        raise ValueError(_why_none(equity, in_use, entry, stop, terms))
    return Size(quantity, quantity * entry, quantity * abs(entry - stop))


def _require_above_0(name: str, value: float) -> None:
    if not isfinite(value) or value <= 0.0:
        raise ValueError(f"{name} must be above 0, was {value:g}")


def _require_distance(side: int, entry: float, stop: float) -> None:
    if stop == entry:
        raise ValueError(f"the stop equals the entry, {entry:g}: no distance to size by")
    if (entry - stop) * side < 0.0:
        kind, place = ("long", "below") if side > 0 else ("short", "above")
        raise ValueError(f"the stop of a {kind} lies {place} its entry: stop {stop:g}, entry {entry:g}")


def _why_none(equity: float, in_use: float, entry: float, stop: float, terms: Terms) -> str:
    allowed = quantity_of(equity, in_use, entry, stop, 0.0, terms._replace(step=0.0, min_notional=0.0))
    if allowed <= 0.0:
        return f"max_leverage {terms.max_leverage:g} is used up: {in_use:g} of {terms.max_leverage * equity:g} is open"
    if rounded_down(allowed, terms.step) <= 0.0:
        return f"a quantity of {allowed:g} is below one step, {terms.step:g}"
    return f"a notional of {allowed * entry:g} is below the least, {terms.min_notional:g}"
