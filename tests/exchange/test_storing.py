"""From an empty table to scores, and through a silence: what people see of a live market meanwhile."""

import pytest
from django.core.management import call_command

from agent.health import MARKET
from agent.services import status_json
from market.models import Candle, Hole
from signals.models import Signal, Stream
from tests.exchange.storing import StoringHarness
from tests.exchange.truth import made_up
from tests.playing import FIVE, START

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exchange")]
MINUTE = 60_000


async def test_an_empty_database_shows_its_progress_and_scores_what_is_complete_before_the_rest(capsys):
    truth = made_up(5, 9_350, ["5m", "15m", "1h"])
    harness = StoringHarness(truth, START + 9_300 * FIVE + 7_000)
    harness.simulator.limit = 24  # of which a page of history weighs 2
    seen = []

    def look() -> None:
        history = harness.feed.report()["history"]
        scored = Stream.objects.filter(scored_as_of__gt=0).count()
        seen.append((history["loaded"], scored))
        if scored and history["loaded"] < history["series"] and len(told) == 0:
            call_command("market_status")
            told.append(capsys.readouterr().out)

    told = []
    harness.on_step = look
    async with harness:
        await harness.until(harness.began + 8 * MINUTE)
        assert told and "of 15 series are loaded" in told[0]
        assert seen[-1] == (15, 5)
        assert min(loaded for loaded, scored in seen if scored) <= 9
        assert not harness.wrong(harness.began - 700 * FIVE, harness.began)
        assert Candle.objects.count() >= 15 * 768


async def test_a_silent_socket_is_stale_in_time_on_every_surface_and_mends_itself():
    harness = StoringHarness(made_up(2, 1000, ["5m"]), START + 900 * FIVE + 7_000)
    async with harness:
        now = harness.began
        await harness.until(now + 2 * MINUTE)
        assert market_status() == ("live", "ok")
        signals = Signal.objects.count()
        harness.simulator.mute = True
        harness.simulator.faults.add("rest_silent", now + 2 * MINUTE, now + 30 * MINUTE)
        await harness.until(now + 4 * MINUTE)
        assert market_status() == ("live", "ok")  # no bar is due yet
        await harness.until(START + 902 * FIVE + 3_000)  # two intervals after the last bar's end, and the grace
        assert market_status() == ("stale", "degraded")
        await harness.until(now + 25 * MINUTE)
        assert Signal.objects.count() == signals
        assert Hole.objects.filter(reason="missing").exists()
        harness.simulator.mute = False
        await harness.until(now + 60 * MINUTE)
        assert market_status() == ("live", "ok")
        assert not harness.wrong(now - 500 * FIVE, now + 59 * MINUTE)
        assert not Hole.objects.exists()


def market_status() -> tuple[str, str]:
    status = status_json()["market"]["status"]
    return status, MARKET[status]
