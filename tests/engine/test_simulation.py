"""The event loop by hand, to the cent, and laws that hold for any market."""

import numpy as np
import pytest

from engine.plan import BY_ATR, ENTER_LONG, ENTER_SHORT, LEAVE, LEAVE_LONG, LEAVE_SHORT, NO_STOP, Terms
from engine.simulation import EXIT_REASONS, Costs, Orders, Prices, simulate

COSTS = Costs(fee=0.001, slippage=0.002)
PLAIN = Terms(stop=NO_STOP, target_r=0.0, risk=0.0)  # all of the capital, left by signals alone
ONE_PERCENT = float(np.log(1.01))


def prices(*bars):
    """One symbol's bars (open, high, low, close)."""
    return Prices(*(np.array(column, dtype=float)[:, None] for column in zip(*bars, strict=True)))


def orders(*given, atr=ONE_PERCENT):
    """Orders (bar, intent) of one symbol."""
    bars, intents = zip(*given, strict=True)
    n = len(bars)
    no_swing = np.full(n, np.nan)
    return Orders(np.array(bars), np.zeros(n, np.int64), np.array(intents), np.full(n, atr), no_swing, no_swing)


def trades(result):
    """The trades as dictionaries, reasons in words."""
    rows = zip(*result.trades, strict=True)
    named = [dict(zip(result.trades._fields, row, strict=True)) for row in rows]
    return [one | {"reason": EXIT_REASONS[one["reason"]]} for one in named]


def test_a_long_by_hand():
    bars = prices((100, 101, 99, 100), (100, 112, 100, 110), (120, 121, 119, 120))
    result = simulate(bars, orders((0, ENTER_LONG), (1, LEAVE_LONG)), 10_000.0, COSTS, PLAIN)
    # bought at 100.2 for all of 10,000 with the fee: 10,000 / (100.2 x 1.001) = 99.7006985
    # sold at 120 x 0.998 = 119.76; fees 0.001 x 99.7006985 x (100.2 + 119.76)
    (one,) = trades(result)
    assert (one["entry_bar"], one["exit_bar"], one["side"], one["reason"], one["bars"]) == (1, 2, 1, "signal", 1)
    assert one["entry"] == pytest.approx(100.2)
    assert one["exit"] == pytest.approx(119.76)
    assert one["quantity"] == pytest.approx(99.7006985, abs=1e-7)
    assert one["fees"] == pytest.approx(21.93, abs=0.005)
    assert one["profit"] == pytest.approx(1928.22, abs=0.005)
    assert result.equity == pytest.approx([10_000.0, 99.7006982 * 110, 11_928.22], abs=0.005)
    assert result.held.tolist() == [False, True, False]


def test_a_short_by_hand():
    bars = prices((100, 101, 99, 100), (100, 101, 89, 90), (80, 81, 79, 80))
    result = simulate(bars, orders((0, ENTER_SHORT), (1, LEAVE_SHORT)), 10_000.0, COSTS, PLAIN)
    # sold at 99.8: 10,000 / (99.8 x 1.001) = 100.100300; bought back at 80.16
    (one,) = trades(result)
    assert (one["side"], one["entry"], one["exit"]) == (-1, pytest.approx(99.8), pytest.approx(80.16))
    assert one["fees"] == pytest.approx(100.1003 * 0.001 * (99.8 + 80.16), abs=0.005)
    assert one["profit"] == pytest.approx(1947.96, abs=0.01)
    assert result.equity[1] == pytest.approx(10_000 - 9.99 + 100.1003 * (99.8 - 90), abs=0.01)
    assert result.equity[2] == pytest.approx(10_000 + one["profit"])


def test_the_size_costs_the_risk_at_the_stop():
    terms = Terms(stop=BY_ATR, stop_atr=2.0, target_r=0.0, risk=0.01)
    bars = prices((100, 101, 99, 100), (100, 100, 90, 95))
    result = simulate(bars, orders((0, ENTER_LONG)), 10_000.0, Costs(0.0, 0.0), terms)
    (one,) = trades(result)
    assert one["stop"] == pytest.approx(100 / 1.01**2)
    assert one["profit"] == pytest.approx(-100.0)
    assert (one["reason"], one["entry_bar"], one["exit_bar"], one["bars"]) == ("stop", 1, 1, 1)


