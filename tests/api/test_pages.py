"""The dashboard's page at each of its paths."""

import pytest

from market.models import Candle, Series
from realtime_agent.pages import CONTENT_SECURITY_POLICY
from tests.playing import FIVE


@pytest.fixture
def unbuilt(monkeypatch, tmp_path):
    """A server whose dashboard was never built."""
    from django_vite.core.asset_loader import DjangoViteAssetLoader

    loader = DjangoViteAssetLoader.instance()
    manifest = loader._apps["default"].manifest
    monkeypatch.setattr(manifest, "_entries", {})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/symbol/BTCUSDT", "/symbol/BTC/USDT", "/scanner", "/risk"])
def test_a_dashboard_that_is_not_built_says_how_to_build_it(client, unbuilt, path):
    page = client.get(path, headers={"Host": "127.0.0.1"})
    assert page.status_code == 503
    assert "make frontend" in page.content.decode()
    assert page["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.django_db
def test_a_path_that_is_no_page_is_404(client):
    assert client.get("/scanners", headers={"Host": "127.0.0.1"}).status_code == 404


@pytest.mark.django_db
def test_closes_are_those_of_the_last_candles_of_every_symbol(api, played_market, replay):
    now = api.get("/api/agent/status").json()["market"]["now"]
    answer = api.get("/api/market/closes", {"timeframe": "5m", "limit": 40}).json()
    assert set(answer["closes"]) == {"AAAUSDT", "BBBUSDT", "CCCUSDT"}
    for symbol, closes in answer["closes"].items():
        candles = api.get("/api/market/candles", {"symbol": symbol, "timeframe": "5m", "limit": 40}).json()["candles"]
        assert closes == [candle["close"] for candle in candles if candle["open_time"] >= now - 40 * FIVE]
    assert len(answer["closes"]["AAAUSDT"]) == 40


@pytest.mark.django_db
def test_every_series_says_how_far_it_is_and_what_it_lacks(api, played_market, replay):
    answer = api.get("/api/market/series").json()
    found = {(one["symbol"], one["timeframe"]): one for one in answer["series"]}
    assert list(found) == [(s.instrument.symbol, s.timeframe) for s in ordered_series()]
    for series in ordered_series():
        newest = Candle.objects.filter(series=series).order_by("-open_time").first()
        one = found[series.instrument.symbol, series.timeframe]
        assert one["last_close"] == (newest and newest.open_time + series.interval_ms)
    assert found["CCCUSDT", "5m"]["holes"] == {"outage": 1}
    assert found["AAAUSDT", "5m"]["holes"] == {}


def ordered_series() -> list[Series]:
    return sorted(Series.objects.select_related("instrument"), key=lambda s: (s.instrument.symbol, s.interval_ms))
