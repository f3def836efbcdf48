"""Simulated hours with every fault at once: what is stored is what happened, or the hole is recorded."""

import os
from collections import Counter

import pytest

from agent.exposition import _stored
from agent.models import ScanRun
from market.models import Candle, CandleRevision, Hole, Series
from tests.exchange.harness import Harness
from tests.exchange.storing import StoringHarness
from tests.exchange.truth import Truth, made_up
from tests.playing import FIVE, START

MINUTE, HOUR = 60_000, 3_600_000
TIMEFRAMES = ["5m", "15m", "1h"]
NOW = START + 900 * FIVE + 7_000

REST = {
    "dropped_page": 0.05, "dropped_rows": 0.1, "duplicates": 0.1, "reversed": 0.1, "future": 0.1, "nan": 0.05,
    "jump": 0.05, "reset": 0.02, "html": 0.02, "shape": 0.02, "big": 0.02, "slow": 0.02, "5xx": 0.02, "redirect": 0.02,
}  # fmt: skip
FRAMES = {
    "ws_dropped": 0.05, "ws_duplicate": 0.05, "ws_reversed": 0.05, "ws_future": 0.05, "ws_half_formed": 0.05,
    "ws_nan": 0.05, "ws_jump": 0.05, "ws_shape": 0.05, "ws_not_json": 0.05, "late_correction": 0.05,
}  # fmt: skip
# One after the other through the first two hours: (kind, minute from which, for how many).
ONCE = [
    ("429", 9, 1), ("418", 14, 1), ("ws_reset", 20, 1), ("server_shutdown", 26, 1), ("ws_cut", 32, 1),
    ("handshake_504", 32, 2), ("ws_1008", 40, 1), ("some_streams_mute", 40, 3), ("too_many_subscriptions", 50, 3),
    ("ws_reset", 50, 1), ("403", 58, 3), ("451", 64, 3), ("rest_silent", 69, 2), ("invalid_symbol", 76, 3),
]  # fmt: skip
COUNTED_AS = {
    "future": "future", "nan": "not_a_number", "jump": "jump", "html": "not_json", "shape": "bad_answer",
    "big": "too_big", "slow": "timeout", "5xx": "http_5xx", "redirect": "redirect", "reset": "unreachable",
    "duplicates": "duplicate", "reversed": "out_of_order", "429": "http_429", "418": "http_418",
    "late_correction": "corrected", "ws_half_formed": "half_formed", "ws_not_json": "bad_frame",
    "403": "region_refused", "451": "region_refused", "ws_reversed": "out_of_order", "ws_duplicate": "duplicate",
    "server_shutdown": "server_shutdown", "ws_cut": "unreachable", "too_many_subscriptions": "ws_error",
    "invalid_symbol": "unknown_symbol",
}  # fmt: skip


PERPETUALS = {
    f"perpetual_{kind}": 0.1
    for kind in ("5xx", "html", "reset", "shape", "nan", "nonsense", "future", "duplicates", "reversed", "dropped_page")
}
PERPETUALS_COUNTED_AS = {
    "perpetual_5xx": "derivatives_http_5xx", "perpetual_html": "derivatives_not_json",
    "perpetual_shape": "derivatives_bad_answer",
    "perpetual_nan": "derivatives_not_a_number", "perpetual_nonsense": "derivatives_nonsense",
    "perpetual_future": "derivatives_future", "perpetual_duplicates": "derivatives_duplicate",
}  # fmt: skip
# What no counter of its own can show: the bar comes by the other way, or the wait for it is all there is.
UNSEEN = {
    "dropped_page", "dropped_rows", "ws_dropped", "ws_reset", "handshake_504", "ws_1008", "some_streams_mute",
    "rest_silent", "ws_nan", "ws_jump", "ws_shape", "ws_future", "perpetual_reversed", "perpetual_dropped_page",
    "perpetual_reset",  # asked again by aiohttp itself, once
}  # fmt: skip