@pytest.mark.parametrize(
    ("intent", "last", "reason", "price"),
    [
        (ENTER_LONG, (100, 108, 92, 100), "stop", 100 / 1.01**2 * 0.998),  # both touched: the stop comes first
        (ENTER_LONG, (100, 108, 99, 107), "target", 100 * (1 + 2 * (1 - 1 / 1.01**2))),
        (ENTER_LONG, (90, 95, 89, 94), "stop", 90 * 0.998),  # gap through the stop: the open
        (ENTER_SHORT, (100, 108, 92, 100), "stop", 100 * 1.01**2 * 1.002),
        (ENTER_SHORT, (100, 101, 92, 93), "target", 100 * (1 - 2 * (1.01**2 - 1))),
        (ENTER_SHORT, (110, 111, 105, 107), "stop", 110 * 1.002),
    ],
)
def test_stops_targets_and_gaps_by_hand(intent, last, reason, price):
    terms = Terms(stop=BY_ATR, stop_atr=2.0, target_r=2.0)
    costs = Costs(0.001, 0.002)
    entry = 100 * (1.002 if intent == ENTER_LONG else 0.998)
    price = price if price in (90 * 0.998, 110 * 1.002) else price * entry / 100
    bars = prices((100, 100, 100, 100), (100, 100.5, 99.5, 100), last)
    (one,) = trades(simulate(bars, orders((0, intent)), 10_000.0, costs, terms))
    assert one["reason"] == reason
    assert one["exit"] == pytest.approx(price, rel=1e-12)
    side = 1 if intent == ENTER_LONG else -1
    fees = 0.001 * one["quantity"] * (entry + price)
    assert one["profit"] == pytest.approx(side * one["quantity"] * (price - entry) - fees, abs=0.005)


def test_what_is_open_at_the_end_is_marked_at_the_last_close_without_costs_of_leaving():
    bars = prices((100, 100, 100, 100), (100, 105, 95, 103))
    result = simulate(bars, orders((0, ENTER_LONG)), 10_000.0, Costs(0.001, 0.0), PLAIN)
    (one,) = trades(result)
    assert (one["reason"], one["exit"], one["exit_bar"], one["bars"]) == ("open", 103.0, 1, 1)
    assert one["fees"] == pytest.approx(9.99, abs=0.005)
    assert result.equity[-1] == pytest.approx(10_000 + one["profit"])


def test_an_opposite_signal_turns_the_position_at_one_open():
    bars = prices(*[(100, 101, 99, 100)] * 4)
    result = simulate(bars, orders((0, ENTER_LONG), (1, ENTER_SHORT)), 10_000.0, COSTS, PLAIN)
    first, second = trades(result)
    assert (first["side"], first["exit_bar"], second["side"], second["entry_bar"]) == (1, 2, -1, 2)
    # The second is sized by what the first left, not by what it was worth before it paid for leaving.
    left = 10_000 + first["profit"]
    assert second["quantity"] * second["entry"] * 1.001 == pytest.approx(left)


def test_longs_only_leaves_at_a_sell_and_enters_no_short():
    bars = prices(*[(100, 101, 99, 100)] * 4)
    given = orders((0, ENTER_LONG), (1, ENTER_SHORT))
    (one,) = trades(simulate(bars, given, 10_000.0, COSTS, PLAIN._replace(shorts=0)))
    assert (one["side"], one["reason"], one["exit_bar"]) == (1, "signal", 2)


def test_a_stopped_position_is_entered_again_only_by_a_new_signal():
    bars = prices((100, 100, 100, 100), (100, 100, 90, 91), *[(91, 92, 90, 91)] * 3)
    terms = Terms(stop=BY_ATR, target_r=0.0)
    assert len(trades(simulate(bars, orders((0, ENTER_LONG)), 10_000.0, COSTS, terms))) == 1
    twice = simulate(bars, orders((0, ENTER_LONG), (2, ENTER_LONG)), 10_000.0, COSTS, terms)
    assert [one["entry_bar"] for one in trades(twice)] == [1, 3]


