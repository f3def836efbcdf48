"""Simulated hours with every fault at once: what is stored is what happened, or the hole is recorded."""

import os

import pytest

from engine.timeframes import INTERVAL_MS
from tests.exchange.harness import Harness
from tests.exchange.truth import Truth, made_up
from tests.playing import FIVE, START

MINUTE, HOUR = 60_000, 3_600_000
TIMEFRAMES = ["5m", "15m", "1h"]

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


async def live_through(truth: Truth, now: int, hours: int) -> Harness:
    """Run ``hours`` with every fault and one hour without any; return what came of it."""
    async with Harness(truth, now) as harness:
        faults, end = harness.simulator.faults, now + hours * HOUR
        for kind, share in (REST | FRAMES).items():
            faults.add(kind, now + MINUTE, end, share)
        for kind, minute, minutes in ONCE:
            faults.add(kind, now + minute * MINUTE, now + (minute + minutes) * MINUTE)
        await harness.until(end)
        faults.schedule.clear()
        await harness.until(end + HOUR)
    return harness


def check(harness: Harness, now: int, hours: int) -> None:
    end = now + (hours + 1) * HOUR - 10_000
    assert not harness.wrong(now - 500 * FIVE, end)
    assert harness.simulator.asked_while_refused == 0
    assert harness.simulator.heaviest_minute <= harness.simulator.limit
    for track in harness.feed.tracks.values():
        assert not track.gaps, track.symbol
    missed = {
        k: c for k, c in COUNTED_AS.items() if harness.simulator.faults.happened[k] and not harness.feed.counts[c]
    }
    assert not missed, f"faults that no counter shows: {missed}"


async def test_three_hours_with_every_fault_end_with_the_true_bars_and_every_fault_counted():
    truth = made_up(4, 1200, TIMEFRAMES, halts=[(911, 923)])
    now = START + 900 * FIVE + 7_000
    harness = await live_through(truth, now, 3)
    check(harness, now, 3)
    never = set(COUNTED_AS) - set(harness.simulator.faults.happened)
    assert not never, "a fault never happened"
    # The exchange's own halt of an hour, and no other hole, is recorded on every series that has bars in it.
    halt = (START + 911 * FIVE, START + 923 * FIVE)
    for symbol in truth.symbols:
        confirmed = [h for h in harness.holes[symbol, "5m"] if h.reason != "missing"]
        assert min(h.start for h in confirmed) == halt[0] and max(h.end for h in confirmed) == halt[1]
        assert sum(h.end - h.start for h in confirmed) == halt[1] - halt[0]


@pytest.mark.skipif("EXCHANGE_HOURS" not in os.environ, reason="EXCHANGE_HOURS is not set: `make exchange` sets it")
async def test_fifty_symbols_for_thirty_hours_with_every_fault():
    hours = int(os.environ["EXCHANGE_HOURS"])
    truth = made_up(50, 1000 + 12 * (hours + 2), TIMEFRAMES, halts=[(1010, 1034)])
    now = START + 900 * FIVE + 7_000
    harness = await live_through(truth, now, hours)
    check(harness, now, hours)
    print(f"requests {len(harness.simulator.asked)}, frames {harness.simulator.sent}, counts {harness.feed.counts}")
    assert len(harness.bars) == 50 * len(TIMEFRAMES)
    assert all(INTERVAL_MS[t] for _, t in harness.bars)
