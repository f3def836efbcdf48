"""Risk over the API: what it says of an empty and of a full portfolio, and what it refuses."""

import json

import numpy as np
import pytest

from access.models import AuditEntry
from market.models import Candle
from risk.limits import Bounds
from risk.models import Limits, Order, Portfolio, Position, Protection
from tests.risk.conftest import HOUR, at

pytestmark = pytest.mark.django_db

SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT")


def together(generator, alike, bars=520, size=0.005):
    """Return closes, (len(alike), bars), of walks that correlate with a common one by each of ``alike``."""
    common = generator.standard_normal(bars)
    steps = [a * common + (1 - a * a) ** 0.5 * generator.standard_normal(bars) for a in alike]
    return 100.0 * np.exp(np.cumsum(size * np.array(steps), axis=1))


@pytest.fixture
def moving(paper):
    """Three symbols that move as one and a fourth that does not, and a market that has just closed bar 519."""
    closes = together(np.random.default_rng(5), (0.99, 0.99, 0.99, 0.0))
    for symbol, row in zip(SYMBOLS, closes, strict=True):
        paper.path(row, symbol)
    paper.close(519)
    paper.last = dict(zip(SYMBOLS, closes[:, -1], strict=True))
    return paper


@pytest.fixture
def quiet(paper):
    """The same symbols with one bar each."""
    for symbol in SYMBOLS:
        paper.bar(0, 100.0, symbol=symbol)
    paper.close(0)
    return paper


def opened(paper, *symbols, first=519, side="BUY"):
    """Let signals open positions at bar ``first`` + 1, which goes nowhere, and the rest after it."""
    for number, symbol in enumerate(symbols, start=first):
        paper.signal(behind=number, advice=side, symbol=symbol)
        for one in SYMBOLS:
            paper.bar(number + 1, paper.last[one], symbol=one)
        paper.close(number + 1)


def refused(answer, attr, status=400):
    assert answer.status_code == status, answer.json()
    assert answer.json()["errors"][0]["attr"] == attr
    return answer.json()["errors"][0]["detail"]


# An empty portfolio


def test_an_empty_portfolio_gives_empty_risk_and_no_sample(paper, api):
    status = api.get("/api/risk/status").json()
    assert status["equity"] == status["cash"] == status["initial_equity"] == 10_000.0
    zeros = ("var95", "cvar95", "leverage", "exposure", "drawdown", "open_positions", "realised", "unrealised")
    assert {name: status[name] for name in zeros} == dict.fromkeys(zeros, 0)
    assert str(status["lost_today"]) == "0.0"
    assert status["positions"] == status["protections"] == []
    assert status["limits"] == Bounds()._asdict()
    assessment = api.get("/api/risk/portfolio-assessment").json()
    assert assessment["assets"] == assessment["clusters"] == assessment["broken"] == []
    assert assessment["correlation"]["matrix"] == []
    assert assessment["value_at_risk"]["var"] == api.get("/api/risk/var").json()["cvar"] == 0.0
    for path in ("positions", "orders", "equity", "protections"):
        assert api.get(f"/api/risk/{path}").json()["results"] == []


def test_a_market_that_has_not_begun_has_an_empty_portfolio_too(replay, db, api):
    assert api.get("/api/risk/status").json()["as_of"] is None
    assert api.get("/api/risk/portfolio-assessment").status_code == 200
    assert api.get("/api/risk/var").json()["var"] == 0.0


# Limits


