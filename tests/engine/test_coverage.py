"""Kupiec's and Christoffersen's tests against scipy, and on exceedances of which it is known what they are."""

import numpy as np
import pytest
from scipy import stats

from engine.coverage import christoffersen, kupiec


def exceedances(seed, n=3_000, p=0.05, after=None):
    """A chain in which an exceedance follows with probability ``p``, and ``after`` another with ``after``."""
    generator = np.random.default_rng(seed)
    found = np.zeros(n, dtype=bool)
    for i, draw in enumerate(generator.random(n)):
        found[i] = draw < (after if after is not None and i and found[i - 1] else p)
    return found


@pytest.mark.parametrize("seed", range(10))
def test_kupiecs_ratio_is_that_of_scipys_binomials(seed):
    found = exceedances(seed)
    n, hits = len(found), found.sum()
    ratio = 2 * (stats.binom.logpmf(hits, n, hits / n) - stats.binom.logpmf(hits, n, 0.05))
    assert kupiec(found, 0.05) == (pytest.approx(ratio, rel=1e-9), pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-9))


@pytest.mark.parametrize("seed", range(10))
def test_christoffersens_ratio_is_the_g_test_of_scipys_contingency_table(seed):
    found = exceedances(seed, after=0.1)
    before, after = found[:-1], found[1:]
    table = [[np.sum((before == a) & (after == b)) for b in (False, True)] for a in (False, True)]
    g = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert christoffersen(found) == (pytest.approx(g.statistic, rel=1e-9), pytest.approx(g.pvalue, rel=1e-9))


def test_good_forecasts_pass_about_19_times_in_20_and_bad_ones_fail():
    chains = [exceedances(seed) for seed in range(300)]
    assert 270 <= sum(kupiec(one, 0.05).p >= 0.05 for one in chains) <= 297
    assert 270 <= sum(christoffersen(one).p >= 0.05 for one in chains) <= 297
    assert all(kupiec(exceedances(seed, p=0.08), 0.05).p < 0.05 for seed in range(20))
    assert all(christoffersen(exceedances(seed, after=0.25)).p < 0.05 for seed in range(20))


def test_no_exceedance_and_nothing_else_have_values_too():
    assert kupiec(np.zeros(1_000, dtype=bool), 0.05).ratio == pytest.approx(-2_000 * np.log(0.95))
    assert kupiec(np.ones(10, dtype=bool), 0.05).ratio == pytest.approx(-20 * np.log(0.05))
    assert christoffersen(np.zeros(1_000, dtype=bool)) == (0.0, 1.0)
    assert christoffersen(np.ones(10, dtype=bool)) == (0.0, 1.0)


def test_tests_of_nothing_are_refused():
    with pytest.raises(ValueError, match="0 forecasts"):
        kupiec(np.zeros(0, dtype=bool), 0.05)
    with pytest.raises(ValueError, match=r"expected share of 5\.0"):
        kupiec(np.zeros(9, dtype=bool), 5.0)
    with pytest.raises(ValueError, match="1 forecasts: at least two"):
        christoffersen(np.zeros(1, dtype=bool))