def test_the_holding_time_ends_a_position_at_the_open_behind_it():
    bars = prices(*[(100 + i, 101 + i, 99 + i, 100 + i) for i in range(6)])
    terms = PLAIN._replace(max_bars=2)
    (one,) = trades(simulate(bars, orders((0, ENTER_LONG)), 10_000.0, Costs(0.0, 0.0), terms))
    assert (one["entry_bar"], one["exit_bar"], one["bars"], one["reason"]) == (1, 3, 2, "time")
    assert one["exit"] == 103.0


def test_a_trailing_stop_follows_from_the_next_bar_on():
    bars = prices((100, 100, 100, 100), (100, 120, 100, 119), (119, 119, 110, 111))
    terms = Terms(stop=NO_STOP, target_r=0.0, risk=0.0, trail_atr=5.0)
    (one,) = trades(simulate(bars, orders((0, ENTER_LONG)), 10_000.0, Costs(0.0, 0.0), terms))
    assert (one["reason"], one["exit_bar"]) == ("stop", 2)
    assert one["exit"] == pytest.approx(120 / 1.01**5)


def test_an_order_waits_for_its_symbols_next_bar():
    gap = (np.nan,) * 4
    bars = prices((100, 101, 99, 100), gap, (105, 106, 104, 105))
    result = simulate(bars, orders((0, ENTER_LONG)), 10_000.0, Costs(0.0, 0.0), PLAIN)
    (one,) = trades(result)
    assert (one["entry_bar"], one["entry"]) == (2, 105.0)
    assert result.equity.tolist() == [10_000.0] * 3


def market(symbols, bars, seed):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (bars, symbols)), axis=0))
    opened = np.concatenate([np.full((1, symbols), 100.0), close[:-1]]) * np.exp(rng.normal(0, 0.002, (bars, symbols)))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.004, (bars, symbols))))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.004, (bars, symbols))))
    absent = rng.random((bars, symbols)) < 0.02
    return Prices(*(np.where(absent, np.nan, v) for v in (opened, high, low, close)))


def some_orders(symbols, bars, seed):
    rng = np.random.default_rng(seed)
    at = np.sort(rng.choice(bars * symbols, bars * symbols // 20, replace=False))
    intents = rng.choice([ENTER_LONG, ENTER_SHORT, LEAVE, LEAVE_LONG, LEAVE_SHORT], len(at))
    swings = [np.where(rng.random(len(at)) < 0.5, 100 * np.exp(rng.normal(0, 0.05, len(at))), np.nan) for _ in "lh"]
    return Orders(at // symbols, at % symbols, intents, np.full(len(at), 0.012), *swings)


FULL = Terms(stop=3, stop_atr=2.0, target_r=1.5, trail_atr=4.0, max_bars=40, risk=0.02, max_leverage=1.0, step=0.001)


@pytest.mark.parametrize("seed", range(5))
def test_equity_ends_at_capital_and_profits_and_never_borrows(seed):
    result = simulate(market(6, 2_000, seed), some_orders(6, 2_000, seed), 10_000.0, COSTS, FULL)
    assert len(result.trades.profit) > 100
    assert result.equity[-1] == pytest.approx(10_000 + result.trades.profit.sum(), abs=1e-6)
    reasons = {EXIT_REASONS[r] for r in result.trades.reason}
    assert reasons >= {"signal", "stop", "target"}


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_the_future_changes_no_past_trade(seed):
    whole, given, at = market(3, 1_000, seed), some_orders(3, 1_000, seed), 600
    rng = np.random.default_rng(seed + 100)
    order = np.concatenate([np.arange(at), at + rng.permutation(400)])
    shuffled = Prices(*(column[order] for column in whole))
    first = simulate(whole, given, 10_000.0, COSTS, FULL)
    second = simulate(shuffled, given, 10_000.0, COSTS, FULL)
    np.testing.assert_array_equal(first.equity[:at], second.equity[:at])
    past = [np.column_stack(one.trades)[one.trades.exit_bar < at] for one in (first, second)]
    assert len(past[0]) > 20
    np.testing.assert_array_equal(*past)
    assert not np.array_equal(first.equity, second.equity)


def test_fees_and_slippage_only_cost():
    bars, given = market(1, 2_000, 9), some_orders(1, 2_000, 9)
    ends = [
        simulate(bars, given, 10_000.0, Costs(f, s), PLAIN).equity[-1] for f, s in ((0, 0), (0.001, 0), (0.001, 0.001))
    ]
    assert ends[0] > ends[1] > ends[2]
