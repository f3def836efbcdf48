"""``/ws/realtime``: who gets what, in which order, and what is refused."""

import asyncio
import json
import uuid

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from agent import services
from market.feeds import current_market
from market.models import Market
from realtime_agent.asgi import application
from signals import connection as connection_module
from signals import publish as publishing
from signals.models import Signal
from signals.publish import group_of, mark_published, publish
from signals.threads import in_thread
from tests.conftest import open_runner

pytestmark = pytest.mark.django_db(transaction=True)

HEADERS = [(b"host", b"127.0.0.1:8000")]


class Client:
    """A client that keeps what it got."""

    async def __aenter__(self):
        self.socket = WebsocketCommunicator(application, "/ws/realtime", headers=HEADERS)
        self.socket.scope["client"] = ["127.0.0.1", 50000]
        connected, _ = await self.socket.connect(timeout=10)
        assert connected
        self.greeting = await self.next("status")
        return self

    async def __aexit__(self, *args):
        await self.socket.disconnect()

    async def say(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        await self.socket.send_to(text_data=text)

    async def next(self, kind, within=10):
        while True:
            message = await self.socket.receive_json_from(timeout=within)
            if message["type"] == kind:
                return message
            assert message["type"] == "status", message

    async def subscribe(self, symbols, **more):
        await self.say({"action": "subscribe", "symbols": symbols, **more})
        return await self.next("subscription_confirmed")

    async def signals(self, count):
        return [await self.next("signal") for _ in range(count)]

    async def silent(self, seconds=0.3):
        """Whether nothing but status messages comes."""
        await asyncio.sleep(seconds)
        while not self.socket.output_queue.empty():
            message = json.loads(self.socket.output_queue.get_nowait()["text"])
            assert message["type"] == "status", message
        return True


@pytest.fixture
async def market(replay):
    """A played market: ``play(n)`` runs n ticks and publishes what they stored."""
    runner = await in_thread(open_runner)()

    async def play(ticks):
        stored = []
        for _ in range(ticks):
            step = await in_thread(runner.step)()
            if step.signals:
                await publish(runner.market, step.signals)
                await in_thread(mark_published)(step.signals)
            stored += step.signals
        return [(s.instrument.symbol, s.seq) for s in stored]

    return play


async def count(symbol):
    return await in_thread(lambda: Signal.objects.filter(instrument__symbol=symbol).count())()


def numbered(messages):
    return [(m["symbol"], m["seq"]) for m in messages]


async def test_a_status_comes_on_connect_with_epoch_source_and_no_heads_yet(market):
    async with Client() as client:
        status = client.greeting
        assert status["agent"]["enabled"] is True
        assert status["agent"]["market"]["source"] == "replay"
        assert status["ws"]["connections"] == 1
        assert status["seq"] == {}
        assert uuid.UUID(status["epoch"])


async def test_a_client_gets_the_signals_of_its_symbols_and_no_others(market):
    async with Client() as two, Client() as everything:
        confirmed = await two.subscribe(["aaa/usdt", "BBBUSDT"])
        assert confirmed["symbols"] == ["AAAUSDT", "BBBUSDT"]
        assert confirmed["seq"] == {"AAAUSDT": 0, "BBBUSDT": 0}
        await everything.subscribe(["*"])
        stored = await market(12)
        mine = [pair for pair in stored if pair[0] != "CCCUSDT"]
        assert numbered(await everything.signals(len(stored))) == stored
        got = await two.signals(len(mine))
        assert numbered(got) == mine
        assert await two.silent()
        assert {signal["source"] for signal in got} == {"replay"}


async def test_a_signal_on_the_socket_equals_the_stored_one(market, api):
    async with Client() as client:
        await client.subscribe(["*"])
        stored = await market(3)
        for message in await client.signals(len(stored)):
            rest = await in_thread(lambda m=message: api.get(f"/api/signals/{m['id']}").json())()
            assert {name: rest[name] for name in message if name != "type"} == {
                name: value for name, value in message.items() if name != "type"
            }


async def test_a_client_that_comes_back_gets_what_it_missed_in_order_and_then_live(market):
    async with Client() as client:
        await client.subscribe(["BBBUSDT"])
        await market(2)
        assert numbered(await client.signals(1)) == [("BBBUSDT", 1)]
        epoch = client.greeting["epoch"]
    await market(20)
    missed = await count("BBBUSDT")
    assert missed > 2
    async with Client() as client:
        await client.subscribe(["BBBUSDT"], since={"BBBUSDT": 1}, epoch=epoch)
        await market(40)
        total = await count("BBBUSDT")
        assert total > missed
        assert numbered(await client.signals(total - 1)) == [("BBBUSDT", n) for n in range(2, total + 1)]
        assert await client.silent()


async def test_history_longer_than_the_outbox_comes_whole(played, monkeypatch):
    monkeypatch.setattr(connection_module, "MAX_WAITING_MESSAGES", 3)
    monkeypatch.setattr(connection_module, "HISTORY_ROOM", 1)
    await in_thread(played)(60)
    head = await count("BBBUSDT")
    assert head > 3
    async with Client() as client:
        await client.subscribe(["BBBUSDT"], since={"BBBUSDT": 0})
        assert [m["seq"] for m in await client.signals(head)] == list(range(1, head + 1))


@pytest.mark.parametrize("loss", ["every message", "every second message"])
async def test_signals_that_the_layer_lost_are_filled_from_the_database(market, loss, monkeypatch):
    layer, dropped = get_channel_layer(), []

    class LossyLayer:
        async def group_send(self, group, message):
            if message["type"] == "signal.message":
                dropped.append(message)
                if loss != "every second message" or len(dropped) % 2:
                    return
            await layer.group_send(group, message)

    async with Client() as client:
        await client.subscribe(["*"])
        monkeypatch.setattr(publishing, "get_channel_layer", LossyLayer)
        stored = await market(20)
        got = numbered(await client.signals(len(stored)))
        assert sorted(got) == sorted(stored)
        for symbol in ("AAAUSDT", "BBBUSDT", "CCCUSDT"):
            seqs = [seq for name, seq in got if name == symbol]
            assert seqs == sorted(seqs)
        assert dropped


async def test_a_message_that_the_layer_repeats_is_sent_once(market):
    async with Client() as client:
        await client.subscribe(["*"])
        stored = await market(1)
        first = await in_thread(
            lambda: list(Signal.objects.select_related("instrument", "preset_version__preset").order_by("as_of")[:3])
        )()
        await publish(await in_thread(current_market)(), first)
        await publish(await in_thread(current_market)(), first)
        assert numbered(await client.signals(len(stored))) == stored
        assert await client.silent()


async def test_what_is_published_while_a_client_subscribes_is_neither_lost_nor_repeated(market):
    await market(1)
    async with Client() as client:
        playing = asyncio.ensure_future(market(20))
        for _ in range(10):
            await client.say({"action": "subscribe", "symbols": ["BBBUSDT"], "since": {"BBBUSDT": 0}})
            await asyncio.sleep(0.02)
        await playing
        total = await count("BBBUSDT")
        seqs, confirmations = [], 0
        while confirmations < 10 or not seqs or seqs[-1] < total:
            message = await client.socket.receive_json_from(timeout=10)
            if message["type"] == "subscription_confirmed":
                confirmations += 1
                seqs = []  # subscribing again starts the symbol anew
            elif message["type"] == "signal":
                seqs.append(message["seq"])
                assert seqs == list(range(seqs[0], seqs[-1] + 1))
        assert seqs == list(range(seqs[0], total + 1))
        assert await client.silent()


async def test_positions_that_cannot_be_resumed_are_told_and_the_live_signals_follow(played):
    await in_thread(played)(60)
    head = await count("BBBUSDT")
    cases = [
        {"since": {"BBBUSDT": head + 1}},
        {"since": {"BBBUSDT": 0}, "epoch": str(uuid.uuid4())},
    ]
    for case in cases:
        async with Client() as client:
            await client.subscribe(["BBBUSDT"], **case)
            lost = await client.next("error")
            assert (lost["code"], lost["symbol"], lost["head_seq"]) == ("history_lost", "BBBUSDT", head)
            assert await client.silent()


async def test_history_that_is_no_longer_kept_is_told_with_its_bounds(played):
    await in_thread(played)(60)
    head = await count("BBBUSDT")
    await in_thread(lambda: Signal.objects.filter(instrument__symbol="BBBUSDT", seq__lte=2).delete())()
    async with Client() as client:
        await client.subscribe(["BBBUSDT"], since={"BBBUSDT": 1})
        lost = await client.next("error")
        assert (lost["code"], lost["oldest_seq"], lost["head_seq"]) == ("history_lost", 3, head)
        await client.subscribe(["BBBUSDT"], since={"BBBUSDT": 2})
        assert [m["seq"] for m in await client.signals(head - 2)] == list(range(3, head + 1))


async def test_unsubscribe_ends_a_symbol_and_star_is_a_subscription_of_its_own(market):
    async with Client() as client:
        await client.subscribe(["BBBUSDT"])
        await client.subscribe(["*"])
        stored = await market(1)
        assert numbered(await client.signals(len(stored))) == stored
        await client.say({"action": "unsubscribe", "symbols": ["*"]})
        assert (await client.next("unsubscription_confirmed"))["symbols"] == ["*"]
        later = [pair for pair in await market(20) if pair[0] == "BBBUSDT"]
        assert numbered(await client.signals(len(later))) == later
        await client.say({"action": "unsubscribe", "symbols": ["BBBUSDT"]})
        await client.next("unsubscription_confirmed")
        await market(10)
        assert await client.silent()


async def test_turning_the_agent_off_is_told_within_a_second_and_silences_the_feed(market):
    async with Client() as client:
        await client.subscribe(["*"])
        await in_thread(services.toggle)(False)
        status = await client.next("status", within=2)
        while status["agent"]["enabled"]:
            status = await client.next("status", within=2)
        assert await market(5) == []
        await in_thread(services.toggle)(True)
        while not status["agent"]["enabled"]:
            status = await client.next("status", within=2)
        assert await market(2)


BAD = {
    "{": "invalid_json",
    " ": "invalid_json",
    "[" * 10_000: "invalid_json",
    "[]": "invalid_message",
    "3": "invalid_message",
    "null": "invalid_message",
    '{"action": "dance"}': "unknown_action",
    '{"symbols": ["BBBUSDT"]}': "unknown_action",
    '{"action": ["subscribe"]}': "unknown_action",
    '{"action": "ping", "x": 1}': "invalid_message",
    '{"action": "subscribe"}': "invalid_message",
    '{"action": "subscribe", "symbols": []}': "invalid_message",
    '{"action": "subscribe", "symbols": "BBBUSDT"}': "invalid_message",
    '{"action": "subscribe", "symbols": [1]}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "since": 3}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "since": {"BBBUSDT": -1}}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "since": {"BBBUSDT": 1.5}}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "since": {"BBBUSDT": true}}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "since": {"AAAUSDT": 1}}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "since": {"BBBUSDT": 1e400}}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "epoch": "x"}': "invalid_message",
    '{"action": "subscribe", "symbols": ["BBBUSDT"], "epoch": 3}': "invalid_message",
    '{"action": "subscribe", "symbols": ["NOPE"]}': "unknown_symbol",
    '{"action": "subscribe", "symbols": ["BBBUSDT", "<b>"]}': "unknown_symbol",
    '{"action": "unsubscribe", "symbols": ["NOPE"]}': "unknown_symbol",
}


async def test_a_bad_message_gets_its_error_and_the_connection_stays_open(market):
    async with Client() as client:
        for text, code in BAD.items():
            await client.say(text)
            answer = await client.next("error")
            assert answer["code"] == code, text[:80]
            assert answer["message"]
            await asyncio.sleep(0.06)  # within the rate
        many = {"action": "subscribe", "symbols": [f"S{i}" for i in range(1001)]}
        await client.say(many)
        assert (await client.next("error"))["code"] == "too_many_symbols"
        await client.socket.send_to(bytes_data=b"\x00\x01")
        assert (await client.next("error"))["code"] == "invalid_message"
        await client.say({"action": "ping"})
        assert (await client.next("pong"))["ts"] > 0
        stored = await market(3)
        assert stored
        assert await client.silent()  # no bad subscribe subscribed anything


async def closed_with(client):
    while True:
        output = await client.socket.receive_output(timeout=10)
        if output["type"] == "websocket.close":
            return output["code"]


async def test_a_thousand_broken_messages_close_their_sender_and_hurt_nobody_else(market):
    async with Client() as good:
        await good.subscribe(["*"])
        async with Client() as bad:
            for _ in range(1000):
                await bad.say("{broken")
            assert await closed_with(bad) == 4508
        stored = await market(3)
        assert numbered(await good.signals(len(stored))) == stored


async def test_an_oversized_message_closes_with_4509(market):
    async with Client() as client:
        await client.say(json.dumps({"action": "ping", "x": "y" * 66_000}))
        assert await closed_with(client) == 4509


async def test_other_django_code_may_join_a_symbols_group(market):
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(group_of("BBBUSDT"), channel)
    stored = [pair for pair in await market(1) if pair[0] == "BBBUSDT"]
    message = await asyncio.wait_for(layer.receive(channel), 5)
    assert message["type"] == "signal.message"
    assert [(message["signal"]["symbol"], message["signal"]["seq"])] == stored


async def test_the_epoch_is_that_of_the_market(market):
    async with Client() as client:
        (epoch,) = await in_thread(lambda: list(Market.objects.values_list("epoch", flat=True)))()
        assert client.greeting["epoch"] == str(epoch)
