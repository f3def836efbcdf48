"""Correlation, shrinkage, clusters and beta against numpy, pandas and scipy, on real returns with holes."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import connected_components

from engine.correlation import beta, clusters, correlation, overlaps, shrinkage, shrunk

SYMBOLS = "AVAX BIFI BTC DOGE ETH LINK LTC NEAR PEPE SOL TRX WIF XRP".split()  # noqa: SIM905  reads better
BTC, WIF = SYMBOLS.index("BTC"), SYMBOLS.index("WIF")


@pytest.fixture
def real(candles):
    """Hourly returns of 13 symbols of 2024 on BTC's bars; WIF was listed in March, others get holes of their own."""
    windows = {symbol: candles(f"{symbol}USDT-1h") for symbol in SYMBOLS}
    closes = pd.DataFrame({s: pd.Series(w.values[3], index=w.open_times) for s, w in windows.items()})
    returns = closes.reindex(windows["BTC"].open_times).pct_change(fill_method=None).to_numpy()[1:].T
    holes = np.random.default_rng(1).random(returns.shape) < 0.02
    return np.where(holes, np.nan, returns)


@pytest.mark.candles
def test_correlation_with_holes_equals_pandas(real):
    expected = pd.DataFrame(real.T).corr(min_periods=100).to_numpy()
    np.testing.assert_allclose(correlation(real, 100), expected, rtol=1e-10)


@pytest.mark.candles
def test_correlation_of_a_pair_equals_numpy_on_its_common_bars(real):
    both = np.isfinite(real[[BTC, WIF]]).all(axis=0)
    expected = np.corrcoef(real[BTC, both], real[WIF, both])[0, 1]
    np.testing.assert_allclose(correlation(real, 100)[BTC, WIF], expected, rtol=1e-10)


@pytest.mark.candles
def test_beta_equals_covariance_over_variance_on_common_bars(real):
    expected = []
    for row in real:
        both = np.isfinite(row) & np.isfinite(real[BTC])
        matrix = np.cov(row[both], real[BTC, both])
        expected.append(matrix[0, 1] / matrix[1, 1])
    np.testing.assert_allclose(beta(real, real[BTC]), expected, rtol=1e-10)
    assert beta(real, real[BTC])[BTC] == pytest.approx(1.0, rel=1e-12)


@pytest.mark.candles
def test_a_correlation_neither_depends_on_its_neighbours_nor_on_their_order(real):
    whole = correlation(real, 100)
    np.testing.assert_array_equal(correlation(real[::-1], 100)[::-1, ::-1], whole)
    np.testing.assert_array_equal(correlation(real[[BTC, WIF]], 100), whole[np.ix_([BTC, WIF], [BTC, WIF])])
    assert (whole == whole.T).all()
    assert (np.diag(whole) == 1.0).all()


def test_pairs_with_too_small_an_overlap_and_prices_that_never_move_are_nan():
    returns = np.random.default_rng(2).normal(size=(4, 200))
    returns[1, 101:], returns[2, :100], returns[3] = np.nan, np.nan, 0.01
    found = correlation(returns, 100)
    assert list(overlaps(returns)[1]) == [101, 101, 1, 101]
    expected = np.array([[0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]], dtype=bool)
    np.testing.assert_array_equal(np.isnan(found), expected)
    assert np.isnan(beta(returns, returns[3])).all()
    assert np.isnan(beta(returns[1:3], returns[1])[1])


def test_no_symbols_and_no_bars_give_matrices_that_are_as_empty():
    assert correlation(np.empty((0, 50)), 10).shape == (0, 0)
    assert np.isnan(correlation(np.empty((2, 0)), 10)).all()
    assert np.isnan(correlation(np.full((2, 50), np.nan), 10)).all()


def test_returns_that_are_no_numbers_and_wrong_shapes_are_refused():
    returns = np.zeros((2, 50))
    returns[1, 7] = np.inf
    with pytest.raises(ValueError, match="return 7 of symbol 1 is inf"):
        correlation(returns, 10)
    with pytest.raises(ValueError, match=r"shape \(50,\), expected \(symbols, n\)"):
        correlation(np.zeros(50), 10)
    with pytest.raises(ValueError, match="minimum_overlap must be at least 3, was 2"):
        correlation(np.zeros((2, 50)), 2)


def test_shrinkage_follows_its_formula_and_keeps_what_is_unknown():
    matrix = np.array([[1.0, 0.9, 0.2], [0.9, 1.0, np.nan], [0.2, np.nan, 1.0]])
    share = ((1 - 0.81) ** 2 + (1 - 0.04) ** 2) / 99 / (2 * 0.35**2)
    assert shrinkage(matrix, 100) == (pytest.approx(share), pytest.approx(0.55))
    found = shrunk(matrix, 100)
    assert found[0, 1] == pytest.approx((1 - share) * 0.9 + share * 0.55)
    assert found[0, 2] == found[2, 0] == pytest.approx((1 - share) * 0.2 + share * 0.55)
    assert np.isnan(found[1, 2])
    assert (np.diag(found) == 1.0).all()
    assert shrinkage(matrix, 3)[0] == 1.0  # three bars prove nothing: all pairs get the mean


def test_shrinkage_brings_estimates_nearer_to_the_truth():
    generator = np.random.default_rng(7)
    truth = np.full((12, 12), 0.6)
    truth[:3, :3] = 0.85
    np.fill_diagonal(truth, 1.0)
    raw = drawn = 0.0
    for _ in range(20):
        sample = generator.multivariate_normal(np.zeros(12), truth, size=60).T
        matrix = correlation(sample, 10)
        raw += ((matrix - truth) ** 2).sum()
        drawn += ((shrunk(matrix, overlaps(sample)) - truth) ** 2).sum()
    assert drawn < 0.9 * raw


def test_a_symbol_alone_is_not_shrunk():
    assert shrunk(np.array([[1.0]]), 100) == np.array([[1.0]])
    assert np.isnan(shrinkage(np.array([[1.0]]), 100)).all()


@pytest.mark.parametrize("seed", range(20))
def test_clusters_are_the_connected_components_of_scipy(seed):
    generator = np.random.default_rng(seed)
    matrix = generator.uniform(-1, 1, (14, 14))
    matrix = np.where(generator.random((14, 14)) < 0.2, np.nan, matrix)
    matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T + np.eye(14)
    found = clusters(matrix, 0.8)
    _, theirs = connected_components(np.nan_to_num(matrix, nan=-1.0) >= 0.8)
    expected = [np.flatnonzero(theirs == own)[0] for own in theirs]
    np.testing.assert_array_equal(found, expected)