def test_limits_are_stored_as_versions_and_audited(paper, api):
    assert api.get("/api/risk/limits").json() == Bounds()._asdict() | {"version": 0}
    changed = api.put("/api/risk/limits", {"max_positions": 3, "max_leverage": 1.5}).json()
    assert (changed["max_positions"], changed["max_leverage"], changed["version"]) == (3, 1.5, 1)
    assert changed["max_drawdown"] == Bounds().max_drawdown
    assert api.put("/api/risk/limits", {"max_positions": 3}).json()["version"] == 1  # nothing changed
    api.put("/api/risk/limits", {"max_positions": 4})
    assert [one["max_positions"] for one in api.get("/api/risk/limits/history").json()["versions"]] == [4, 3]
    first, second = AuditEntry.objects.filter(action="risk.limits").order_by("pk")
    assert (first.old, first.new) == (
        {"max_positions": 10, "max_leverage": 2.0},
        {"max_positions": 3, "max_leverage": 1.5},
    )
    assert (second.old, second.new) == ({"max_positions": 3}, {"max_positions": 4})


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"max_risk_per_trade": 0}, "max_risk_per_trade"),
        ({"max_risk_per_trade": -0.1}, "max_risk_per_trade"),
        ({"max_risk_per_trade": 0.5}, "max_risk_per_trade"),  # above max_risk_per_day
        ({"max_positions": 0}, "max_positions"),
        ({"max_positions": 1.5}, "max_positions"),
        ({"max_correlation": 1.1}, "max_correlation"),
        ({"max_drawdown": "0.2"}, "max_drawdown"),
        ({"max_leverage": 1e9}, "max_leverage"),
        ({"max_var_95": True}, "max_var_95"),
        ({"max_single_asset": None}, "max_single_asset"),
        ({"max_loss": 1}, "max_loss"),
    ],
)
def test_a_limit_out_of_range_is_refused_by_name_and_changes_nothing(paper, api, body, attr):
    refused(api.put("/api/risk/limits", body), attr)
    assert not Limits.objects.exists()


# Sizes


def size(api, **body):
    return api.post("/api/risk/calculate-position", {"symbol": "DDDUSDT"} | body)


def test_a_size_is_the_risk_over_the_distance_of_the_stop(moving, api):
    entry = 100.0
    found = size(api, entry_price=entry, stop_loss=90.0).json()
    assert (found["status"], found["side"], found["limits"]) == ("accepted", "LONG", [])
    assert found["quantity"] * 10.0 == pytest.approx(found["risk_amount"]) == pytest.approx(100.0)
    assert found["notional"] == pytest.approx(1000.0)
    assert (found["take_profit"], found["r_multiple"]) == (pytest.approx(120.0), 2.0)
    assert size(api, entry_price=90.0, stop_loss=100.0).json()["side"] == "SHORT"
    stepped = size(api, entry_price=entry, stop_loss=93.0, step=0.5).json()
    assert stepped["quantity"] == 14.0  # 14.28 are too many


def test_a_size_that_breaks_a_limit_is_cut_and_the_limit_named(moving, api):
    found = size(api, entry_price=100.0, stop_loss=99.5).json()
    assert (found["status"], found["limits"]) == ("sized_down", ["max_single_asset"])
    assert found["notional"] == pytest.approx(5000.0)
    assert found["breaches"][0]["value"] == pytest.approx(2.0)
    api.put("/api/risk/limits", {"max_leverage": 0.2})
    found = size(api, entry_price=100.0, stop_loss=99.5).json()
    assert found["limits"] == ["max_single_asset", "max_leverage"]
    assert found["notional"] == pytest.approx(2000.0)


def test_a_size_of_another_equity_is_weighed_beside_nothing(moving, api):
    opened(moving, "AAAUSDT", "BBBUSDT")
    body = {"symbol": "CCCUSDT", "entry_price": 100.0, "stop_loss": 90.0}
    assert api.post("/api/risk/calculate-position", body).json()["status"] == "rejected"
    found = api.post("/api/risk/calculate-position", body | {"equity": 500.0}).json()
    assert (found["status"], found["quantity"]) == ("accepted", pytest.approx(0.5))


