"""Fills and plans: prices by hand, and the same bits from Python and from a kernel."""

from math import exp, isnan, nan

import numpy as np
import pytest

from engine import fills, plan, plan_in_kernels
from engine.jit import kernel
from engine.plan import Terms


@kernel
def in_a_kernel(entry, low, high, opened, bar_high, bar_low, terms):
    out = np.empty(6)
    for side in (1.0, -1.0):
        at = 0 if side > 0.0 else 3
        stop = plan_in_kernels.stop_price(side, entry, 0.013, low, high, terms)
        target = plan_in_kernels.target_price(side, entry, stop, 2.0)
        touch = fills.touched(side, opened, bar_high, bar_low, stop, target)
        out[at] = stop
        out[at + 1] = plan_in_kernels.quantity_of(10_000.0, 500.0, entry, stop, 0.0005, terms)
        out[at + 2] = fills.exit_price(touch, side, 0.001)
    return out


@pytest.mark.parametrize("stop", plan.STOPS.values())
def test_python_and_kernels_make_the_same_prices_and_quantities_bit_for_bit(stop):
    rng = np.random.default_rng(stop)
    for _ in range(300):
        entry, low, high, opened = 100.0 * np.exp(rng.normal(0.0, 0.02, 4))
        top, bottom = max(entry, opened) * 1.01, min(entry, opened) * 0.99
        terms = Terms(stop=stop, step=0.001)
        args = (float(entry), float(low), float(high), float(opened), float(top), float(bottom), terms)
        assert in_a_kernel.py_func(*args).tobytes() == in_a_kernel(*args).tobytes()


def test_a_market_order_pays_slippage_on_the_side_it_trades():
    assert fills.market_price(100.0, 1.0, 0.001) == pytest.approx(100.1)
    assert fills.market_price(100.0, -1.0, 0.001) == pytest.approx(99.9)


@pytest.mark.parametrize(
    ("side", "bar", "how", "price"),
    [
        (1.0, (100.0, 104.0, 96.0), fills.AT_STOP, 97.0),  # both touched: the stop came first
        (1.0, (100.0, 104.0, 98.0), fills.AT_TARGET, 103.0),
        (1.0, (95.0, 104.0, 94.0), fills.AT_STOP, 95.0),  # gap through the stop: filled at the open
        (1.0, (105.0, 106.0, 99.0), fills.AT_TARGET, 105.0),
        (1.0, (100.0, 102.9, 97.1), fills.NOT_TOUCHED, 0.0),
        (-1.0, (100.0, 104.0, 96.0), fills.AT_STOP, 103.0),
        (-1.0, (100.0, 102.0, 97.0), fills.AT_TARGET, 97.0),
        (-1.0, (105.0, 106.0, 94.0), fills.AT_STOP, 105.0),
        (-1.0, (95.0, 101.0, 94.0), fills.AT_TARGET, 95.0),
    ],
)
def test_a_bar_fills_stop_before_target_and_a_gap_at_the_open(side, bar, how, price):
    stop, target = (97.0, 103.0) if side > 0 else (103.0, 97.0)
    assert fills.touched(side, *bar, stop, target) == (how, price)


def test_a_position_without_stop_and_target_is_never_touched():
    assert fills.touched(1.0, 1.0, 1e9, 1e-9, nan, nan).how == fills.NOT_TOUCHED
    assert fills.touched(-1.0, 1.0, 1e9, 1e-9, nan, nan).how == fills.NOT_TOUCHED


def test_a_trailing_stop_follows_the_extreme_and_never_goes_back():
    stop = fills.trailed(1.0, nan, 110.0, 100.0, 0.95)
    assert stop == pytest.approx(104.5)
    assert fills.trailed(1.0, stop, 105.0, 100.0, 0.95) == stop
    assert fills.trailed(-1.0, 120.0, 110.0, 95.0, 0.95) == pytest.approx(100.0)


def test_the_size_costs_the_risk_at_the_stop_and_respects_step_limit_and_minimum():
    terms = Terms(risk=0.01, max_share=1.0, step=0.01)
    assert plan.quantity_of(10_000.0, 0.0, 100.0, 98.0, 0.0, terms) == pytest.approx(50.0)
    assert plan.quantity_of(10_000.0, 0.0, 100.0, 99.99, 0.0, terms) == pytest.approx(100.0)  # all of equity, no more
    assert plan.quantity_of(10_000.0, 9_000.0, 100.0, 98.0, 0.0, terms) == pytest.approx(10.0)
    assert plan.quantity_of(10_000.0, 0.0, 100.0, 97.0, 0.0, terms) == pytest.approx(33.33)
    assert plan.quantity_of(10_000.0, 0.0, 100.0, 97.0, 0.0, terms._replace(min_notional=5_000.0)) == 0.0
    assert plan.quantity_of(-1.0, 0.0, 100.0, 97.0, 0.0, terms) == 0.0


def test_the_structure_stop_lies_beyond_the_swing_when_it_is_in_reach():
    atr, terms = 0.01, Terms(stop=plan.BY_STRUCTURE, stop_atr=2.0)
    assert plan.stop_price(1.0, 100.0, atr, 98.5, 102.0, terms) == pytest.approx(98.5 * exp(-0.001))
    assert plan.stop_price(-1.0, 100.0, atr, 98.5, 102.0, terms) == pytest.approx(102.0 * exp(0.001))
    by_atr = 100.0 * exp(-0.02)
    for out_of_reach in (99.9, 90.0, 101.0, nan):
        assert plan.stop_price(1.0, 100.0, atr, out_of_reach, 102.0, terms) == pytest.approx(by_atr)
    both = Terms(stop=plan.BY_BOTH, stop_atr=2.0)
    assert plan.stop_price(1.0, 100.0, atr, 98.5, 102.0, both) == pytest.approx(by_atr)
    assert plan.stop_price(1.0, 100.0, atr, 97.0, 102.0, both) == pytest.approx(97.0 * exp(-0.001))


def test_a_target_below_zero_is_none():
    assert isnan(plan.target_price(-1.0, 100.0, 160.0, 2.0))


@pytest.mark.parametrize(
    ("advice", "direction", "closes_long", "closes_short"),
    [
        ("BUY", "BULLISH", False, True),
        ("SELL", "BEARISH", True, False),
        ("HOLD", "BULLISH", False, True),
        ("HOLD", "BEARISH", True, False),
        ("HOLD", "NEUTRAL", True, True),
    ],
)
def test_a_position_is_left_when_the_direction_no_longer_agrees(advice, direction, closes_long, closes_short):
    intent = plan.intent_of(advice, direction)
    assert plan.asks_to_leave(intent, 1.0) is closes_long
    assert plan.asks_to_leave(intent, -1.0) is closes_short
