"""Backtests over the API: answers, jobs, cancellation, and what is refused."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from backtest import jobs, requests, running, services
from backtest.models import Backtest
from market.importing import imported_market, read_sound, store
from presets.models import WeightPreset
from tests.playing import START, walk, without, write_csv

pytestmark = pytest.mark.django_db

HOUR = 3_600_000
DAY = 24 * HOUR
BARS = 1_500


@pytest.fixture
def imported(tmp_path, db):
    """Two hourly series in the imported market, the second with a hole of three days; gives the first's bars."""
    window = walk(BARS, seed=11, interval=HOUR)
    write_csv(tmp_path, "AAAUSDT", window, "1h")
    write_csv(tmp_path, "BBBUSDT", without(walk(BARS, seed=12, interval=HOUR), [(900, 972)]), "1h")
    for name in ("AAAUSDT", "BBBUSDT"):
        _, recording, _ = read_sound(tmp_path / f"{name}-1h.csv")
        list(store(imported_market(), name, recording))
    return window


def body(**changes):
    given = {
        "symbol": "AAAUSDT",
        "start_date": START + 300 * HOUR,
        "end_date": START + BARS * HOUR,
        "trading": {"stop": "both"},
        "preset": "aggressive",
    }
    return {k: v for k, v in (given | changes).items() if v is not None}


def run(api, **changes):
    return api.post("/api/backtest/run", body(**changes))


def errors(response):
    return {(e["attr"], e["code"]) for e in response.json()["errors"]}


def test_small_work_is_answered_at_once_and_kept(api, imported):
    response = run(api)
    assert response.status_code == 200, response.content
    told = response.json()
    assert len(told["equity_series"]) == BARS - 300 == told["meta"]["candles"]
    assert told["equity_series"][-1]["ts"] == START + BARS * HOUR
    closed = [t for t in told["trades"] if t["exit_reason"] != "open"]
    assert told["metrics"]["total_trades"] == len(closed) > 3
    profits = sum(t["profit"] for t in told["trades"])
    assert told["metrics"]["final_equity"] == pytest.approx(10_000 + profits, abs=0.005)
    assert told["metrics"]["final_equity"] == told["equity_series"][-1]["equity"]
    job = Backtest.objects.get(pk=told["id"])
    assert (job.preset_version, job.source) == (WeightPreset.objects.get(name="aggressive").newest(), "imported")
    assert (job.data_digest, job.scoring_version) == (told["meta"]["data_digest"], told["meta"]["scoring_version"])
    assert api.get(f"/api/backtest/results/{told['id']}").json() == told


@pytest.mark.candles
def test_two_months_of_real_hourly_candles_are_answered_at_once(api, db, candles_dir):
    _, recording, _ = read_sound(candles_dir / "BTCUSDT-1h.parquet")
    list(store(imported_market(), "BTCUSDT", recording))
    asked = {"symbol": "BTCUSDT", "start_date": "2024-02-01", "end_date": "2024-04-01"}
    asked |= {"initial_capital": 10_000, "fee": 0.0005, "slippage": 0.001}
    told = api.post("/api/backtest/run", asked).json()
    assert len(told["equity_series"]) == 60 * 24
    assert told["metrics"]["total_trades"] + told["metrics"]["open_trades"] == len(told["trades"]) > 10
    bought = recording.series["1h"][0].between(1_706_745_600_000, 1_711_929_600_000).values
    held = bought[3, -1] / (bought[0, 0] * 1.001 * 1.0005) - 1.0
    assert told["metrics"]["buy_and_hold_return"] == pytest.approx(held, rel=1e-12)


