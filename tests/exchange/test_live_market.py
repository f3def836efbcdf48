"""What a feed delivers, in the tables: holes that fill, a universe with dates, and when a symbol may be scored."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from agent.claims import due_at
from agent.feeding import Due, tick_due
from agent.living import LiveFeeder
from agent.models import ScanRun
from agent.services import agent_state
from engine.timeframes import INTERVAL_MS
from market import side
from market.feeds import current_market
from market.feeds.exchange.bars import NO_TAKER, Bar
from market.feeds.exchange.beside import Measured
from market.feeds.exchange.feed import Arrived, Chosen, ExchangeFeed, Plan
from market.feeds.exchange.universe import Selection
from market.feeds.exchange.venue import Venue
from market.holes import HoleSpan
from market.live import LiveMarket, joined_holes, universe_at
from market.models import Candle, Hole, Instrument, Market, Series, SideValue
from market.windows import Windows
from tests.exchange.storing import Handed
from tests.playing import FIVE, START

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(settings) -> LiveMarket:
    settings.MARKET_SOURCE = "binance"
    return LiveMarket(current_market())


def bars(first: int, last: int, interval: int = FIVE) -> list[Bar]:
    values = (1.0, 2.0, 0.5, 1.5, 10.0, NO_TAKER)
    return [Bar(START + n * interval, values, True) for n in range(first, last)]


def arrived(first: int, last: int, *holes: tuple[int, int, str], timeframe: str = "5m") -> Arrived:
    spans = [HoleSpan(START + a * FIVE, START + b * FIVE, why) for a, b, why in holes]
    return Arrived("AAAUSDT", timeframe, START, bars(first, last, INTERVAL_MS[timeframe]), spans)


def stored_holes() -> list[tuple[int, int, str]]:
    return [((h.start - START) // FIVE, (h.end - START) // FIVE, h.reason) for h in Hole.objects.order_by("start")]


def test_a_missing_bar_that_comes_after_all_leaves_no_hole(live):
    live.store([arrived(0, 4, (4, 7, "missing"))], START + 7 * FIVE, "", None)
    live.store([arrived(5, 6)], START + 7 * FIVE, "", None)
    assert stored_holes() == [(4, 5, "missing"), (6, 7, "missing")]
    live.store([arrived(4, 5), arrived(6, 7)], START + 8 * FIVE, "", None)
    assert stored_holes() == []
    assert Candle.objects.count() == 7


def test_a_hole_confirmed_in_pieces_is_one_outage(live):
    live.store([arrived(0, 4, (4, 8, "missing")), arrived(8, 9)], START + 9 * FIVE, "", None)
    live.store([arrived(0, 0, (4, 6, "no_trades")), arrived(0, 0, (6, 8, "no_trades"))], START + 9 * FIVE, "", None)
    assert stored_holes() == [(4, 8, "outage")]


def test_a_confirmed_hole_is_not_missing_again():
    old = HoleSpan(START, START + FIVE, "no_trades")
    assert joined_holes([old, old._replace(reason="missing")], set(), FIVE) == [old]


def test_market_time_never_goes_back(live):
    live.store([arrived(0, 2)], START + 10_000, "", None)
    live.store([], START + 4_000, "", None)
    assert live.reload().delivered == START + 10_000


def test_bars_that_come_in_make_a_close_scan_due_and_time_alone_a_tick(live):
    state, now = agent_state(), START + 2 * FIVE + 500
    live.store([], now - 2 * state.scan_interval_ms, "", None)
    live.store([arrived(0, 2)], now, "", None)
    market = live.reload()
    assert tick_due(state, market) == Due(ScanRun.Kind.CLOSE, now)
    assert market.move(now)
    assert tick_due(state, live.reload()) is None
    live.store([], now + state.scan_interval_ms, "", None)
    due = due_at(now + state.scan_interval_ms, state.scan_interval_ms)
    assert tick_due(state, live.reload()) == Due(ScanRun.Kind.TICK, due)


def test_a_clock_that_is_wrong_blocks_every_scan_and_the_score_says_why(live, api):
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    live.store([arrived(0, 300)], START + 300 * FIVE, "this machine's clock is 3600.0 s behind binance's", None)
    assert tick_due(agent_state(), live.reload()) is None
    answer = api.post("/api/signals/score", {"symbol": "AAAUSDT", "timeframe": "5m"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "clock"
    assert "3600" in answer.json()["errors"][0]["detail"]


def test_a_symbol_waits_for_each_timeframe_that_closes_or_for_word_that_it_is_late(live):
    at = START + 3 * FIVE  # the end of a 15-minute bar too
    live.store([arrived(0, 3)], at + 100, "", None)
    quarter = Series.objects.create(instrument=Instrument.objects.get(), timeframe="15m", first_open=START - 9 * FIVE)
    Candle.objects.create(series=quarter, open_time=START - 3 * FIVE, open=1, high=1, low=1, close=1, volume=1)

    def complete() -> bool:
        windows = Windows()
        series = list(Series.objects.select_related("instrument"))
        windows.refresh(series, at + 100)
        return all(windows.is_complete(one, at) for one in series)

    assert not complete()
    late = HoleSpan(START, START + 3 * FIVE, "missing")
    live.store([arrived(0, 0, timeframe="15m")._replace(holes=[late])], at + 2_000, "", None)
    assert complete()
    live.store([arrived(0, 1, timeframe="15m")], at + 3_000, "", None)
    assert complete()
    assert not Hole.objects.exists()


def test_the_universe_of_a_day_can_be_asked_for_later(live):
    live.choose(Chosen(START, ["AAAUSDT", "BBBUSDT"], [], []))
    live.choose(Chosen(START + 1000, ["BBBUSDT", "CCCUSDT"], ["CCCUSDT"], ["AAAUSDT"]))
    assert universe_at(live.market, START) == ["AAAUSDT", "BBBUSDT"]
    assert universe_at(live.market, START + 999) == ["AAAUSDT", "BBBUSDT"]
    assert universe_at(live.market, START + 1000) == ["BBBUSDT", "CCCUSDT"]
    told = [(c.symbol, c.kind) for c in live.market.universe_changes.filter(kind__in=["listed", "delisted"])]
    assert told == [("CCCUSDT", "listed"), ("AAAUSDT", "delisted")]


def test_what_the_exchange_says_of_the_smallest_orders_is_stored_and_the_roster_says_so(live):
    live.choose(Chosen(START, ["AAAUSDT", "BBBUSDT"], [], [], {"AAAUSDT": (0.001, 5.0)}))
    before = live.reload().roster
    live.choose(Chosen(START + 1000, ["AAAUSDT", "BBBUSDT"], [], [], {"AAAUSDT": (0.001, 5.0)}))
    assert live.reload().roster == before
    live.choose(Chosen(START + 2000, ["AAAUSDT", "BBBUSDT"], [], [], {"AAAUSDT": (0.01, 10.0)}))
    assert live.reload().roster == before + 1
    assert list(Instrument.objects.values_list("symbol", "step", "min_notional")) == [
        ("AAAUSDT", 0.01, 10.0),
        ("BBBUSDT", 0.0, 0.0),
    ]


def test_a_delisted_symbols_series_end_with_their_last_bar_and_are_watched_no_more(live):
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    live.store([arrived(0, 3)], START + 3 * FIVE, "", None)
    live.choose(Chosen(START + 4 * FIVE, [], [], ["AAAUSDT"]))
    assert Series.objects.get().ended_at == START + 3 * FIVE
    assert not Instrument.objects.get().watched


def test_what_is_stored_is_what_a_restarted_feed_goes_on_from(live):
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    live.store([arrived(0, 3, (3, 5, "missing")), arrived(5, 9)], START + 9 * FIVE, "", None)
    known = LiveMarket(live.market).choose(Chosen(START + 9 * FIVE, ["AAAUSDT"], [], []))["AAAUSDT", "5m"]
    assert (known.oldest, known.newest) == (START, START + 8 * FIVE)
    assert known.missing == [(START + 3 * FIVE, START + 5 * FIVE)]


def test_exported_candles_are_what_is_stored(live, tmp_path):
    import pandas as pd

    live.store([arrived(0, 5)], START + 5 * FIVE, "", None)
    call_command("export_candles", "aaa/usdt", to=tmp_path)
    frame = pd.read_parquet(tmp_path / "AAAUSDT-5m.parquet")
    assert frame["open_time"].tolist() == [START + n * FIVE for n in range(5)]
    assert list(frame.columns) == ["open_time", "open", "high", "low", "close", "volume"]
    with pytest.raises(CommandError, match="ZZZUSDT"):
        call_command("export_candles", "ZZZUSDT", to=tmp_path)


def test_market_status_tells_of_each_series_and_of_the_feed(live, capsys):
    report = {
        "problem": "https://api.binance.com: HTTP 451", "retry_at": START, "unknown_symbols": ["FOOUSDT"],
        "history": {"series": 3, "loaded": 1}, "sockets": [{"series": 3, "state": "down", "problem": "silent"}],
        "weight": {"used": 12, "limit": 6000}, "clock_offset_ms": 5, "counts": {"http_429": 2},
        "by_rest_only": ["AAAUSDT 5m"],
        "derivatives": {"problem": "HTTP 418", "without_perpetual": ["BARUSDT"], "not_told": ["open_interest"]},
    }  # fmt: skip
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    live.store([arrived(0, 3)], START + 6 * FIVE, "", report)
    call_command("market_status")
    told = capsys.readouterr().out
    for words in (
        "AAAUSDT 5m",
        "stale",
        "REST",
        "HTTP 451",
        "FOOUSDT",
        "1 of 3",
        "silent",
        "12 of 6000",
        "http_429 2",
        "HTTP 418",
        "BARUSDT",
        "open_interest",
    ):
        assert words in told


def test_a_market_that_nobody_feeds_any_more_is_down_and_says_why(live, api):
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    live.store([arrived(0, 3)], START + 3 * FIVE, "", None)
    assert api.get("/health").json()["checks"]["market"] == "ok"
    Market.objects.update(delivered_at=timezone.now() - timedelta(seconds=40))
    assert api.get("/health").json()["checks"]["market"] == "down"
    assert "no process has fed" in api.get("/api/agent/status").json()["market"]["problem"]


def test_values_beside_the_candles_are_stored_as_known_from_now_on_and_refusals_are_counted(live):
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    told = [(START - FIVE, 0.0001), (START - 1, 0.0002)]
    live.measure(Measured("AAAUSDT", "funding_rate", told), START)
    live.measure(Measured("AAAUSDT", "funding_rate", [*told, (START + 9 * FIVE, 0.1)]), START + FIVE)
    stored = SideValue.objects.order_by("time").values_list("time", "value", "known_at")
    assert list(stored) == [(time, value, START + side.COMMIT_MS) for time, value in told]
    assert live.refused == {"time lies in the future": 1}


def test_bars_that_a_fault_of_the_database_kept_out_are_stored_at_the_next_step(live, monkeypatch):
    handed = Handed()
    handed.feed = ExchangeFeed(Venue("binance"), Plan(Selection(), ["5m"]), handed.events.append, None)
    feeder = LiveFeeder(live.market, handed)
    handed.events.append(arrived(0, 3))
    with monkeypatch.context() as broken, pytest.raises(OperationalError):
        broken.setattr("market.ingest.store", Mock(side_effect=OperationalError("disk I/O error")))
        feeder.step()
    handed.events.append(arrived(3, 4))
    feeder.step()
    assert Candle.objects.count() == 4


def test_series_that_come_later_are_scanned_too(live):
    live.choose(Chosen(START, ["AAAUSDT"], [], []))
    before = live.reload().roster
    live.store([arrived(0, 3)], START + 3 * FIVE, "", None)
    assert live.reload().roster == before + 1


def test_an_unknown_exchange_is_refused_with_the_nearest_names(settings):
    settings.MARKET_SOURCE = "krakn"
    with pytest.raises(CommandError, match="kraken"):
        call_command("market_status")
