"""What became of a signal: by hand, and against the backtest of the same order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.outcomes import EXPIRED, REACHED, STOPPED, Course, enter, follow, follow_all, in_r, result_r
from engine.plan import ENTER_LONG, ENTER_SHORT, Terms
from engine.simulation import BY_STOP, BY_TARGET, BY_TIME, Costs, Orders, Prices, simulate
from tests.playing import walk

FREE = Course(stop_atr=1.0, target_r=2.0, horizon=3, fee=0.0, slippage=0.0)
ATR = float(np.log(100.0 / 90.0))  # a stop of a long from 100 lies at 90


def path(side, bars, course=FREE):
    position = enter(side, bars[0][0], ATR, course)
    for opened, high, low in bars:
        position = follow(position, opened, high, low, course)
    return position


def test_a_target_in_the_second_bar_earns_two_r():
    position = path(1.0, [(100, 105, 95), (104, 121, 97)])
    assert position.how == REACHED
    assert (position.exit, position.bars) == (pytest.approx(120.0), 2)
    assert result_r(position, 0.0) == pytest.approx(2.0)
    assert (position.best, position.worst) == (pytest.approx(2.0), pytest.approx(-0.5))


def test_a_bar_that_touches_both_is_a_loss_and_brings_no_gain():
    position = path(1.0, [(100, 125, 89)])
    assert position.how == STOPPED
    assert (position.best, position.worst) == (0.0, pytest.approx(-1.0))
    assert result_r(position, 0.0) == pytest.approx(-1.0)


def test_a_gap_through_the_stop_costs_more_than_one_r():
    position = path(1.0, [(100, 101, 99), (80, 85, 79)])
    assert (position.how, position.exit) == (STOPPED, 80.0)
    assert result_r(position, 0.0) == pytest.approx(-2.0)


def test_the_horizon_leaves_at_the_open_of_the_bar_behind_it():
    position = path(1.0, [(100, 101, 99), (100, 108, 99), (100, 101, 96), (103, 200, 1)])
    assert (position.how, position.exit, position.bars) == (EXPIRED, 103.0, 3)
    assert (position.best, position.worst) == (pytest.approx(0.8), pytest.approx(-0.4))


def test_fees_of_both_fills_and_slippage_are_paid_by_hand():
    course = FREE._replace(fee=0.001, slippage=0.01)
    position = enter(-1.0, 100.0, ATR, course)
    assert position.entry == pytest.approx(99.0)  # sold 1 % lower
    assert position.stop == pytest.approx(110.0)
    position = follow(position, 100.0, 111.0, 99.0, course)
    assert position.exit == pytest.approx(111.1)  # bought back 1 % higher
    assert result_r(position, 0.001) == pytest.approx((99.0 - 111.1 - 0.099 - 0.1111) / 11.0)


@given(st.floats(0, 0.05), st.floats(0, 0.05))
def test_higher_fees_never_turn_a_loss_into_a_hit(low, high):
    low, high = sorted((low, high))
    bars = walk(40, seed=11)
    prices = tuple(np.ascontiguousarray(v) for v in bars.values[:3])
    every = np.arange(40)
    side = np.where(every % 2 == 0, 1.0, -1.0)
    cheap, dear = (
        follow_all(prices, every, side, np.full(40, 0.004), Course(horizon=8, fee=fee)).r for fee in (low, high)
    )
    known = np.isfinite(cheap)
    assert np.array_equal(known, np.isfinite(dear))
    assert (dear[known] <= cheap[known]).all()


@pytest.mark.parametrize("seed", range(3))
def test_an_outcome_is_the_backtest_of_its_one_order(seed):
    bars = walk(400, seed)
    course, atr = Course(horizon=20), 0.006
    opened, high, low, close = (np.ascontiguousarray(v) for v in bars.values[:4])
    grid = Prices(*(v[:, None] for v in (opened, high, low, close)))
    terms = Terms(stop_atr=course.stop_atr, target_r=course.target_r, max_bars=course.horizon, risk=0.0)
    reasons = {BY_STOP: STOPPED, BY_TARGET: REACHED, BY_TIME: EXPIRED}
    seen = set()
    for bar in range(0, 370, 7):
        side = 1.0 if bar % 2 else -1.0
        intent = ENTER_LONG if side > 0 else ENTER_SHORT
        nothing = np.array([np.nan])
        order = Orders(np.array([bar]), np.array([0]), np.array([intent]), np.array([atr]), nothing, nothing)
        trade = simulate(grid, order, 1e6, Costs(course.fee, course.slippage), terms).trades
        found = follow_all((opened, high, low), np.array([bar + 1]), np.array([side]), np.array([atr]), course)
        assert reasons[int(trade.reason[0])] == found.how[0]
        assert trade.exit_bar[0] == found.last[0]
        r = trade.profit[0] / trade.quantity[0] / abs(trade.entry[0] - trade.stop[0])
        assert found.r[0] == pytest.approx(r, rel=1e-9)
        seen.add(int(found.how[0]))
    assert len(seen) == 3


def test_a_signal_whose_bars_end_has_no_result_yet():
    bars = walk(10, 1)
    prices = tuple(np.ascontiguousarray(v) for v in bars.values[:3])
    found = follow_all(prices, np.array([8, 10]), np.ones(2), np.array([1.0, 1.0]), Course())
    assert np.isnan(found.r).all()


def test_excursions_bracket_the_result_before_fees():
    bars, course = walk(300, 5), Course(horizon=12, fee=0.0, slippage=0.0)
    for first in range(0, 280, 5):
        position = enter(1.0, bars.values[0, first], 0.006, course)
        for bar in range(first, 300):
            position = follow(position, *bars.values[:3, bar], course)
            if position.how:
                break
        assert position.worst - 1e-12 <= in_r(position, position.exit) <= position.best + 1e-12