def test_trades_enter_at_the_open_behind_their_signal_with_slippage(api, imported):
    found = run(api, slippage=0.002).json()["trades"]
    assert found
    for trade in found:
        opened = imported.values[0, (trade["entry_ts"] - START) // HOUR]
        worse = 1.002 if trade["side"] == "LONG" else 0.998
        assert trade["entry_price"] == pytest.approx(opened * worse, rel=1e-12)


def test_a_repeated_backtest_gives_the_same_numbers(api, imported):
    first, second = run(api).json(), run(api).json()
    for told in (first, second):
        del told["id"], told["meta"]["elapsed_ms"]
    assert first == second


def test_the_default_timeframe_is_the_hour_and_several_score_the_consensus(api, imported):
    alone = run(api).json()
    assert alone["meta"]["timeframes"] == ["1h"]
    both = run(api, timeframes=["4h", "1h"]).json()
    assert both["meta"]["timeframes"] == ["1h", "4h"]
    assert both["trades"] != alone["trades"]


def test_a_portfolio_shares_one_capital(api, imported):
    told = run(api, symbol=None, symbols=["BBB/USDT", "AAAUSDT"], trading={"risk": 0.05, "max_share": 0.5}).json()
    assert {t["symbol"] for t in told["trades"]} == {"AAAUSDT", "BBBUSDT"}
    profits = sum(t["profit"] for t in told["trades"])
    assert told["metrics"]["final_equity"] == pytest.approx(10_000 + profits, abs=0.005)


def test_holes_are_stated_or_refused_by_choice(api, imported):
    stated = run(api, symbol="BBBUSDT")
    assert stated.json()["meta"]["coverage"][0]["missing_bars"] == 72
    refused = run(api, symbol="BBBUSDT", holes="refuse")
    assert refused.status_code == 409
    assert "lacks 72 bars in 1 holes" in refused.json()["errors"][0]["detail"]
    failed = Backtest.objects.get(status="failed")
    assert (failed.result, failed.metrics) == ({}, {})


def test_the_csv_export_holds_every_trade(api, imported):
    told = run(api).json()
    export = api.get(f"/api/backtest/export/{told['id']}?file_format=csv")
    assert export["Content-Type"].startswith("text/csv")
    lines = export.content.decode().splitlines()
    assert len(lines) == len(told["trades"]) + 1
    assert lines[0].startswith("symbol,side,entry_ts,exit_ts,entry_price")
    assert api.get(f"/api/backtest/export/{told['id']}?file_format=xls").status_code == 400


@pytest.mark.parametrize(
    ("changes", "attr", "code"),
    [
        ({"start_date": START + DAY, "end_date": START}, "end_date", "reversed"),
        ({"end_date": START + 300 * HOUR + 1000}, "end_date", "empty_range"),
        ({"start_date": "2019-01-01"}, "start_date", "outside_data"),
        ({"end_date": "2099-01-01"}, "end_date", "outside_data"),
        ({"fee": 1.0}, "fee", "max_value"),
        ({"fee": -0.1}, "fee", "min_value"),
        ({"initial_capital": 0}, "initial_capital", "min_value"),
        ({"initial_capital": "many"}, "initial_capital", "invalid"),
        ({"preset": "none_such"}, "preset", "unknown_preset"),
        ({"symbol": "ZZZUSDT"}, "symbols", "unknown_symbol"),
        ({"symbols": ["AAAUSDT"]}, "symbols", "required"),
        ({"symbol": None}, "symbols", "required"),
        ({"timeframe": "2h"}, "timeframe", "invalid_choice"),
        ({"trading": {"stop_loss": 3}}, "trading.stop_loss", "unknown"),
        ({"candles": "elsewhere"}, "candles", "unknown_source"),
        ({"colour": "red"}, "colour", "unknown"),
    ],
)
def test_bad_input_is_named_and_stores_nothing(api, imported, changes, attr, code):
    response = run(api, **changes)
    assert response.status_code == 400, response.content
    assert (attr, code) in errors(response)
    assert not Backtest.objects.exists()


def test_a_capital_that_is_no_number_is_refused(api, imported):
    text = json.dumps(body()).replace("{", '{"initial_capital": NaN, ', 1)
    response = api.post("/api/backtest/run", data=text, content_type="application/json")
    assert response.status_code == 400
    assert not Backtest.objects.exists()


def test_what_lies_outside_the_data_is_told_what_there_is(api, imported):
    detail = run(api, start_date="2019-01-01").json()["errors"][0]["detail"]
    assert "imported has 2023-11-15 to 2024-01-16" in detail


def test_too_much_work_is_refused_with_the_reason(api, imported):
    many = [f"S{i}USDT" for i in range(500)]
    response = run(api, symbol=None, symbols=many, start_date="2014-01-01", end_date="2024-01-01")
    assert errors(response) == {("symbols", "too_large")}
    assert "the limit is 5,000,000" in response.json()["errors"][0]["detail"]


@pytest.fixture
def large(monkeypatch):
    """Let every backtest be a job, and keep the jobs that were submitted instead of running them."""
    submitted = []
    monkeypatch.setattr(requests, "SMALL", 0)
    monkeypatch.setattr(jobs, "start", lambda job: submitted.append(job.pk))
    return submitted


def test_large_work_is_a_job_that_is_polled(api, imported, large):
    response = run(api)
    assert (response.status_code, response["Retry-After"]) == (202, "1")
    job = response.json()
    assert job == {"id": job["id"], "status": "queued", "progress": 0.0}
    assert api.get(f"/api/backtest/results/{job['id']}").status_code == 202
    services.run_job(large[0])
    done = api.get(f"/api/backtest/results/{job['id']}")
    assert (done.status_code, done.json()["id"]) == (200, job["id"])
    assert api.get("/api/backtest/results").json()["results"][0]["status"] == "done"
    assert api.get("/api/backtest/results?status=failed").json()["results"] == []


def test_of_two_equal_jobs_one_runs(api, imported, large):
    first, second, other = run(api).json(), run(api).json(), run(api, fee=0.001).json()
    assert first["id"] == second["id"] != other["id"]
    assert len(large) == 2
    services.run_job(large[0])
    services.run_job(large[0])
    assert Backtest.objects.get(pk=first["id"]).fence == 1


def test_no_large_job_begins_while_too_many_are_under_way(api, imported, large, monkeypatch):
    monkeypatch.setattr(services, "MOST_ACTIVE", 2)
    first = run(api).json()["id"]
    assert run(api, fee=0.001).status_code == 202
    refused = run(api, fee=0.002)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "too_many_jobs")
    assert run(api).json()["id"] == first
    assert Backtest.objects.count() == 2
    api.delete(f"/api/backtest/results/{first}")
    assert run(api, fee=0.002).status_code == 202


