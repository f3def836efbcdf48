"""Probabilities: scipy is the oracle of the fit; a perfect forecaster shows what noise looks like."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from scipy.stats import binomtest

from engine.calibration import brier, calibration_error, error_of_perfect, isotonic, reliability, wilson


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=200))
def test_the_fit_is_scipys(pairs):
    x = np.array([x / 50 for x, _ in pairs])
    y = np.array([float(y) for _, y in pairs])
    edges, group = np.unique(x, return_inverse=True)
    weights = np.bincount(group)
    oracle = isotonic_regression(np.bincount(group, weights=y) / weights, weights=weights)
    assert np.allclose(isotonic(x, y).probability(edges), oracle.x, atol=1e-12)


def test_a_higher_score_never_has_a_lower_probability():
    generator = np.random.default_rng(3)
    x = generator.random(2000)
    fit = isotonic(x, (generator.random(2000) < 0.5 - 0.3 * x).astype(float))  # the wrong way round
    assert (np.diff(fit.probability(np.linspace(-1, 2, 500))) >= 0).all()


def test_nothing_to_fit_is_refused():
    with pytest.raises(ValueError, match="nothing to fit"):
        isotonic(np.array([]), np.array([]))


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_interval_is_wilsons(hits, count):
    hits = min(hits, count)
    oracle = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits, count) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_the_table_counts_every_outcome_once_and_sees_who_promises_too_much():
    generator = np.random.default_rng(1)
    p = generator.uniform(0.2, 0.8, 7000)
    y = (generator.random(7000) < p).astype(float)
    table = reliability(p, y)
    assert [one.count for one in table] == [700] * 10
    assert calibration_error(table) < 0.03
    assert calibration_error(reliability(np.minimum(p + 0.1, 1.0), y)) > 0.08
    assert error_of_perfect(p) == pytest.approx(calibration_error(table), abs=0.01)


def test_brier_of_a_coin_is_a_quarter():
    assert brier(np.full(4, 0.5), np.array([0.0, 1.0, 1.0, 0.0])) == 0.25