def test_a_size_below_what_the_exchange_takes_is_rejected(moving, api):
    found = size(api, entry_price=100.0, stop_loss=50.0, equity=10.0, min_notional=20.0).json()
    assert (found["status"], found["quantity"], found["limits"]) == ("rejected", 0.0, ["min_notional"])


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"entry_price": -1.0, "stop_loss": 0.5}, "entry_price"),
        ({"entry_price": 0, "stop_loss": 0.5}, "entry_price"),
        ({"entry_price": 100.0, "stop_loss": -5.0}, "stop_loss"),
        ({"entry_price": 100.0, "stop_loss": 100.0}, "stop_loss"),
        ({"entry_price": 100.0, "stop_loss": 110.0, "direction": "LONG"}, "stop_loss"),
        ({"entry_price": 100.0, "stop_loss": 90.0, "direction": "BEARISH"}, "stop_loss"),
        ({"entry_price": 100.0, "stop_loss": 90.0, "equity": 0}, "equity"),
        ({"entry_price": 100.0, "stop_loss": 90.0, "equity": -7.0}, "equity"),
        ({"entry_price": 100.0, "stop_loss": 90.0, "quantity": 0}, "quantity"),
        ({"entry_price": "100", "stop_loss": 90.0}, "entry_price"),
        ({"entry_price": 1e300, "stop_loss": 90.0}, "entry_price"),
        ({"stop_loss": 90.0}, "entry_price"),
        ({"symbol": "NONEUSDT", "entry_price": 100.0, "stop_loss": 90.0}, "symbol"),
        ({"entry_price": 100.0, "stop_loss": 90.0, "leverage": 3}, "leverage"),
    ],
)
def test_a_size_that_cannot_be_asked_for_is_refused_with_the_reason(quiet, api, body, attr):
    refused(size(api, **body), attr)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_price_that_is_no_number_is_refused(quiet, api, literal):
    text = f'{{"symbol": "DDDUSDT", "entry_price": {literal}, "stop_loss": 90.0}}'
    assert api.post("/api/risk/calculate-position", text, content_type="application/json").status_code == 400


# Correlation


def test_a_third_highly_correlated_long_is_blocked_and_the_reason_names_pair_and_correlation(moving, api):
    opened(moving, "AAAUSDT", "BBBUSDT", "CCCUSDT")
    first, second, third = Order.objects.order_by("pk")
    assert (first.status, second.status, third.status) == ("filled", "filled", "rejected")
    assert (first.limits, second.limits, third.limits) == ([], ["max_correlation"], ["max_correlation"])
    assert second.position.risk == pytest.approx(first.position.risk / 2, rel=1e-3)
    assert "CCCUSDT long with AAAUSDT long (correlation 0.98)" in third.reason
    assert "CCCUSDT long with BBBUSDT long (correlation 0.98)" in third.reason
    asked = api.post(
        "/api/risk/calculate-position", {"symbol": "CCCUSDT", "entry_price": 100.0, "stop_loss": 90.0}
    ).json()
    assert (asked["status"], asked["limits"]) == ("rejected", ["max_correlation"])
    assert "AAAUSDT" in asked["breaches"][0]["detail"]


def test_a_short_beside_correlated_longs_and_a_symbol_of_its_own_are_not_blocked(moving, api):
    opened(moving, "AAAUSDT", "BBBUSDT")
    hedge = {"symbol": "CCCUSDT", "entry_price": 100.0, "stop_loss": 110.0}
    assert api.post("/api/risk/calculate-position", hedge).json()["status"] == "accepted"
    assert size(api, entry_price=100.0, stop_loss=90.0).json()["status"] == "accepted"


def test_correlations_are_told_pair_by_pair_against_the_limit(moving, api):
    found = api.post("/api/risk/check-correlation", {"symbol": "aaa/usdt", "with": ["BBBUSDT", "DDDUSDT"]}).json()
    alike, apart = found["pairs"]
    assert (alike["passed"], apart["passed"], found["passed"]) == (False, True, False)
    closes = {s: _closes(s) for s in ("AAAUSDT", "BBBUSDT")}
    returns = [np.diff(c[-501:]) / c[-501:-1] for c in closes.values()]
    assert found["correlations"]["BBBUSDT"] == pytest.approx(np.corrcoef(returns)[0, 1], rel=1e-10)
    assert (found["timeframe"], found["window"], alike["overlap"]) == ("1h", 500, 500)


def _closes(symbol):
    rows = Candle.objects.filter(series__instrument__symbol=symbol).order_by("open_time")
    return np.array(rows.values_list("close", flat=True))


