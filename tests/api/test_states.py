"""Scores of watched series: from what the scan stored, without candles and without numba, in the scan's own bits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.runner import MarketRunner
from market.feeds import current_market
from market.models import Candle, Series
from market.windows import Windows
from rest.errors import Unavailable
from signals import states
from signals.models import SeriesState
from signals.tasks import states as states_task

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent
SCAN = {"symbols": ["AAAUSDT", "BBBUSDT", "CCCUSDT"], "timeframes": ["5m", "15m", "1h"]}
WEIGHTS = {"trend": 0.25, "momentum": 0.5, "sar": 0.25}


def asked(api) -> list:
    """Return the answers of both endpoints under several presets and weights, but for the time they took."""
    answers = []
    for how in ({}, {"preset": "aggressive"}, {"weights": WEIGHTS}):
        scan = api.post("/api/scanner/run", SCAN | how).json()
        del scan["meta"]["scan_ms"]
        answers.append(scan)
        for timeframe in SCAN["timeframes"]:
            answers.append(api.post("/api/signals/score", {"symbol": "BBBUSDT", "timeframe": timeframe} | how).json())
    return answers


def test_answers_from_the_stored_states_are_those_computed_from_the_candles(played_market, replay, api):
    stored = asked(api)
    SeriesState.objects.all().delete()
    assert stored == asked(api)


def test_every_watched_series_with_a_recent_bar_has_a_state_at_the_markets_time(played_market, replay):
    market = current_market()
    watched = Series.objects.filter(instrument__market=market, timeframe__in=SCAN["timeframes"])
    watched = watched.exclude(instrument__symbol="CCCUSDT")  # in the middle of its outage
    found = {s.series_id: s.close for s in SeriesState.objects.filter(series__in=watched)}
    assert found == {s.pk: market.position // s.interval_ms * s.interval_ms for s in watched}


def test_a_state_that_a_newer_bar_may_have_overtaken_is_not_answered_from(played_market, replay, settings):
    settings.SCORE_UNWATCHED = "tests.api.test_states.refuse"
    series = list(Series.objects.filter(timeframe="5m").exclude(instrument__symbol="CCCUSDT"))
    now = current_market().position
    assert set(states.states_at(current_market(), series, now)) == {s.pk for s in series}
    with pytest.raises(Unavailable):
        states.states_at(current_market(), series, now + series[0].interval_ms)


def refuse(series, now):
    raise Unavailable


def test_a_workers_answer_comes_back_bit_for_bit(played_market, replay):
    series = list(Series.objects.filter(timeframe="4h"))
    now = current_market().position
    here = states.computed(series, now, Windows())
    there = [states.from_json(row) for row in json.loads(json.dumps(states_task([s.pk for s in series], now)))]
    assert [(s.pk, s.close, s.price, s.values, s.reasons, s.no_score, s.detail) for s in here] == [
        (s.pk, s.close, s.price, s.values, s.reasons, s.no_score, s.detail) for s in there
    ]


def test_a_series_that_takes_a_worker_too_long_is_202_and_says_when_to_ask_again(played_market, replay, api, settings):
    settings.SCORE_UNWATCHED = "tests.api.test_states.take_long"
    for path, body in (("signals/score", {"symbol": "AAAUSDT", "timeframe": "4h"}), ("scanner/run", SCAN)):
        SeriesState.objects.filter(series__timeframe="5m").delete()
        answer = api.post(f"/api/{path}", body)
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")


def take_long(series, now):
    raise states.StillLoading


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import django
django.setup()
from django.test import Client
client = Client(HTTP_HOST="127.0.0.1")
for path, body in %r:
    answer = client.post(path, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    print(answer.content.decode())
"""


@pytest.mark.django_db(transaction=True)
def test_both_endpoints_answer_where_numba_and_candles_are_not_there(replay, api):
    runner = MarketRunner(current_market())
    for _ in range(3):
        runner.step()
    # Without the symbol that may be in its outage: what the scan could not score at this very time is computed.
    bodies = [
        ("/api/scanner/run", SCAN | {"symbols": ["AAAUSDT", "BBBUSDT"]}),
        ("/api/signals/score", {"symbol": "BBBUSDT", "timeframe": "5m"}),
    ]
    here = [api.post(path, body).json() for path, body in bodies]
    Candle.objects.all().delete()
    there = [json.loads(line) for line in run_without_numba(replay, bodies)]
    for answer in (here[0], there[0]):
        del answer["meta"]["scan_ms"]
    assert there == here


def run_without_numba(settings, bodies) -> list[str]:
    database = settings.DATABASES["default"]
    address = f"sqlite:///{database['NAME']}"
    if "postgresql" in database["ENGINE"]:
        address = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    environment = {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")},
        "DJANGO_SETTINGS_MODULE": "realtime_agent.settings",
        "DATABASE_URL": address,
        "DATA_DIR": str(settings.DATA_DIR),
        "MARKET_SOURCE": settings.MARKET_SOURCE,
        "REPLAY_START": moment(settings.REPLAY_START),
        "SECRET_KEY": "of-a-test",
    }
    command = [sys.executable, "-c", WITHOUT_NUMBA % (bodies,)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def moment(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
