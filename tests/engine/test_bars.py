"""Logs of prices: what every kernel starts from."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.bars import EPSILON, natural_log

PRICES = st.floats(min_value=1e-300, max_value=1e300, allow_subnormal=False)


@given(st.lists(PRICES, min_size=1, max_size=1200))
def test_a_log_is_within_one_unit_in_the_last_place_of_the_c_librarys(prices):
    ours = natural_log(np.array(prices))
    theirs = [math.log(price) for price in prices]
    assert all(abs(a - b) <= np.spacing(max(abs(a), abs(b))) for a, b in zip(ours, theirs, strict=True))


@given(PRICES, st.integers(0, 1100), st.integers(0, 1100))
def test_a_price_has_one_log_wherever_it_stands(price, before, after):
    ours = natural_log(np.concatenate([np.ones(before), [price], np.full(after, 2.0)]))
    assert ours[before] == natural_log(np.array([price]))[0]


@given(PRICES, PRICES)
def test_a_higher_price_never_has_a_clearly_lower_log(a, b):
    low, high = natural_log(np.array([min(a, b), max(a, b)]))
    assert low - high <= EPSILON


def test_the_log_of_one_is_nothing():
    assert natural_log(np.ones(3)).tolist() == [0.0, 0.0, 0.0]