def test_with_one_bar_of_history_the_answer_is_insufficient_data_with_both_numbers(paper, api):
    for symbol in ("AAAUSDT", "BBBUSDT"):
        paper.bar(0, 100, symbol=symbol)
    paper.close(0)
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    paper.bar(1, 100, symbol="BBBUSDT")
    paper.close(1)
    status = api.get("/api/risk/status").json()
    assert status["open_positions"] == 1
    assert status["var95"] is None
    assert status["var95_reason"] == "insufficient data (1 bars, 130 needed)"
    told = api.get("/api/risk/var?method=historical").json()
    assert (told["var"], told["reason"]) == (None, "insufficient data (1 bars, 100 needed)")
    pair = api.post("/api/risk/check-correlation", {"symbol": "AAAUSDT", "with": ["BBBUSDT"]}).json()["pairs"][0]
    assert (pair["correlation"], pair["passed"]) == (None, False)
    assert pair["reason"] == "insufficient data (1 bars, 100 needed)"
    asked = {"symbol": "BBBUSDT", "entry_price": 100.0, "stop_loss": 90.0}
    assert "insufficient data" in api.post("/api/risk/calculate-position", asked).json()["unchecked"][0]


def test_returns_with_holes_are_measured_on_the_bars_that_both_have(moving, api):
    gone = [at(n) for n in range(100, 470)]
    Candle.objects.filter(series__instrument__symbol="BBBUSDT", open_time__in=gone).delete()
    found = api.post("/api/risk/check-correlation", {"symbol": "AAAUSDT", "with": ["BBBUSDT"]}).json()
    pair = found["pairs"][0]
    assert pair["overlap"] == 500 - 371  # a bar after a hole has no return either
    assert pair["correlation"] == pytest.approx(0.98, abs=0.02)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"symbol": "AAAUSDT"}, "with"),
        ({"symbol": "AAAUSDT", "with": []}, "with"),
        ({"symbol": "AAAUSDT", "with": ["AAAUSDT"]}, "with"),
        ({"symbol": "AAAUSDT", "with": ["NONEUSDT"]}, "with"),
        ({"symbol": "NONEUSDT", "with": ["AAAUSDT"]}, "symbol"),
    ],
)
def test_a_correlation_that_cannot_be_asked_for_is_refused_by_name(quiet, api, body, attr):
    refused(api.post("/api/risk/check-correlation", body), attr)


# What is held


def test_status_and_assessment_add_up_to_what_is_held(moving, api):
    opened(moving, "AAAUSDT", "DDDUSDT")
    status = api.get("/api/risk/status").json()
    held = Position.objects.filter(how="open")
    assert status["open_positions"] == held.count() == 2
    gross = sum(p.quantity * p.mark for p in held)
    assert status["leverage"] == status["exposure"] == pytest.approx(gross / status["equity"])
    assert status["equity"] == pytest.approx(10_000 + status["realised"] + status["unrealised"])
    assert 0.0 < status["var95"] < status["cvar95"] < 0.02
    found = api.get("/api/risk/portfolio-assessment").json()
    assert [one["symbol"] for one in found["assets"]] == ["AAAUSDT", "DDDUSDT"]
    assert found["gross"] == found["long"] == pytest.approx(status["leverage"])
    assert [one["symbols"] for one in found["clusters"]] == [["AAAUSDT"], ["DDDUSDT"]]
    assert found["correlation"]["matrix"][0][0] == 1.0
    assert found["value_at_risk"]["var"] == status["var95"]
    assert (found["benchmark"], found["beta"]) == (None, None)  # this market has no bitcoin


def test_value_at_risk_is_numpys_quantile_of_the_portfolios_returns(moving, api):
    opened(moving, "AAAUSDT", "DDDUSDT")
    told = api.get("/api/risk/var?confidence=0.9&method=historical").json()
    equity = api.get("/api/risk/status").json()["equity"]
    total = np.zeros(500)
    for one in Position.objects.filter(how="open").select_related("instrument"):
        closes = _closes(one.instrument.symbol)[-501:]
        total += one.side * one.quantity * one.mark / equity * (np.diff(closes) / closes[:-1])
    assert told["var"] == pytest.approx(-np.quantile(total, 0.1), rel=1e-10)
    assert told["var_amount"] == pytest.approx(told["var"] * equity)
    assert set(told["methods"]) == {"historical", "parametric", "filtered"}
    assert (told["window"], told["timeframe"], told["confidence"]) == (500, "1h", 0.9)


