"""The record over the API: what was right, beside random entries, and never a percentage from a handful."""

import uuid

import numpy as np
import pytest

from signals.models import Calibration, Outcome, Signal
from signals.outcomes import calibrating, record
from signals.outcomes.calibrating import known_fit, set_probabilities
from tests.outcomes.conftest import HOUR
from tests.playing import START

pytestmark = pytest.mark.django_db


@pytest.fixture
def sixty(scripted):
    """Sixty signals, half long, on a market that rises to every long target: 30 hits."""
    price = 100.0
    for number in range(90):
        scripted.bar(number, price, price * 1.03, price * 0.995)
        price *= 1.02
    parts = [{"name": "trend", "contribution": 0.1}]
    for number in range(60):
        bullish = number % 2 == 0
        direction = "BULLISH" if bullish else "BEARISH"
        scripted.signal(number, direction, 0.65 if bullish else 0.32, components=parts if bullish else ())
    scripted.close(89)
    return scripted


def test_hit_rates_are_split_by_detector_preset_symbol_timeframe_and_score(sixty, api):
    found = api.get("/api/signals/outcomes/record").json()
    assert (found["overall"]["count"], found["overall"]["hits"], found["overall"]["hit_rate"]) == (60, 30, 0.5)
    low, high = found["overall"]["interval"]
    assert low < 0.5 < high
    groups = {name: {g["key"]: g["hits"] for g in rows} for name, rows in found["groups"].items()}
    assert groups["detector"] == {"trend": 30}
    assert groups["preset"] == {"balanced": 30}
    assert groups["symbol"] == {"AAAUSDT": 30}
    assert groups["timeframe"] == {"1h": 30}
    assert groups["score"] == {"0.6-0.7": 30}


def test_in_a_market_that_only_rises_random_entries_do_as_well(sixty, api):
    longs = api.get("/api/signals/outcomes/record?direction=BULLISH").json()["overall"]
    assert longs["hit_rate"] == 1.0
    assert longs["baseline"]["hit_rate"] == pytest.approx(1.0)
    assert longs["baseline"]["expectancy_r"] == pytest.approx(longs["expectancy_r"], abs=0.1)


def test_under_thirty_outcomes_the_answer_is_insufficient(sixty, api):
    Outcome.objects.filter(pk__in=list(Outcome.objects.values_list("pk", flat=True)[:31])).delete()
    found = api.get("/api/signals/outcomes/record").json()["overall"]
    assert (found["count"], found["status"]) == (29, "insufficient")
    assert found["hit_rate"] is found["interval"] is found["expectancy_r"] is found["baseline"] is None


def test_flat_signals_change_no_rate(sixty, api):
    before = api.get("/api/signals/outcomes/record").json()
    for number in range(60, 89):
        sixty.signal(number, "NEUTRAL", 0.51)
    sixty.close(89)
    assert api.get("/api/signals/outcomes/record").json() == before


def test_a_higher_fee_can_only_lower_the_rate(sixty, api):
    rates = [api.get(f"/api/signals/outcomes/record?fee={fee}").json()["overall"] for fee in (0, 0.001, 0.05, 0.1)]
    hit_rates = [one["hit_rate"] for one in rates]
    assert hit_rates == sorted(hit_rates, reverse=True)
    assert rates[0]["expectancy_r"] > rates[1]["expectancy_r"]
    assert hit_rates[-1] < hit_rates[0]


@pytest.mark.parametrize(
    ("query", "attr"),
    [("fee=1", "fee"), ("fee=nan", "fee"), ("symbol=NONE", "symbol"), ("detector=x", "detector"), ("wrong=1", "wrong")],
)
def test_a_bad_question_is_refused_by_name(sixty, api, query, attr):
    answer = api.get(f"/api/signals/outcomes/record?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == attr


def test_outcomes_are_listed_in_pages_and_found_by_signal(sixty, api):
    page = api.get("/api/signals/outcomes?limit=5&outcome=target").json()
    assert len(page["results"]) == 5
    assert page["next"]
    first = page["results"][0]
    assert api.get(f"/api/signals/{first['id']}/outcome").json() == first
    assert api.get(f"/api/signals/{uuid.uuid4()}/outcome").status_code == 404


def test_a_fit_is_used_only_for_signals_behind_its_outcomes(sixty, monkeypatch):
    monkeypatch.setattr(calibrating, "FEWEST", 30)
    row = Outcome.objects.ended().first()
    calibrating.refit({(row.signal.preset_version_id, "1h")}, sixty.market.pk, START + 90 * HOUR)
    fit = Calibration.objects.get()
    assert (fit.count, fit.hits) == (60, 30)
    early, late = Signal.objects.order_by("seq").first(), Signal.objects.order_by("seq").last()
    late.as_of = fit.known_until
    set_probabilities([early, late], sixty.market.pk)
    assert early.probability is None
    assert 0.0 < late.probability < 1.0
    assert known_fit(sixty.market.pk, row.signal.preset_version_id, "5m", late.as_of) is None


def test_too_few_outcomes_give_no_fit(sixty):
    row = Outcome.objects.ended().first()
    calibrating.refit({(row.signal.preset_version_id, "1h")}, sixty.market.pk, START + 90 * HOUR)
    assert not Calibration.objects.exists()


def test_the_fit_rises_with_the_score_and_keeps_the_mean():
    generator = np.random.default_rng(2)
    distance = generator.uniform(0.05, 0.4, 4000)
    hit = (generator.random(4000) < 0.3 + distance).astype(float)
    edges, values = calibrating.fitted(distance, hit)
    assert (np.diff(values) >= 0).all()
    at = np.searchsorted(edges, distance, side="right") - 1
    assert values[at].mean() == pytest.approx(hit.mean())


def test_calibration_says_insufficient_below_seven_thousand_outcomes():
    generator = np.random.default_rng(4)
    p = generator.uniform(0.3, 0.5, 8000)
    pairs = list(zip(p, generator.random(8000) < p, strict=True))
    assert record.reliability(pairs[:299])["bins"] == []
    few = record.reliability(pairs[:6999])
    assert (few["status"], few["calibration_error"], len(few["bins"])) == ("insufficient", None, 10)
    many = record.reliability(pairs)
    assert many["status"] == "ok"
    assert many["calibration_error"] < 0.03
    assert 0.0 < many["error_of_perfect"] < 0.02


def test_the_command_shows_the_record_and_takes_up_older_signals(sixty, capsys):
    from django.core.management import call_command

    Outcome.objects.all().delete()
    sixty.market.position = START + 90 * HOUR
    sixty.market.save()
    call_command("outcomes", "--follow", "--by", "preset")
    said = capsys.readouterr().out
    assert "60 signals taken up, 60 outcomes ended" in said
    assert "50.0%" in said
    assert "insufficient" in said  # the calibration
