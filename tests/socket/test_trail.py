"""One signal's way through the log: from the bars that came in to the sockets it went to, by the id of its tick."""

import asyncio
import io
import json
import logging
import logging.config

import pytest

from agent.models import ScanRun
from agent.runner import MarketRunner
from market.feeds import current_market
from signals.publish import publish
from signals.threads import in_thread
from telemetry.logs import json_formatter, on_tick
from tests.socket.test_socket import Client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines():
    """Return a function that gives what was logged, as LOG_FORMAT=json writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.config.DictConfigurator({"version": 1}).configure_formatter(json_formatter()))
    trail = logging.getLogger("trail")
    level = trail.level
    logging.getLogger().addHandler(handler)
    trail.setLevel("INFO")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    trail.setLevel(level)
    logging.getLogger().removeHandler(handler)


async def test_the_lines_of_one_signal_are_found_by_the_id_of_its_tick_from_the_feed_to_the_socket(replay, lines):
    runner = await in_thread(lambda: MarketRunner(current_market()))()
    async with Client() as client:
        await client.subscribe(["*"])
        step = await in_thread(runner.step)()
        while not step.signals:
            step = await in_thread(runner.step)()
        await publish(runner.market, step.signals, step.ticks)
        [*told] = await client.signals(len(step.signals))
        await asyncio.sleep(0.05)
    tick = await in_thread(lambda: ScanRun.objects.get(pk=step.signals[0].run_id).tick)()
    way = [line for line in lines() if line.get("tick") == tick and line.get("signal", told[0]["id"]) == told[0]["id"]]
    symbol, seq = told[0]["symbol"], told[0]["seq"]
    assert [line["event"] for line in way] == [
        "bars of replay are in",
        "shard 0 is taken",
        f"3 symbols scored, {len(told)} signals stored",
        f"publishing {symbol} {seq}",
        f"sent {symbol} {seq}",
    ]
    assert way[-1]["sockets"] == 1
    assert [line["ts"] for line in way] == sorted(line["ts"] for line in way)
    assert {line["level"] for line in way} == {"info"}


async def test_a_signal_that_a_crash_left_unsent_is_told_under_its_own_tick(replay, lines, monkeypatch):
    runner = await in_thread(lambda: MarketRunner(current_market()))()
    step = await in_thread(runner.step)()
    while not step.signals:
        step = await in_thread(runner.step)()  # the process ends here, so to say
    later = await in_thread(lambda: MarketRunner(current_market()))()
    swept = await in_thread(later.step)()
    assert {s.pk for s in swept.signals} == {s.pk for s in step.signals}
    assert swept.ticks == step.ticks


def test_any_line_inside_a_tick_carries_its_id_and_an_error_its_traceback(lines):
    logger = logging.getLogger("agent.something")
    with on_tick("1-tick-300000"):
        logger.warning("odd: %d", 7)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    odd, failed = lines()
    assert (odd["tick"], odd["event"], odd["logger"], odd["level"]) == (
        "1-tick-300000", "odd: 7", "agent.something", "warning",
    )  # fmt: skip
    assert "ValueError: broken" in failed["exception"]
    assert "tick" not in failed