@pytest.mark.parametrize(
    ("query", "attr"),
    [("confidence=1", "confidence"), ("confidence=nan", "confidence"), ("method=guess", "method"), ("x=1", "x")],
)
def test_a_value_at_risk_that_cannot_be_asked_for_is_refused_by_name(paper, api, query, attr):
    refused(api.get(f"/api/risk/var?{query}"), attr)


def test_a_value_at_risk_beyond_its_limit_cuts_the_size(moving, api):
    api.put("/api/risk/limits", {"max_var_95": 0.001})
    found = size(api, entry_price=100.0, stop_loss=98.0).json()
    assert (found["status"], found["limits"]) == ("sized_down", ["max_var_95"])
    share = found["notional"] / found["equity"]
    full = size(api, entry_price=100.0, stop_loss=98.0, quantity=found["quantity"]).json()
    assert full["status"] == "accepted"
    assert 0.05 < share < 0.5


# By hand


def test_a_position_is_opened_and_closed_by_hand_and_told_with_its_orders(moving, api):
    price = moving.last["DDDUSDT"]
    order = api.post("/api/risk/orders", {"symbol": "DDDUSDT", "side": "LONG", "stop_loss": price * 0.9})
    assert (order.status_code, order.json()["status"]) == (201, "waiting")
    moving.bar(520, price, symbol="DDDUSDT")
    moving.close(520)
    position = api.get("/api/risk/positions?status=open").json()["results"][0]
    assert (position["symbol"], position["side"], position["outcome"]) == ("DDDUSDT", "LONG", "open")
    assert position["risk_amount"] == pytest.approx(100.0)
    api.post("/api/risk/orders", {"symbol": "DDDUSDT", "side": "FLAT"})
    moving.bar(521, price, symbol="DDDUSDT")
    moving.close(521)
    trade = api.get("/api/risk/positions?status=closed&symbol=DDDUSDT").json()["results"][0]
    assert (trade["outcome"], trade["profit"] < 0.0) == ("hand", True)
    orders = api.get("/api/risk/orders").json()["results"]
    assert [one["status"] for one in orders] == ["filled", "filled"]
    assert {one.action for one in AuditEntry.objects.all()} >= {"risk.order"}
    assert len(api.get("/api/risk/equity").json()["results"]) == 2


