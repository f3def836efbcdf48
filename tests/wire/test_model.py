"""Random interleavings of what clients and scans do, against a model of what each client must have got.

The database is a list in memory whose reads take a random while; the layer loses and repeats messages.
"""

import asyncio
import json
import os
import random
import uuid

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from access.credentials import Credential
from signals import consumer, history, hub
from signals.consumer import RealtimeConsumer
from signals.history import Heads
from signals.publish import HEADS_GROUP, group_of
from signals.wire.layers import send_all

RUNS, STEPS = int(os.environ.get("FUZZ_RUNS", "12")), 50
SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")


class World:
    """The stored signals, and the layer they are told through."""

    def __init__(self, chance):
        self.chance = chance
        self.epoch = str(uuid.UUID(int=chance.getrandbits(128)))
        self.heads = dict.fromkeys(SYMBOLS, 0)

    async def read_heads(self, symbols):
        await asyncio.sleep(self.chance.choice((0, 0, 0.002)))
        found = dict(self.heads)
        await asyncio.sleep(self.chance.choice((0, 0, 0.002)))
        return Heads(self.epoch, {s: n for s, n in found.items() if symbols is None or s in symbols})

    async def read_page(self, symbol, after):
        await asyncio.sleep(self.chance.choice((0, 0.002)))
        last = min(self.heads[symbol], after + self.chance.choice((1, 3, 200)))
        page = [frame(symbol, seq) for seq in range(after + 1, last + 1)]
        await asyncio.sleep(self.chance.choice((0, 0.002)))
        return page

    async def scan(self):
        """Store some signals, then tell them: each message may be lost or come twice, the heads may be lost as well."""
        messages, heads = [], {}
        for symbol in self.chance.sample(SYMBOLS, self.chance.randint(1, 3)):
            for _ in range(self.chance.choice((1, 1, 2, 5))):
                self.heads[symbol] += 1
                heads[symbol] = self.heads[symbol]
                message = {"type": "signal.message", "signal": frame(symbol, self.heads[symbol])}
                messages += [(group_of(symbol), message)] * self.chance.choice((1, 1, 1, 1, 0, 2))
        if self.chance.random() < 0.9:
            messages.append((HEADS_GROUP, {"type": "signal.heads", "heads": heads}))
        await send_all(get_channel_layer(), messages)

    async def tell_heads(self):
        await send_all(get_channel_layer(), [(HEADS_GROUP, {"type": "signal.heads", "heads": dict(self.heads)})])


def frame(symbol, seq):
    return {"type": "signal", "symbol": symbol, "seq": seq}


class Client:
    """A socket that checks, message by message, what the contract promises."""

    def __init__(self, world):
        self.world = world
        self.last = {}  # by symbol subscribed and confirmed: the last seq this client has
        self.asked = []  # subscribes and unsubscribes under way, in order

    async def connect(self):
        self.socket = WebsocketCommunicator(RealtimeConsumer.as_asgi(), "/ws/realtime")
        assert (await self.socket.connect(timeout=30))[0]

    async def ask(self, action, symbols, since=None):
        self.asked.append((action, symbols, since or {}))
        more = {} if since is None else {"since": since}
        await self.socket.send_to(text_data=json.dumps({"action": action, "symbols": symbols, **more}))

    def read(self):
        while not self.socket.output_queue.empty():
            output = self.socket.output_queue.get_nowait()
            assert output["type"] == "websocket.send", output
            self.take(json.loads(output["text"]))

    def take(self, message):
        if message["type"] == "signal":
            symbol, seq = message["symbol"], message["seq"]
            assert symbol in self.last, f"{symbol} is not subscribed"
            assert seq == self.last[symbol] + 1, (message, self.last)
            self.last[symbol] = seq
        elif message["type"].endswith("_confirmed"):
            action, symbols, since = self.asked.pop(0)
            assert (f"{action[:-2]}ption_confirmed", symbols) == (message["type"], message["symbols"])
            for symbol in symbols:
                if action == "subscribe":
                    self.last[symbol] = since.get(symbol, message["seq"][symbol])
                else:
                    self.last.pop(symbol, None)
        else:
            assert message["type"] == "status", message

    async def settle(self, done):
        """Read until all that was asked is answered and ``done`` holds."""
        for _ in range(3000):
            self.read()
            if not self.asked and done():
                return
            await asyncio.sleep(0.01)
        raise AssertionError((self.asked, self.last, self.world.heads))

    async def answered(self):
        await self.settle(lambda: True)

    async def at_its_heads(self):
        await self.settle(lambda: all(self.last[symbol] == self.world.heads[symbol] for symbol in self.last))

    async def come_back(self):
        """Disconnect, connect again, and go on where it was."""
        await self.answered()
        await self.socket.disconnect(timeout=30)
        self.read()
        had, self.last = self.last, {}
        await self.connect()
        if had:
            await self.ask("subscribe", sorted(had), had)


