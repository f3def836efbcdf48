"""The window of a bar is a pure function of the time at which it closes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.timeframes import BLOCK_BARS, INTERVAL_MS, WARM_UP_BARS, WINDOW_BARS, window_start

LONG_AGO = -(10**15)
timeframes = st.sampled_from(list(INTERVAL_MS))
bar_numbers = st.integers(min_value=WARM_UP_BARS + BLOCK_BARS, max_value=10**6)


@given(timeframes, bar_numbers)
def test_window_holds_512_to_767_bars_and_starts_on_the_grid(timeframe, number):
    interval = INTERVAL_MS[timeframe]
    close = number * interval
    start = window_start(close, interval, LONG_AGO)
    assert start % interval == 0
    assert WARM_UP_BARS <= (close - start) // interval <= WINDOW_BARS


@given(timeframes, bar_numbers)
def test_window_starts_512_bars_before_the_block_of_256(timeframe, number):
    interval = INTERVAL_MS[timeframe]
    expected = (number // 256 * 256 - 512) * interval
    assert window_start(number * interval, interval, LONG_AGO) == expected


@given(timeframes, bar_numbers)
def test_next_bar_keeps_the_start_except_at_256_bars_when_it_moves_by_256(timeframe, number):
    interval = INTERVAL_MS[timeframe]
    here, there = (window_start(n * interval, interval, LONG_AGO) for n in (number, number + 1))
    assert there - here == (BLOCK_BARS * interval if (number + 1) % BLOCK_BARS == 0 else 0)


@given(timeframes, bar_numbers, st.integers(min_value=0, max_value=10**6))
def test_window_never_starts_before_the_first_bar_of_the_series(timeframe, number, first_bar):
    interval = INTERVAL_MS[timeframe]
    first_open = first_bar * interval
    free = window_start(number * interval, interval, LONG_AGO)
    assert window_start(number * interval, interval, first_open) == max(free, first_open)


@given(timeframes, bar_numbers)
def test_same_arguments_give_the_same_start_in_any_order_of_asking(timeframe, number):
    interval = INTERVAL_MS[timeframe]
    numbers = [number, number + 300, number - 1, number]
    starts = [window_start(n * interval, interval, 0) for n in numbers]
    assert starts[0] == starts[3]
    assert starts == [window_start(n * interval, interval, 0) for n in reversed(numbers)][::-1]


@pytest.mark.parametrize(
    ("close", "bars"),
    [(1_024, 512), (1_025, 513), (1_279, 767), (1_280, 512)],
)
def test_number_of_bars_at_the_edges_of_a_block(close, bars):
    minute = INTERVAL_MS["1m"]
    assert close - window_start(close * minute, minute, LONG_AGO) // minute == bars
