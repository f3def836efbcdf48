"""Value at risk and expected shortfall against numpy and scipy on real returns, by hand, and on bad input."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats.mstats import mquantiles

from engine.value_at_risk import METHODS, SEED, InsufficientData, ewma_volatility, value_at_risk

SYMBOLS = "AVAX BIFI BTC DOGE ETH LINK LTC NEAR PEPE SOL TRX WIF XRP".split()  # noqa: SIM905  reads better


@pytest.fixture(params=SYMBOLS)
def real(request, candles):
    close = candles(f"{request.param}USDT-1h").values[3]
    return np.diff(close[-1000:]) / close[-1000:-1]


def empirical(returns, confidence):
    quantile = mquantiles(returns, [1.0 - confidence], alphap=1, betap=1)[0]
    return -quantile, -returns[returns <= quantile].mean()


def textbook_ewma(returns, decay):
    variance = [np.mean(returns[:SEED] ** 2)]
    for value in returns:
        variance.append(decay * variance[-1] + (1 - decay) * value**2)
    return np.array(variance)


@pytest.mark.candles
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_historical_equals_scipys_quantile_and_the_mean_beyond_it(real, confidence):
    found = value_at_risk(real, confidence, "historical")
    np.testing.assert_allclose(found[:2], empirical(real, confidence), rtol=1e-10)
    assert found[2:] == ("historical", confidence, len(real))


@pytest.mark.candles
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_parametric_equals_scipys_normal(real, confidence):
    normal = stats.norm(real.mean(), real.std(ddof=1))
    tail = normal.expect(lambda x: -x, ub=normal.ppf(1 - confidence), conditional=True)
    found = value_at_risk(real, confidence, "parametric")
    np.testing.assert_allclose(found.var, -normal.ppf(1 - confidence), rtol=1e-10)
    np.testing.assert_allclose(found.shortfall, tail, rtol=1e-8)  # an integral, hence 1e-8
    z = stats.norm.ppf(confidence)
    closed = real.std(ddof=1) * stats.norm.pdf(z) / (1 - confidence) - real.mean()
    np.testing.assert_allclose(found.shortfall, closed, rtol=1e-10)


@pytest.mark.candles
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_filtered_equals_the_textbook_loop(real, confidence):
    volatility = np.sqrt((textbook_ewma(real, 0.5) + textbook_ewma(real, 0.94)) / 2)
    np.testing.assert_allclose(ewma_volatility(real), volatility, rtol=1e-12)
    expected = np.array(empirical(real[SEED:] / volatility[SEED:-1], confidence)) * volatility[-1]
    np.testing.assert_allclose(value_at_risk(real, confidence, "filtered")[:2], expected, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_a_shortfall_is_never_below_the_value_at_risk_and_both_scale_with_returns(method):
    returns = np.random.default_rng(3).standard_t(4, size=600) * 0.01
    small, large = value_at_risk(returns, 0.95, method), value_at_risk(2 * returns, 0.95, method)
    assert 0.0 < small.var <= small.shortfall
    np.testing.assert_allclose(large[:2], [2 * small.var, 2 * small.shortfall], rtol=1e-12)


def test_filtered_rises_with_a_storm_that_historical_has_not_seen_yet():
    calm = np.random.default_rng(4).normal(size=600) * 0.001
    storm = np.concatenate([calm, np.array([0.02, -0.02, 0.02])])
    assert value_at_risk(storm, 0.95, "filtered").var > 3 * value_at_risk(calm, 0.95, "filtered").var
    assert value_at_risk(storm, 0.95, "historical").var < 1.2 * value_at_risk(calm, 0.95, "historical").var


@pytest.mark.parametrize("method", METHODS)
def test_a_price_that_never_moved_has_no_risk(method):
    assert value_at_risk(np.zeros(500), 0.95, method)[:2] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("method", "confidence", "needed"), [("historical", 0.95, 100), ("parametric", 0.99, 500), ("filtered", 0.95, 130)]
)
def test_too_few_returns_say_how_many_there_are_and_how_many_are_needed(method, confidence, needed):
    returns = np.random.default_rng(5).normal(size=needed) * 0.01
    assert value_at_risk(returns, confidence, method).window == needed
    for have in (0, 1, needed - 1):
        with pytest.raises(InsufficientData, match=rf"^insufficient data \({have} bars, {needed} needed\)$"):
            value_at_risk(returns[:have], confidence, method)


def test_a_price_that_only_just_began_to_move_is_insufficient_for_the_filter():
    returns = np.concatenate([np.zeros(480), np.random.default_rng(6).normal(size=20)]) * 0.01
    with pytest.raises(InsufficientData, match=r"insufficient data \(49 bars, 130 needed\)"):
        value_at_risk(returns, 0.95, "filtered")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1.5])
def test_a_return_that_is_none_is_named_with_its_place(wrong):
    returns = np.full(200, 0.01)
    returns[17] = wrong
    with pytest.raises(ValueError, match=rf"return 17 of 200 is {wrong}"):
        value_at_risk(returns, 0.95, "historical")


def test_unknown_methods_and_confidences_out_of_range_are_refused():
    returns = np.full(200, 0.01)
    with pytest.raises(ValueError, match="method must be one of historical, parametric, filtered, was 'guess'"):
        value_at_risk(returns, 0.95, "guess")
    for confidence in (0.49, 1.0, 95.0, np.nan):
        with pytest.raises(ValueError, match=r"confidence must be at least 0\.5 and below 1"):
            value_at_risk(returns, confidence, "historical")