async def step(world, client):
    """Do one random thing."""
    chance = world.chance
    what = chance.choice(("publish", "publish", "publish", "subscribe", "subscribe", "unsubscribe", "back", "wait"))
    some = chance.sample(SYMBOLS, chance.randint(1, 3))
    if what == "publish":
        await world.scan()
    elif what == "subscribe":
        known = {symbol: chance.randint(0, world.heads[symbol]) for symbol in some if chance.random() < 0.5}
        await client.ask("subscribe", some, known)
    elif what == "unsubscribe":
        await client.ask("unsubscribe", some)
    elif what == "back":
        await client.come_back()
    else:
        await asyncio.sleep(chance.choice((0, 0.001, 0.01)))
    client.read()


@pytest.fixture
def world(monkeypatch):
    """Return a function that makes a world of a seed and puts it in the place of the database."""

    async def status():
        return {"enabled": True, "running": True, "preset": "balanced"}

    def make(seed):
        world = World(random.Random(seed))
        monkeypatch.setattr(consumer, "read_heads", world.read_heads)
        monkeypatch.setattr(hub, "read_heads", world.read_heads)
        monkeypatch.setattr(history, "read_page", world.read_page)
        monkeypatch.setattr(consumer.RateLimit, "allows", lambda self: True)
        monkeypatch.setattr(consumer, "credential_of_scope", lambda scope: Credential.OPEN)
        monkeypatch.setattr(hub, "access_version", lambda: 0)
        monkeypatch.setattr(hub, "still_good", lambda credentials: credentials)
        monkeypatch.setattr(hub, "status_source", status)
        return world

    return make


@pytest.mark.parametrize("seed", range(RUNS))
async def test_whatever_is_interleaved_every_client_gets_each_signal_once_and_in_order(seed, world):
    world = world(seed)
    clients = [Client(world) for _ in range(3)]
    for client in clients:
        await client.connect()
    for _ in range(STEPS):
        await step(world, world.chance.choice(clients))
    for client in clients:
        await client.answered()
    await world.tell_heads()  # as the next scan would
    for client in clients:
        await client.at_its_heads()
        await client.socket.disconnect(timeout=30)
    assert not hub.get_hub().connections
    tasks = hub.get_hub()._tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_symbol_that_nobody_wants_is_left_after_a_while_and_can_be_had_again(world, monkeypatch):
    world = world(1)
    monkeypatch.setattr(hub, "LEAVE_AFTER_S", 0.0)
    monkeypatch.setattr(hub, "STATUS_POLL_S", 0.01)
    client = Client(world)
    await client.connect()
    await client.ask("subscribe", ["AAAUSDT"])
    await client.answered()
    assert hub.get_hub()._joined == {"AAAUSDT"}
    await client.ask("unsubscribe", ["AAAUSDT"])
    for _ in range(3000):
        if not hub.get_hub()._joined:
            break
        await asyncio.sleep(0.01)
    assert not hub.get_hub()._joined
    await client.ask("subscribe", ["AAAUSDT"])
    await client.answered()
    for _ in range(5):
        await world.scan()
    await world.tell_heads()
    await client.at_its_heads()
    await client.socket.disconnect(timeout=30)
    for task in hub.get_hub()._tasks:
        task.cancel()