def test_a_job_is_cancelled_once_and_stores_nothing(api, imported, large, monkeypatch):
    monkeypatch.setattr(services, "TOLD_EVERY_S", 0.0)
    job = run(api).json()
    path = f"/api/backtest/results/{job['id']}"
    seen = []

    def cancel_midway(message):
        seen.append(message)
        if len(seen) == 1:
            assert api.delete(path).json()["status"] == "cancelled"

    monkeypatch.setattr(services, "announce", cancel_midway)
    services.run_job(large[0])
    stored = Backtest.objects.get(pk=job["id"])
    assert (stored.status, stored.result, stored.metrics) == ("cancelled", {}, {})
    assert [(m["type"], m["status"]) for m in seen] == [("backtest", "running"), ("backtest", "cancelled")]
    assert api.delete(path).status_code == 409
    assert api.get(path).status_code == 409


def test_cancelling_what_is_done_is_a_conflict(api, imported):
    path = f"/api/backtest/results/{run(api).json()['id']}"
    response = api.delete(path)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (409, "finished")
    assert api.get(path).status_code == 200


def test_a_job_whose_worker_died_is_taken_over_when_somebody_polls(api, imported, large):
    path = f"/api/backtest/results/{run(api).json()['id']}"
    dead = services.claim(large[0])
    assert services.claim(large[0]) is None
    assert api.get(path).json()["status"] == "running"
    assert len(large) == 1
    Backtest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    api.get(path)
    assert len(large) == 2
    services.run_job(large[1])
    services._finish(dead, {"status": "failed", "error": "too late"})
    assert api.get(path).status_code == 200


def test_a_job_that_fails_says_so_and_raises(api, imported, large, monkeypatch):
    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(running, "run", fail)
    job = run(api).json()
    with pytest.raises(ZeroDivisionError):
        services.run_job(large[0])
    response = api.get(f"/api/backtest/results/{job['id']}")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (409, "failed")


def test_old_results_are_forgotten(api, imported, monkeypatch):
    monkeypatch.setattr(services, "KEPT", 2)
    ids = [run(api, fee=0.0001 * i).json()["id"] for i in range(5)]
    assert api.get(f"/api/backtest/results/{ids[0]}").status_code == 404
    assert api.get(f"/api/backtest/results/{ids[-1]}").status_code == 200


def test_an_unknown_backtest_is_not_found(api):
    assert api.get(f"/api/backtest/results/{uuid.uuid4()}").status_code == 404
    assert api.delete(f"/api/backtest/results/{uuid.uuid4()}").status_code == 404


def test_weights_rules_and_terms_of_the_request_decide(api, imported):
    base = run(api).json()
    assert run(api, weights={"trend": 1.0}).json()["trades"] != base["trades"]
    assert run(api, rules={"min_confidence": 1.0}).json()["metrics"]["total_trades"] == 0
    longs = run(api, trading={"sides": "long"}).json()["trades"]
    assert {t["side"] for t in longs} == {"LONG"}
