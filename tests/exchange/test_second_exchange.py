"""OKX as it speaks: another protocol, another order of rows, another flag; the same bars."""

import json
from pathlib import Path

import pytest

from engine.side import HISTORY_MS, HOUR_MS
from market.feeds.exchange.budget import Budget
from market.feeds.exchange.kinds import OkxRows
from market.feeds.exchange.venue import bars_of
from tests.exchange.harness import Harness
from tests.exchange.okx import Okx
from tests.exchange.truth import made_up
from tests.playing import FIVE, START

NOW = START + 900 * FIVE + 7_000
MINUTE = 60_000


class OkxHarness(Harness):
    exchange, simulated = "okx", Okx

    def prepare(self) -> None:
        # ccxt's own limiter waits by the machine's clock, which the test's does not wait for.
        self.venue.budget = Budget(self.clock, 100_000)
        if self.feed.beside:
            self.feed.beside._perpetuals.budget = Budget(self.clock, 100_000)


async def test_history_by_pages_and_live_bars_of_another_protocol_are_the_true_ones():
    truth = made_up(2, 1000, ["5m", "1h"], halts=[(880, 884)])
    for bars in truth.bars.values():
        bars.values[5] = float("nan")  # this exchange tells no taker volume
    async with OkxHarness(truth, NOW) as live:
        await live.until(NOW + 64 * MINUTE)
        assert not [one for one in live.wrong(NOW - 760 * FIVE, NOW + 63 * MINUTE) if one[3][:5] != one[4][:5]]
        assert live.feed.counts["by_socket"] >= 2 * 12
        confirmed = {(h.start, h.end, h.reason) for h in live.holes["AAAUSDT", "5m"] if h.reason != "missing"}
        assert confirmed == {(START + 880 * FIVE, START + 884 * FIVE, "outage")}
        assert live.feed.first_opens["AABUSDT", "5m"] == START


async def test_an_unconfirmed_candle_and_an_hour_that_is_not_over_are_not_taken():
    truth = made_up(1, 1000, ["1h"])
    async with OkxHarness(truth, NOW, derivatives=True) as live:
        await live.until(NOW + 4 * MINUTE)
        assert max(live.bars["AAAUSDT", "1h"]) == NOW // HOUR_MS * HOUR_MS - HOUR_MS
        for kind in ("funding_rate", "open_interest", "long_short_ratio"):
            told = live.measured["AAAUSDT", kind]
            true = {time: live.simulator.perpetuals.value(kind, "AAAUSDT", time) for time in told}
            assert told == pytest.approx(true, abs=1e-6)
            assert min(told) < NOW - HISTORY_MS + 9 * HOUR_MS
            assert NOW - 10 * HOUR_MS < max(told) <= NOW - HOUR_MS


def test_candles_recorded_of_the_exchange_are_read_as_they_were_told(shared_data):
    from ccxt.pro import okx

    exchange = type("okx", (OkxRows, okx), {})()
    answer = json.loads((shared_data / "nautilus-trader/okx/http_get_candlesticks.json").read_text())
    first, second = bars_of([exchange.parse_ohlcv(row, {"type": "spot"}) for row in answer["data"]])
    assert (first.open_time, first.values[:5]) == (1625097600000, (33528.6, 33870.0, 33528.6, 33783.9, 778.838))
    assert (first.closed, second.closed) == (False, False)


@pytest.fixture
def shared_data(candles_dir) -> Path:
    return candles_dir / "raw"
