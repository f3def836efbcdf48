"""What is asked of an exchange and what of its answers is believed."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock

import ccxt
import pytest

from market.feeds.base import FeedError
from market.feeds.exchange.budget import SHARE, Budget
from market.feeds.exchange.faults import ExchangeFault, RateLimited, RegionRefused
from market.feeds.exchange.guard import check_status, parsed, retry_after
from market.feeds.exchange.kinds import BinanceRows, OkxRows
from market.feeds.exchange.universe import Selection, choose, require_known
from market.feeds.exchange.venue import Listing, Venue, bars_of
from tests.exchange.harness import Harness
from tests.exchange.stepped import SteppedClock
from tests.exchange.truth import made_up
from tests.playing import FIVE, START

NOW = START + 900 * FIVE + 7_000
MINUTE = 60_000


async def test_request_weight_stays_within_its_share_over_any_minute():
    clock = SteppedClock(NOW)
    budget, spent = Budget(clock, 100), []

    async def ask():
        await budget.spend(7)
        spent.append(clock.now_ms())

    asks = [asyncio.ensure_future(ask()) for _ in range(60)]
    while not all(a.done() for a in asks):
        await asyncio.sleep(0)
        if (wake := clock.next_wake()) is not None:
            clock.move(wake)
    for at in spent:
        assert sum(7 for other in spent if at <= other < at + 60_000) <= 100 * SHARE


async def test_no_request_leaves_before_a_ban_is_over():
    clock = SteppedClock(NOW)
    budget = Budget(clock, 100)
    budget.ban(37.0)
    ask = asyncio.ensure_future(budget.spend(1))
    await asyncio.sleep(0)
    clock.move(NOW + 37_000)
    await asyncio.sleep(0)
    assert not ask.done()
    clock.move(NOW + 38_000)
    await asyncio.wait_for(ask, 1)


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "reason"),
    [
        (
            418,
            '{"code":-1003,"msg":"Way too many requests; IP banned until 1516180405741."}',
            {},
            RateLimited,
            "http_418",
        ),
        (429, '{"code":-1003,"msg":"Too many requests"}', {"Retry-After": "12"}, RateLimited, "http_429"),
        (403, "<!DOCTYPE HTML><HTML><BODY>Request blocked.</BODY></HTML>", {}, RegionRefused, "region_refused"),
        (451, "{}", {}, RegionRefused, "region_refused"),
        (504, "<html>Gateway Time-out</html>", {}, ExchangeFault, "http_5xx"),
        (302, "", {"Location": "http://elsewhere"}, ExchangeFault, "redirect"),
    ],
)
def test_a_refusal_is_known_by_its_status(status, body, headers, kind, reason):
    with pytest.raises(kind) as told:
        check_status(status, headers, body, "http://exchange/api?x=1", SteppedClock(NOW), None)
    assert told.value.reason == reason


def test_the_wait_is_the_headers_or_the_bans_own():
    text = "Way too much request weight used; IP banned until 1618228675371."
    assert retry_after("720", text, 0) == 720.0
    assert retry_after(None, text, 1618228675371 - 90_000) == 90.0
    assert retry_after(None, "Too many requests", 0) is None


@pytest.mark.parametrize("text", ["", "<html>", '{"a":', "[1, NaN]", "[Infinity]"])
def test_what_is_no_json_or_holds_no_numbers_is_refused(text):
    with pytest.raises(ExchangeFault) as told:
        parsed(text, "http://exchange/klines", 200)
    assert told.value.reason == "not_json"


@pytest.mark.parametrize("rows", [[["a"] * 6], [[1, 2]], [None], [{"open": 1}]])
def test_rows_of_another_shape_are_refused(rows):
    with pytest.raises(ExchangeFault):
        bars_of(rows)


RECORDED_KLINE = [
    1641905100000, "41904.46000000", "41908.04000000", "41865.13000000", "41865.14000000", "6.42405000",
    1641905159999, "269127.18833360", 583, "2.62199000", "109847.87661600", "0",
]  # fmt: skip


def test_a_recorded_binance_kline_keeps_its_taker_volume():
    row = BinanceRows().parse_ohlcv(RECORDED_KLINE)
    (bar,) = bars_of([row])
    assert bar == (1641905100000, (41904.46, 41908.04, 41865.13, 41865.14, 6.42405, 2.62199), None)


RECORDED_FRAME = json.loads(
    '{"e":"kline","E":1681154040004,"s":"BELBTC","k":{"t":1681153980000,"T":1681154039999,"s":"BELBTC","i":"1m",'
    '"f":-1,"L":-1,"o":"0.00002369","c":"0.00002369","h":"0.00002369","l":"0.00002369","v":"0.00000000","n":0,'
    '"x":true,"q":"0.00000000","V":"0.00000000","Q":"0.00000000","B":"0"}}'
)


def test_a_recorded_closing_frame_without_trades_is_a_closed_bar():
    class Rows(BinanceRows):
        def safe_symbol(self, market_id, *_):
            return market_id

    rows, told = Rows(), []
    rows.on_row = lambda *row: told.append(row)
    rows.handle_ohlcv(None, RECORDED_FRAME)
    ((symbol, timeframe, row),) = told
    assert (symbol, timeframe) == ("BELBTC", "1m")
    assert bars_of([row])[0] == (1681153980000, (2.369e-05,) * 4 + (0.0, 0.0), True)


def okx_exchange():
    from ccxt.pro import okx

    return type("okx", (OkxRows, okx), {})()


def test_recorded_okx_candles_tell_whether_they_are_closed():
    exchange = okx_exchange()
    closed = ["1597026383085", "8533.02", "8553.74", "8527.17", "8548.26", "45247", "529.5858061", "5529.5858061", "1"]
    forming = ["1625097660000", "33783.9", "33783.9", "33782.1", "33782.1", "0.123", "0", "0", "0"]
    old = ["1654154580000", "29930.7", "29936.3", "29930.7", "29936.3", "0.0111536", "333.86246417"]
    bars = bars_of([exchange.parse_ohlcv(row, {"type": "spot"}) for row in (closed, forming, old)])
    assert [b.closed for b in bars] == [True, False, None]
    assert bars[0].values[:5] == (8533.02, 8553.74, 8527.17, 8548.26, 45247.0)


def test_the_recorded_errors_are_all_among_what_the_simulator_or_these_tests_send():
    source = Path(__file__).with_name("simulator.py").read_text() + Path(__file__).read_text()
    for words in (
        "Way too many requests; IP banned", "Way too much request weight used; IP banned", "Too many requests",
        "Too much request weight used; current limit is", "Invalid symbol.", "Request blocked.", "Gateway Time-out",
        "Too many subscriptions", "going away", "Retry-After",
    ):  # fmt: skip
        assert words in source


@pytest.mark.parametrize(
    ("mode", "amount", "step"),
    [(ccxt.TICK_SIZE, 0.0001, 0.0001), (ccxt.DECIMAL_PLACES, 3, 0.001), (ccxt.SIGNIFICANT_DIGITS, 5, 0.0)],
)
async def test_the_step_of_a_quantity_is_read_however_the_exchange_counts_it(mode, amount, step):
    market = {"symbol": "AAA/USDT", "base": "AAA", "quote": "USDT", "spot": True, "precision": {"amount": amount}}
    markets = {
        "AAA/USDT": market | {"limits": {"cost": {"min": 5.0}}},
        "BBB/USDT": market | {"base": "BBB", "precision": {"amount": None}, "limits": {"cost": {"min": None}}},
    }
    venue = Venue("binance")
    venue._rest = SimpleNamespace(load_markets=AsyncMock(return_value=markets), precisionMode=mode)
    await venue.load()
    assert (venue.listings["AAAUSDT"].step, venue.listings["AAAUSDT"].min_notional) == (pytest.approx(step), 5.0)
    assert (venue.listings["BBBUSDT"].step, venue.listings["BBBUSDT"].min_notional) == (0.0, 0.0)


def listing(symbol: str, active: bool = True, created: int | None = None, quote: str = "USDT") -> Listing:
    return Listing(symbol, quote, active, created)


def test_the_most_traded_are_chosen_by_volume_among_those_that_pass_the_filters():
    listings = {
        one.symbol: one
        for one in (
            listing("AAAUSDT"), listing("BBBUSDT", created=NOW - 5 * 86_400_000), listing("CCCUSDT", active=False),
            listing("DDDBTC", quote="BTC"), listing("EEEUSDT"), listing("FFFUSDT"),
        )
    }  # fmt: skip
    volumes = {"AAAUSDT": 5.0, "BBBUSDT": 99.0, "CCCUSDT": 98.0, "DDDBTC": 97.0, "EEEUSDT": 50.0, "FFFUSDT": 1.0}
    rule = Selection(top=2, min_volume=2.0, min_age_days=30)
    assert choose(rule, listings, volumes, NOW) == (["AAAUSDT", "EEEUSDT"], [])
    assert choose(Selection(symbols=("EEEUSDT", "ZZZUSDT")), listings, {}, NOW) == (["EEEUSDT"], ["ZZZUSDT"])


def test_unknown_symbols_are_each_named_with_the_nearest():
    with pytest.raises(FeedError, match=r"BTCUSTD \(nearest: BTCUSDT\)"):
        require_known(["BTCUSTD"], {"BTCUSDT": listing("BTCUSDT")}, "SYMBOL")
    with pytest.raises(FeedError, match="kraken"):
        Venue("krakn")


async def test_an_empty_database_is_filled_symbol_by_symbol_within_the_published_limit():
    truth = made_up(12, 10_000, ["5m", "15m", "1h"])
    now = START + 9_900 * FIVE + 7_000
    async with Harness(truth, now) as harness:
        harness.simulator.limit = 60  # a hundredth of the real one, for a hundredth of the series
        await harness.until(now + 15 * MINUTE)
        assert harness.simulator.heaviest_minute <= 60 + 48  # the first minute learns the limit after its first asks
        assert all(len(harness.bars[key]) >= 768 for key in truth.bars)
        # The first symbol is complete, and can be scored, before the last has anything.
        assert harness.order.index((truth.symbols[-1], "5m")) > max(
            harness.order.index((truth.symbols[0], timeframe)) for timeframe in truth.timeframes
        )
        assert harness.feed.report()["history"] == {"series": 36, "loaded": 36}
        assert not harness.wrong(now - 500 * FIVE, now)


async def test_the_delay_of_a_series_is_that_of_a_bar_that_closed_while_it_was_followed():
    async with Harness(made_up(1, 1000, ["5m", "1h"]), NOW) as harness:
        await harness.until(NOW + MINUTE)
        report = harness.feed.report()
        assert report["history"]["loaded"] == 2
        assert report["delays"] == {}
        await harness.until(NOW + FIVE)
        delays = harness.feed.report()["delays"]
        assert set(delays) == {"AAAUSDT 5m"}
        assert 0 <= delays["AAAUSDT 5m"] < 10_000


async def test_a_silent_socket_and_silent_rest_are_late_and_everything_is_filled_without_a_hand():
    truth = made_up(3, 1100, ["5m", "15m"])
    async with Harness(truth, NOW) as harness:
        await harness.until(NOW + 2 * MINUTE)
        harness.simulator.mute = True
        harness.simulator.faults.add("rest_silent", NOW + 2 * MINUTE, NOW + 22 * MINUTE)
        await harness.until(NOW + 20 * MINUTE)
        late = [h for h in harness.holes["AAAUSDT", "5m"] if h.reason == "missing"]
        assert late, "nothing says that bars are missing"
        assert harness.feed.counts["ws_silent"] >= 1
        assert harness.feed.counts["timeout"] >= 1
        harness.simulator.mute = False
        await harness.until(NOW + 60 * MINUTE)
        assert not harness.wrong(NOW - 500 * FIVE, NOW + 59 * MINUTE)
        assert harness.feed.groups[0].state == "live"
        frames = harness.feed.counts["by_socket"]
        await harness.until(NOW + 75 * MINUTE)
        assert harness.feed.counts["by_socket"] > frames


@pytest.mark.parametrize(("skew_ms", "blocks"), [(-3_600_000, True), (15_000, True), (3_000, False), (0, False)])
async def test_a_clock_that_is_far_off_blocks_scoring_and_the_bars_stay_true(skew_ms, blocks):
    truth = made_up(2, 1000, ["5m"])
    async with Harness(truth, NOW) as harness:
        harness.simulator.skew_ms = skew_ms
        await harness.until(NOW + 3 * MINUTE)
        assert bool(harness.feed.health.clock_problem) == blocks
        assert abs(harness.feed.health.offset_ms - skew_ms) < 100
        assert bool(harness.feed.counts["clock_off"]) == (abs(skew_ms) > 2_000)
        assert not harness.wrong(NOW + skew_ms - 500 * FIVE, NOW + skew_ms)


async def test_a_request_that_waits_for_its_turn_is_no_fault_of_the_clock():
    truth = made_up(1, 1000, ["5m"])
    async with Harness(truth, NOW) as harness:
        await harness.until(NOW + 8 * MINUTE)
        harness.venue.budget.ban(240.0)  # the clock is measured after 10 minutes
        await harness.until(NOW + 14 * MINUTE)
        assert abs(harness.feed.health.offset_ms) < 100


async def test_a_symbol_that_is_delisted_while_watched_is_told_and_the_others_go_on():
    truth = made_up(3, 1100, ["5m"])
    async with Harness(truth, NOW) as harness:
        await harness.until(NOW + 6 * MINUTE)
        harness.simulator.halted.add("AABUSDT")
        await harness.until(NOW + 30 * MINUTE)
        assert [c for c in harness.chosen if "AABUSDT" in c.delisted]
        assert "AABUSDT" not in harness.feed.symbols
        assert START + 904 * FIVE in harness.bars["AAAUSDT", "5m"]


@pytest.mark.parametrize(("fault", "said"), [("451", "refuses this network or region"), ("reset", "Disconnected")])
async def test_an_exchange_that_is_not_reached_says_why_and_when_it_is_asked_again(fault, said):
    truth = made_up(2, 1000, ["5m"])
    async with Harness(truth, NOW) as harness:
        harness.simulator.faults.add(fault, 0, NOW + 5 * MINUTE)
        await harness.until(NOW + 4 * MINUTE)
        assert said in harness.feed.health.problem
        assert harness.feed.health.retry_at > NOW
        await harness.until(NOW + 12 * MINUTE)
        assert harness.feed.health.problem == ""
        assert len(harness.bars["AAAUSDT", "5m"]) >= 768


async def test_a_socket_that_redirects_is_not_followed_and_the_bars_come_by_rest():
    truth = made_up(1, 1000, ["5m"])
    async with Harness(truth, NOW) as harness:
        harness.simulator.faults.add("handshake_302", NOW, NOW + 30 * MINUTE)
        await harness.until(NOW + 12 * MINUTE)
        assert harness.feed.counts["redirect"]
        assert harness.simulator.followed == 0
        assert "not followed" in harness.feed.groups[0].problem
        assert not harness.wrong(NOW - 500 * FIVE, NOW + 11 * MINUTE)


async def test_a_restart_asks_only_for_what_is_not_stored():
    from market.feeds.exchange.feed import Stored

    truth = made_up(1, 1000, ["5m"])
    async with Harness(truth, NOW) as harness:
        harness.known = {("AAAUSDT", "5m"): Stored(START + 100 * FIVE, START + 896 * FIVE, [], START)}
        await harness.until(NOW + MINUTE)
        assert sorted(harness.bars["AAAUSDT", "5m"]) == [START + n * FIVE for n in (897, 898, 899)]


async def test_an_exchange_whose_closing_frames_never_come_gives_the_same_bars():
    truth = made_up(3, 1100, ["5m", "15m"])
    async with Harness(truth, NOW) as harness:
        harness.simulator.flagged = False
        await harness.until(NOW + 62 * MINUTE)
        assert not harness.wrong(NOW - 500 * FIVE, NOW + 60 * MINUTE)
