"""Full numbers against the simulated exchange, without faults: weight at 500 symbols, memory over a day."""

import gc
import os
import tracemalloc
from pathlib import Path

import pytest

from tests.exchange.harness import Harness
from tests.exchange.truth import made_up
from tests.playing import FIVE, START

pytestmark = pytest.mark.skipif("EXCHANGE_HOURS" not in os.environ, reason="`make exchange` runs the full numbers")
MINUTE, HOUR = 60_000, 3_600_000
TIMEFRAMES = ["5m", "15m", "1h"]


class Forgetful(Harness):
    """Keeps nothing of what is delivered: what grows is the feed's."""

    def _deliver(self, event) -> None:
        self.delivered = getattr(self, "delivered", 0) + 1


@pytest.mark.parametrize(("symbols", "minutes"), [(100, 20), (500, 65)])
async def test_many_symbols_on_three_timeframes_stay_within_the_published_weight(symbols, minutes, record_property):
    truth = made_up(symbols, 9_350, TIMEFRAMES)
    async with Harness(truth, START + 9_300 * FIVE + 7_000) as harness:
        began, loaded_after = harness.began, None
        for minute in range(1, minutes + 1):
            await harness.until(began + minute * MINUTE)
            history = harness.feed.report()["history"]
            if loaded_after is None and history["loaded"] == history["series"]:
                loaded_after = minute
        assert harness.simulator.heaviest_minute <= harness.simulator.limit
        assert all(len(harness.bars[key]) >= 768 for key in truth.bars)
        assert not harness.wrong(began - 700 * FIVE, began + (minutes - 1) * MINUTE)
        record_property("series", 3 * symbols)
        record_property("bars of history each, at least", 768)
        record_property("minutes until all history was loaded, at most", loaded_after)
        record_property("heaviest minute of 6,000", harness.simulator.heaviest_minute)
        record_property("requests", harness.simulator.requests)


async def test_memory_is_flat_over_a_day_and_the_daily_disconnect(record_property):
    symbols, hours = 10, 26
    truth = made_up(symbols, 1000 + 12 * (hours + 1), TIMEFRAMES)
    tracemalloc.start()  # before the feed: what it reads anew each day takes the place of what it read at first
    async with Forgetful(truth, START + 900 * FIVE + 7_000, derivatives=True) as harness:
        harness.simulator.faults.add("ws_cut", harness.began + 24 * HOUR, harness.began + 24 * HOUR + MINUTE)
        held = {}
        for hour in (2, 8, 16, 24, 26):
            await harness.until(harness.began + hour * HOUR)
            held[f"hour {hour}"] = _held()
        tracemalloc.stop()
        assert harness.simulator.faults.happened["ws_cut"]
        assert harness.feed.groups[0].state == "live"
        record_property("series", 3 * symbols)
        record_property("kB held by what is not the test's, after", {h: size // 1024 for h, size in held.items()})
        record_property("kB resident, with the simulator", _resident_kb())
        assert held["hour 26"] <= held["hour 2"] * 1.02
        assert harness.feed.counts["by_socket"] > symbols * 17 * 25


def _held() -> int:
    """Return bytes allocated since tracing began and still held, outside of the tests."""
    gc.collect()
    outside = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, "*/tests/exchange/*")])
    return sum(one.size for one in outside.statistics("filename"))


def _resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
