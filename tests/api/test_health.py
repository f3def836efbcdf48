"""Health: red means something a person must know."""

import pytest
from django.db import DatabaseError

from agent import health, services
from agent.services import market_json
from market.feeds import current_market
from market.models import Market

pytestmark = pytest.mark.django_db

FIVE = 300_000


@pytest.mark.parametrize(("intervals", "code"), [(0, 200), (1.99, 200), (2, 503), (50, 503)])
def test_readiness_is_red_as_soon_as_two_intervals_of_market_time_brought_no_candle(api, play, intervals, code):
    play(3)
    market = current_market()
    Market.objects.filter(pk=market.pk).update(position=market.last_close + int(intervals * FIVE))
    answer = api.get("/health/ready")
    assert answer.status_code == code
    assert answer.json()["checks"]["market"] == ("ok" if code == 200 else "degraded")
    assert market_json(current_market(), ["5m"])["status"] == ("live" if code == 200 else "stale")
    assert api.get("/health").status_code == 200  # it still answers, and says what is degraded


def test_health_is_red_and_live_is_not_when_the_database_is_away(api, play, monkeypatch):
    play(1)

    def away(*args):
        raise DatabaseError("gone")

    monkeypatch.setattr(health, "_database", lambda: "down")
    monkeypatch.setattr(services, "status_json", away)
    for path in ("/health", "/health/ready"):
        answer = api.get(path)
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == "down"
    assert api.get("/health/live").json() == {"status": "alive"}


def test_health_needs_no_credential_and_tells_no_secret(api, replay, settings):
    settings.OPEN_CONTROL = False
    answer = api.get("/health", headers={"Authorization": "Token nonsense"})
    assert answer.status_code in (200, 503)
    assert settings.SECRET_KEY not in answer.content.decode()
