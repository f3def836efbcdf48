"""Funding rate, open interest and long/short ratio, fetched beside the candles from a host of their own."""

import asyncio
from collections import Counter

import pytest

from engine.side import HISTORY_MS, HOUR_MS, KINDS
from market.feeds.exchange.faults import ExchangeFault
from market.feeds.exchange.venue import Venue
from tests.exchange.harness import Harness
from tests.exchange.perpetuals import LIMITS
from tests.exchange.simulator import Simulator
from tests.exchange.stepped import SteppedClock
from tests.exchange.truth import made_up
from tests.playing import FIVE, START

NOW = START + 3000 * FIVE + 7_000
MINUTE = 60_000
FETCHED = [kind for kind in KINDS if kind != "news"]
FAULTS = {
    "429": "http_429", "418": "http_418", "5xx": "http_5xx", "html": "not_json", "403": "region_refused",
    "redirect": "redirect", "invalid_symbol": "unknown_symbol", "big": "too_big", "shape": "bad_answer",
    "reset": "unreachable", "slow": "timeout", "nan": "not_a_number", "nonsense": "nonsense", "future": "future",
    "duplicates": "duplicate",
}  # fmt: skip


def harness(symbols: int = 2) -> Harness:
    return Harness(made_up(symbols, 3200, ["1h"]), NOW, derivatives=True)


def wrong(harness: Harness, until: int) -> list:
    """Return what of the last week up to ``until`` is not told as it was, or not at all."""
    found = []
    for symbol in harness.truth.symbols:
        for kind in FETCHED:
            step = HOUR_MS * (harness.simulator.perpetuals.funding_hours if kind == "funding_rate" else 1)
            have = harness.measured[symbol, kind]
            for time in range((until - HISTORY_MS) // step * step + step, until + 1, step):
                true = harness.simulator.perpetuals.value(kind, symbol, time)
                if time not in have or have[time] != pytest.approx(true, abs=1e-9):
                    found.append((symbol, kind, time, have.get(time), true))
    return found


@pytest.mark.parametrize("funding_hours", [8, 1])
async def test_a_week_is_fetched_at_the_start_and_each_hours_values_behind_it(funding_hours):
    async with harness() as live:
        live.simulator.perpetuals.funding_hours = funding_hours
        await live.until(NOW + 5 * MINUTE)
        assert not wrong(live, NOW)
        await live.until(NOW + 65 * MINUTE)
        assert not wrong(live, NOW + 60 * MINUTE)
        assert live.simulator.perpetuals.asked[0][0] > NOW + 60 * MINUTE  # a request an hour and series, no more


async def test_a_symbol_without_a_perpetual_is_said_and_one_of_a_thousand_coins_is_counted_in_coins():
    async with harness(3) as live:
        live.simulator.perpetuals.lacking = {"AABUSDT"}
        live.simulator.perpetuals.by_thousands = {"AACUSDT"}
        await live.until(NOW + 5 * MINUTE)
        report = live.feed.report()["derivatives"]
        assert report["without_perpetual"] == ["AABUSDT"]
        assert report["symbols"] == 2
        assert set(live.measured) == {(s, kind) for s in ("AAAUSDT", "AACUSDT") for kind in FETCHED}
        last = NOW // HOUR_MS * HOUR_MS
        true = live.simulator.perpetuals.value("open_interest", "AACUSDT", last)
        assert live.measured["AACUSDT", "open_interest"][last] == pytest.approx(true)


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items())
async def test_every_fault_of_the_perpetuals_host_is_counted_and_no_wrong_value_is_believed(fault, reason):
    clock = SteppedClock(NOW)
    simulator = Simulator(made_up(1, 24, ["1h"]), clock)
    url, _ = await simulator.start()
    perpetuals = Venue("binance", clock).perpetuals(url)
    try:
        await perpetuals.load()
        simulator.faults.add(f"perpetual_{fault}", 0, 2 * NOW)
        for kind in FETCHED[: 1 if fault in ("418", "429") else 3]:  # nothing is asked before a ban is over
            counts = Counter()
            asked = asyncio.ensure_future(perpetuals.values("AAAUSDT", kind, NOW - HISTORY_MS, NOW, counts))
            while not asked.done():
                await asyncio.sleep(0.001)
                if simulator.held:  # slow: whoever asked has to give up
                    clock.move(clock.now_ms() + 20_000)
            try:
                told, _ = asked.result()
            except ExchangeFault as failed:
                told, counts[failed.reason] = [], 1
            assert counts[reason], kind
            true = simulator.perpetuals.value
            assert all(value == pytest.approx(true(kind, "AAAUSDT", time), abs=1e-9) for time, value in told)
    finally:
        await perpetuals.close()
        await simulator.stop()


async def test_a_host_of_perpetuals_that_fails_is_told_and_asked_again_and_the_candles_do_not_notice():
    async with harness() as live:
        live.simulator.faults.add("perpetual_451", NOW, NOW + 20 * MINUTE)
        await live.until(NOW + 10 * MINUTE)
        assert "refuses this network or region" in live.feed.report()["derivatives"]["problem"]
        assert live.feed.health.problem == ""
        assert live.feed.counts["derivatives_region_refused"] < 12  # the pauses grow
        await live.until(NOW + 60 * MINUTE)
        assert live.feed.report()["derivatives"]["problem"] == ""
        assert not wrong(live, NOW + 45 * MINUTE)
        assert live.feed.counts["region_refused"] == 0
        assert not live.wrong(NOW - 700 * FIVE, NOW + 60 * MINUTE)


async def test_many_symbols_are_asked_for_within_the_limits_of_the_perpetuals_host():
    async with Harness(made_up(40, 13, ["1h"]), START + 12 * FIVE + 7_000, derivatives=True) as live:
        perpetuals = live.simulator.perpetuals
        await live.until(START + 12 * FIVE + MINUTE)
        assert 60 < len(perpetuals.asked) <= min(LIMITS.values()) / 5
        await live.until(START + 12 * FIVE + 3 * MINUTE)
        assert len(live.measured) == 120