async def live_through(harness: Harness, hours: int, often: float = 1.0) -> None:
    """Run ``hours`` with every fault, ``often`` times as often as listed, and one hour without any."""
    async with harness:
        faults, now, end = harness.simulator.faults, harness.began, harness.began + hours * HOUR
        for kind, share in (REST | FRAMES | PERPETUALS).items():
            faults.add(kind, now + MINUTE, end, share * (1.0 if kind in PERPETUALS else often))
        for kind, minute, minutes in ONCE:
            faults.add(kind, now + minute * MINUTE, now + (minute + minutes) * MINUTE)
        await harness.until(end)
        faults.schedule.clear()
        await harness.until(end + HOUR)


def check(harness: Harness, hours: int) -> None:
    now = harness.began
    end = now + (hours + 1) * HOUR - 10_000
    assert not harness.wrong(now - 500 * FIVE, end)
    assert harness.simulator.asked_while_refused == 0
    assert harness.simulator.heaviest_minute <= harness.simulator.limit
    for track in harness.feed.tracks.values():
        assert not track.gaps, track.symbol
    happened, counts = harness.simulator.faults.happened, harness.feed.counts
    counted_as = COUNTED_AS | PERPETUALS_COUNTED_AS
    missed = {kind: reason for kind, reason in counted_as.items() if happened[kind] and not counts[reason]}
    assert not missed, f"faults that no counter shows: {missed}"
    scheduled = {*REST, *FRAMES, *(kind for kind, _, _ in ONCE)}
    assert not scheduled - set(happened), "a fault never happened"
    assert not {*scheduled, *PERPETUALS} - set(counted_as) - UNSEEN


def check_stored(harness: StoringHarness, hours: int) -> Counter:
    """Check candles, corrections and signals of the tables; return how the signals are derived again."""
    check(harness, hours)
    verdicts, unfounded = harness.unfounded()
    assert not unfounded
    shown = {event: count for name, labels, count in market_figures() if (event := labels.get("event"))}
    missing = {reason for reason in harness.feed.counts if not shown.get(reason)}
    assert not missing, f"counted, and not in the metrics: {missing}"
    return verdicts


def market_figures():
    return [row for row in _stored() if row[0] == "agent_exchange_events"]


def market(symbols: int, hours: int) -> Truth:
    """Return a market with a halt of an hour and more in the run."""
    return made_up(symbols, 1000 + 12 * (hours + 2), TIMEFRAMES, halts=[(911, 923)])


async def test_three_hours_with_every_fault_are_in_the_tables_as_they_were_and_every_fault_is_counted(
    transactional_db, exchange
):
    harness = StoringHarness(market(3, 3), NOW, derivatives=True)
    await live_through(harness, 3, often=2.0)
    assert check_stored(harness, 3)["identical"] > 0
    # The exchange's own halt of an hour, and no other hole, is recorded on every series that has bars in it.
    halt = (START + 911 * FIVE, START + 923 * FIVE, "outage")
    holes = Hole.objects.filter(series__timeframe="5m").values_list("start", "end", "reason")
    assert sorted(holes) == [halt] * 3


@pytest.mark.skipif("EXCHANGE_HOURS" not in os.environ, reason="EXCHANGE_HOURS is not set: `make exchange` sets it")
async def test_many_symbols_for_thirty_hours_with_every_fault_are_in_the_tables_as_they_were(
    transactional_db, exchange, record_property
):
    hours, symbols = int(os.environ["EXCHANGE_HOURS"]), int(os.environ.get("EXCHANGE_SYMBOLS_TESTED", "50"))
    harness = StoringHarness(market(symbols, hours), NOW, derivatives=True)
    await live_through(harness, hours)
    record_property("symbols", symbols)
    record_property("simulated hours", hours + 1)
    record_property("stored candles", Candle.objects.count())
    record_property("candles that the exchange corrected", CandleRevision.objects.count())
    record_property("scans", ScanRun.objects.count())
    record_property("requests", harness.simulator.requests)
    record_property("heaviest minute of 6,000", harness.simulator.heaviest_minute)
    record_property("frames", harness.simulator.sent)
    record_property("injected", dict(sorted(harness.simulator.faults.happened.items())))
    record_property("counted", dict(sorted(harness.feed.counts.items())))
    verdicts = check_stored(harness, hours)
    assert not harness.lies()
    record_property("signals, each derived again to the bit", verdicts["identical"])
    assert Series.objects.count() == symbols * len(TIMEFRAMES)
