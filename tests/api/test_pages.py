"""The dashboard's page at each of its paths."""

import pytest

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