def test_a_waiting_order_can_be_taken_back_and_a_decided_one_cannot(quiet, api):
    order = api.post("/api/risk/orders", {"symbol": "DDDUSDT", "side": "LONG", "stop_loss": 1.0}).json()
    assert api.delete(f"/api/risk/orders/{order['id']}").json()["status"] == "cancelled"
    assert api.delete(f"/api/risk/orders/{order['id']}").status_code == 409
    assert api.delete("/api/risk/orders/999999").status_code == 404
    assert api.delete(f"/api/risk/orders/{'9' * 30}").status_code == 404
    assert api.delete(f"/api/risk/protections/{'9' * 30}").status_code == 404
    quiet.bar(1, 100.0, symbol="DDDUSDT")
    quiet.close(1)
    assert not Position.objects.exists()


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"symbol": "DDDUSDT", "side": "LONG"}, "stop_loss"),
        ({"symbol": "DDDUSDT", "side": "LONG", "stop_loss": 1e9}, "stop_loss"),
        ({"symbol": "DDDUSDT", "side": "SHORT", "stop_loss": 1.0}, "stop_loss"),
        ({"symbol": "DDDUSDT", "side": "LONG", "stop_loss": -1.0}, "stop_loss"),
        ({"symbol": "DDDUSDT", "side": "LONG", "stop_loss": 1.0, "take_profit": 0.5}, "take_profit"),
        ({"symbol": "DDDUSDT", "side": "LONG", "stop_loss": 1.0, "quantity": -1}, "quantity"),
        ({"symbol": "DDDUSDT", "side": "FLAT"}, "symbol"),
        ({"symbol": "DDDUSDT", "side": "FLAT", "stop_loss": 1.0}, "stop_loss"),
        ({"symbol": "NONEUSDT", "side": "LONG", "stop_loss": 1.0}, "symbol"),
        ({"symbol": "DDDUSDT", "side": "UP", "stop_loss": 1.0}, "side"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_name_and_not_stored(quiet, api, body, attr):
    refused(api.post("/api/risk/orders", body), attr)
    assert not Order.objects.exists()


# Protections


def test_a_loss_lets_its_symbol_rest_and_an_operator_can_lift_that(moving, api):
    opened(moving, "DDDUSDT")
    price = moving.last["DDDUSDT"]
    moving.bar(521, price, price, price * 0.5, symbol="DDDUSDT")
    moving.close(521)
    told = api.get("/api/risk/protections?active=true").json()["results"]
    assert [(one["kind"], one["symbol"]) for one in told] == [("symbol_cooldown", "DDDUSDT")]
    assert told[0]["until"] == at(522) + 4 * HOUR
    assert "DDDUSDT was closed with -" in told[0]["reason"]
    assert api.get("/api/risk/status").json()["protections"] == told
    moving.signal(behind=521, symbol="DDDUSDT")
    moving.bar(522, price, symbol="DDDUSDT")
    moving.close(522)
    order = Order.objects.latest("pk")
    assert (order.status, order.limits) == ("rejected", ["symbol_cooldown"])
    lifted = api.delete(f"/api/risk/protections/{told[0]['id']}").json()
    assert lifted["lifted_ts"] == at(523)
    assert api.get("/api/risk/protections?active=true").json()["results"] == []
    assert api.delete(f"/api/risk/protections/{told[0]['id']}").status_code == 409
    assert api.delete("/api/risk/protections/999999").status_code == 404
    moving.signal(behind=522, symbol="DDDUSDT")
    moving.bar(523, price, symbol="DDDUSDT")
    moving.close(523)
    assert Order.objects.latest("pk").status == "filled"


def lose(paper, number, symbol="DDDUSDT"):
    """Let a long be opened at bar ``number`` and be stopped in it."""
    paper.signal(behind=number - 1, symbol=symbol)
    paper.bar(number, 100, 100, 50, symbol=symbol)
    paper.close(number)
    Protection.objects.filter(kind="symbol_cooldown").update(until=0)


def test_losses_in_a_row_let_everything_rest(paper, api):
    for number in range(1, 5):
        lose(paper, number)
    told = api.get("/api/risk/protections?active=true").json()["results"]
    assert [(one["kind"], one["symbol"]) for one in told] == [("cooldown", None)]
    assert "the last 4 trades" in told[0]["reason"]
    paper.signal(behind=4, symbol="AAAUSDT")
    paper.bar(5, 100)
    paper.close(5)
    assert Order.objects.latest("pk").limits == ["cooldown"]


def test_a_drawdown_pauses_and_counts_anew_behind_the_pause(paper, api):
    api.put("/api/risk/limits", {"max_drawdown": 0.015})
    lose(paper, 1)
    assert api.get("/api/risk/protections?active=true").json()["results"] == []
    lose(paper, 2)
    status = api.get("/api/risk/status").json()
    pause = status["protections"][0]
    assert pause["kind"] == "drawdown_pause"
    assert "max_drawdown" in pause["reason"]
    assert status["drawdown"] == pytest.approx(status["limit_drawdown"])
    assert status["drawdown"] > 0.015
    asked = {"symbol": "DDDUSDT", "entry_price": 100.0, "stop_loss": 90.0}
    assert api.post("/api/risk/calculate-position", asked).json()["limits"] == ["max_drawdown"]
    lose(paper, 3)
    assert Position.objects.count() == 2
    api.delete(f"/api/risk/protections/{pause['id']}")
    status = api.get("/api/risk/status").json()
    assert (status["limit_drawdown"], status["drawdown"] > 0.015) == (0.0, True)
    lose(paper, 4)
    assert Position.objects.count() == 3


def test_a_pause_ends_by_itself(paper, api):
    api.put("/api/risk/limits", {"max_drawdown": 0.005})
    lose(paper, 1)
    until = api.get("/api/risk/status").json()["protections"][0]["until"]
    assert until == at(2) + 24 * HOUR
    lose(paper, 27)
    assert Position.objects.count() == 2


def test_the_days_losses_are_counted_against_max_risk_per_day_until_they_are_reset(paper, api):
    api.put("/api/risk/limits", {"max_risk_per_day": 0.012})
    lose(paper, 1)
    status = api.get("/api/risk/status").json()
    lost = status["lost_today"]
    assert lost > 100.0
    asked = {"symbol": "DDDUSDT", "entry_price": 100.0, "stop_loss": 90.0}
    found = api.post("/api/risk/calculate-position", asked).json()
    assert (found["status"], found["limits"]) == ("sized_down", ["max_risk_per_day"])
    assert found["risk_amount"] == pytest.approx(0.012 * status["equity"] - lost)
    after = api.post("/api/risk/reset-daily").json()
    assert (after["lost_today"], after["counted_from"]) == (0.0, at(2))
    assert api.post("/api/risk/calculate-position", asked).json()["status"] == "accepted"
    assert AuditEntry.objects.filter(action="risk.reset_daily").count() == 1
    assert api.post("/api/risk/reset-daily", {"now": True}).status_code == 400


def test_a_new_day_begins_without_losses(paper, api):
    lose(paper, 1)
    paper.close(24)
    assert api.get("/api/risk/status").json()["lost_today"] == 0.0


# Policy


def test_the_policy_is_changed_in_parts_and_audited(paper, api):
    changed = api.patch("/api/risk/portfolio", {"follows": False, "fee": 0.001}).json()
    assert (changed["follows"], changed["fee"], changed["slippage"]) == (False, 0.001, 0.001)
    assert AuditEntry.objects.get(action="risk.portfolio").new == {"fee": 0.001, "follows": False}
    refused(api.patch("/api/risk/portfolio", {"fee": 0.5}), "fee")
    refused(api.patch("/api/risk/portfolio", {"cash": 1e6}), "cash")
    assert Portfolio.objects.get().cash == 10_000.0


# Stops


def test_a_stop_lies_beyond_atr_or_the_last_swing_and_says_which(play, api):
    play(1)
    for direction, side in (("BULLISH", 1), ("SELL", -1)):
        found = api.post("/api/risk/calculate-stop-loss", {"symbol": "AAAUSDT", "direction": direction}).json()
        assert (found["entry_price"] - found["stop_loss"]) * side > 0.0
        assert found["take_profit"] == pytest.approx(
            found["entry_price"] + 2.0 * (found["entry_price"] - found["stop_loss"])
        )
        assert found["take_profit"] == pytest.approx(found["targets"][1])
        assert (found["stop_from"] == "structure") == (found["structure_level"] is not None)
        assert found["atr"] > 0.0
    five = {"symbol": "AAAUSDT", "direction": "BUY", "timeframe": "5m", "entry_price": 50.0}
    found = api.post("/api/risk/calculate-stop-loss", five).json()
    assert (found["timeframe"], found["entry_price"], found["stop_loss"] < 50.0) == ("5m", 50.0, True)


@pytest.mark.parametrize(
    ("body", "attr", "status"),
    [
        ({"symbol": "AAAUSDT"}, "direction", 400),
        ({"symbol": "AAAUSDT", "direction": "NEUTRAL"}, "direction", 400),
        ({"symbol": "AAAUSDT", "direction": "BUY", "entry_price": -5.0}, "entry_price", 400),
        ({"symbol": "AAAUSDT", "direction": "BUY", "timeframe": "2h"}, "timeframe", 400),
        ({"symbol": "NONEUSDT", "direction": "BUY"}, "symbol", 400),
        ({"symbol": "AAAUSDT", "direction": "BUY"}, None, 409),  # one bar
    ],
)
def test_a_stop_that_cannot_be_set_is_refused_with_the_reason(paper, api, body, attr, status):
    paper.bar(0, 100)
    paper.close(0)
    told = refused(api.post("/api/risk/calculate-stop-loss", body), attr, status)
    if status == 409:
        assert told == "1 bars of 256 needed"


def test_every_answer_is_json_without_nan(moving, api):
    opened(moving, "AAAUSDT", "DDDUSDT")
    for path in ("status", "limits", "portfolio-assessment", "var", "positions", "orders", "equity", "portfolio"):
        answer = api.get(f"/api/risk/{path}")
        assert answer.status_code == 200
        json.loads(answer.content, parse_constant=pytest.fail)
