"""Statistics of equity and trades against empyrical, and by hand."""

import empyrical
import numpy as np
import pandas as pd
import pytest

from engine import statistics

HOURS_A_YEAR = 365 * 24
SYMBOLS = "AVAX BIFI BTC DOGE ETH LINK LTC NEAR PEPE SOL TRX WIF XRP".split()  # noqa: SIM905  reads better


def held(close):
    return close / close[0] * 10_000.0


def turned(close):
    """Equity of following the direction of the last day with half of it."""
    side = np.sign(close - np.concatenate([np.full(24, close[0]), close[:-24]]))
    returns = np.append(0.0, side[:-1] * np.diff(close) / close[:-1] * 0.5)
    return 10_000.0 * np.cumprod(1.0 + returns)


@pytest.mark.candles
@pytest.mark.parametrize("rule", [held, turned])
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_statistics_of_real_equity_equal_empyrical(candles, symbol, rule):
    equity = rule(candles(f"{symbol}USDT-1h").values[3])
    returns = pd.Series(equity).pct_change().to_numpy()[1:]
    ours = statistics.of_equity(equity, HOURS_A_YEAR)
    kind = {"annualization": HOURS_A_YEAR}
    theirs = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.annual_return(returns, **kind),
        "volatility": empyrical.annual_volatility(returns, **kind),
        "sharpe": empyrical.sharpe_ratio(returns, **kind),
        "sortino": empyrical.sortino_ratio(returns, **kind),
        "calmar": empyrical.calmar_ratio(returns, **kind),
        "max_drawdown": empyrical.max_drawdown(returns),
    }
    for key, expected in theirs.items():
        assert getattr(ours, key) == pytest.approx(expected, rel=1e-12), key
    for key in ("sharpe", "sortino", "cagr", "calmar", "volatility"):
        assert getattr(statistics, key)(equity, HOURS_A_YEAR) == getattr(ours, key)
    assert statistics.max_drawdown(equity) == ours.max_drawdown


@pytest.mark.candles
def test_monthly_returns_equal_empyrical(candles):
    window = candles("BTCUSDT-1h")
    closes = window.open_times + 3_600_000
    equity = np.append(window.values[0, 0], window.values[3])
    index = pd.to_datetime(window.open_times, unit="ms", utc=True)
    expected = empyrical.aggregate_returns(pd.Series(equity[1:] / equity[:-1] - 1.0, index=index), "monthly")
    ours = statistics.monthly(closes, equity)
    assert list(ours) == [f"{year}-{month:02d}" for year, month in expected.index]
    np.testing.assert_allclose(list(ours.values()), expected.to_numpy(), rtol=1e-12)


def test_a_month_without_a_bar_has_no_return_and_a_close_at_midnight_belongs_to_the_month_before():
    closes = np.array(["2024-01-15", "2024-02-01", "2024-05-02"], dtype="datetime64[ms]").astype(np.int64)
    assert statistics.monthly(closes, np.array([100.0, 110.0, 99.0, 198.0])) == {
        "2024-01": pytest.approx(-0.01),
        "2024-05": pytest.approx(1.0),
    }


def test_the_longest_stay_below_a_peak_runs_to_its_recovery_or_to_the_end():
    assert statistics.drawdown_bars(np.array([1.0, 2.0, 1.5, 1.8, 2.0, 1.9, 2.5])) == 2
    assert statistics.drawdown_bars(np.array([1.0, 2.0, 1.5, 1.8, 1.9, 1.2])) == 4
    assert statistics.drawdown_bars(np.array([1.0, 1.0, 2.0])) == 0


def test_trades_by_hand():
    found = statistics.of_trades(np.array([30.0, -10.0, 0.0, 20.0, -15.0]))
    assert found == (5, pytest.approx(0.4), pytest.approx(2.0), pytest.approx(5.0), 25.0, -12.5)


def test_what_has_no_value_is_nan():
    flat = statistics.of_equity(np.full(10, 100.0), HOURS_A_YEAR)
    assert np.isnan([flat.sharpe, flat.sortino, flat.calmar]).all()
    assert (flat.total_return, flat.max_drawdown, flat.volatility) == (0.0, 0.0, 0.0)
    none = statistics.of_trades(np.empty(0))
    assert none.closed == 0
    assert np.isnan(none[1:]).all()
    assert np.isnan(statistics.of_trades(np.array([1.0])).profit_factor)
    single = statistics.of_equity(np.array([100.0]), HOURS_A_YEAR)
    assert np.isnan([single.cagr, single.sharpe]).all()


def test_equity_used_up_grows_by_minus_one():
    assert statistics.cagr(np.array([100.0, -5.0]), HOURS_A_YEAR) == -1.0


def test_turnover_exposure_and_buy_and_hold_by_hand():
    year_of_two_bars = np.array([100.0, 100.0, 100.0])
    assert statistics.turnover(500.0, year_of_two_bars, 2.0) == pytest.approx(5.0)
    assert statistics.exposure(np.array([True, False, False, True])) == 0.5
    assert statistics.buy_and_hold(100.0, 121.0, 0.0, 0.1) == pytest.approx(0.1)
    assert statistics.buy_and_hold(100.0, 121.0, 0.1, 0.0) == pytest.approx(0.1)
