"""``fetch_candles``: history page by page, through faults, on from where it was broken off; and of real candles."""

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from market.feeds.exchange.backfill import Backfill
from market.feeds.exchange.faults import ExchangeFault
from market.feeds.exchange.feed import Stored
from market.feeds.exchange.venue import Venue
from tests.exchange.harness import Harness
from tests.exchange.simulator import Simulator
from tests.exchange.stepped import SteppedClock
from tests.exchange.truth import made_up, real
from tests.playing import FIVE, START

NOW = START + 3000 * FIVE + 7_000


async def finished(work, venue: Venue):
    """Await ``work`` and let the time pass that it waits for, but for that of an answer."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0.001)
        if venue.traffic.under_way == 0 and (wake := venue.clock.next_wake()) is not None:
            venue.clock.move(wake)
    return task.result()


@pytest.fixture
async def exchange():
    clock = SteppedClock(NOW)
    simulator = Simulator(made_up(1, 3100, ["5m"], halts=[(1500, 1506)]), clock)
    venue = Venue("binance", clock, await simulator.start())
    await venue.load()
    yield simulator, venue
    await venue.close()
    await simulator.stop()


async def pages(work: Backfill, most: int) -> tuple[list, list]:
    bars, holes = [], []
    async for page in work.pages():
        bars, holes, most = bars + page.bars, holes + page.holes, most - 1
        if most == 0:
            break
    return bars, holes


async def test_history_that_was_broken_off_goes_on_behind_what_is_stored_and_ends_as_the_truth(exchange):
    simulator, venue = exchange
    since = START + 100 * FIVE
    first = Backfill(venue, "AAAUSDT", "5m", since, None)
    assert await finished(first.size(), venue) == 2900
    simulator.faults.add("5xx", 0, 2 * NOW, 0.3)
    bars, _ = await finished(pages(first, 1), venue)
    assert len(bars) == 1000
    stored = Stored(bars[0].open_time, bars[-1].open_time, [], START)
    again = Backfill(venue, "AAAUSDT", "5m", since, stored)
    assert await again.size() == 1900
    more, holes = await finished(pages(again, 99), venue)
    true = simulator.truth.between("AAAUSDT", "5m", since, NOW - FIVE)
    told = {bar.open_time: bar.values for bar in [*bars, *more]}
    assert sorted(told) == true.open_times.tolist()
    assert np.array_equal(np.array([told[t] for t in sorted(told)]).T, np.round(true.values, 8))
    assert (holes[0].start, holes[-1].end) == (START + 1500 * FIVE, START + 1506 * FIVE)
    assert "http_5xx" in again.summary() + first.summary()


async def test_an_exchange_that_gives_no_usable_answer_for_long_ends_the_command_with_its_reason(exchange):
    simulator, venue = exchange
    work = Backfill(venue, "AAAUSDT", "5m", START, Stored(START, START + 9 * FIVE, [], START))
    await work.size()
    simulator.faults.add("html", 0, 2 * NOW)
    with pytest.raises(ExchangeFault, match="no JSON"):
        await finished(pages(work, 99), venue)
    assert work.counts["not_json"] == 8


async def test_real_candles_of_a_listing_day_of_thin_trade_and_of_tiny_prices_come_out_as_they_went_in(candles_dir):
    listing = int(datetime(2024, 3, 5, 14, tzinfo=UTC).timestamp() * 1000)
    start = listing - 60 * FIVE
    truth = real(candles_dir, ["BIFIUSDT", "PEPEUSDT", "WIFUSDT"], start, 120, ["5m", "15m"])
    async with Harness(truth, listing + 12 * FIVE + 7_000) as live:
        await live.until(live.began + 2 * 3_600_000)
        assert not live.wrong(start, live.began + 2 * 3_600_000 - FIVE)
        assert live.feed.first_opens["WIFUSDT", "5m"] == listing
