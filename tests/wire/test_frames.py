"""Frames on every write path, server, channel layer and compression, by an independent client and by hand."""

import asyncio
import datetime
import ipaddress
import json
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.exceptions import ConnectionClosed

from tests.wire.conftest import FULL
from tests.wire.raw import CLOSE, PING, PONG, TEXT, Raw

pytestmark = pytest.mark.process
CLIENTS, MESSAGES = (200, 5000) if FULL else (10, 400)
CROWD = 200 if FULL else 30
ALL = {"AAAUSDT", "BBBUSDT", "CCCUSDT"}


@asynccontextmanager
async def crowd(served, count):
    """Open ``count`` clients, a few at a time."""
    async with AsyncExitStack() as stack:
        clients = []
        for first in range(0, count, 20):
            some = [stack.enter_async_context(served.client()) for _ in range(min(20, count - first))]
            clients += await asyncio.gather(*some)
        yield clients


async def following(client, kind):
    """Return the text of the next message of ``kind``; before it only a status may come."""
    while True:
        text = await asyncio.wait_for(client.recv(), 60)
        found = json.loads(text)["type"]
        if found == kind:
            return text
        assert found == "status", text


async def subscribed(client, symbols=("*",), **more):
    await client.send(json.dumps({"action": "subscribe", "symbols": list(symbols), **more}))
    return json.loads(await following(client, "subscription_confirmed"))


async def signals(client, count):
    return [await following(client, "signal") for _ in range(count)]


async def test_the_path_is_the_one_asked_for(served):
    async with served.client() as client:
        await subscribed(client)
        assert served.figures()["write_paths"] == {f"{served.path} {served.server}": 1}
        assert served.figures()["write_path_fallback"] is None
        negotiated = [extension.name for extension in client.protocol.extensions]
        assert negotiated == (["permessage-deflate"] if served.deflate else [])


async def test_every_payload_is_byte_equal_and_in_order_at_every_client(served):
    async with crowd(served, CLIENTS) as clients:
        await asyncio.gather(*(subscribed(client) for client in clients))
        reading = asyncio.gather(*(signals(client, MESSAGES) for client in clients))
        stored = []
        for _ in range(MESSAGES // 100):
            stored += await served.storing(AAAUSDT=34, BBBUSDT=33, CCCUSDT=33)
        for got in await reading:
            assert got == stored


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key and the certificate that it signed itself, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    building = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    building = building.not_valid_before(now - datetime.timedelta(days=1))
    building = building.not_valid_after(now + datetime.timedelta(days=1)).add_extension(address, critical=False)
    made = building.sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return str(file)


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_a_server_that_speaks_tls_itself_gets_the_portable_path_and_says_so(serve, certificate, server):
    served = await asyncio.to_thread(serve, f"{server} direct memory plain", tls=certificate)
    async with served.client() as client:
        await subscribed(client)
        stored = await served.storing(AAAUSDT=50)
        assert await signals(client, 50) == stored
        figures = await asyncio.to_thread(served.figures)
        assert figures["write_paths"] == {f"portable {server}": 1}
        assert figures["write_path_fallback"] == f"{server} speaks TLS itself"


def test_a_fragmented_message_with_a_ping_in_its_middle_is_understood(served):
    client = Raw(served.port)
    text = json.dumps({"action": "subscribe", "symbols": ["BBBUSDT"]}).encode()
    client.send(TEXT, text[:10], final=False)
    client.send(PING, b"still there?")
    client.send(0, text[10:20], final=False)
    client.send(0, text[20:])
    assert client.until(PONG) == b"still there?"
    client.message("subscription_confirmed")
    assert served.store(BBBUSDT=3) == [client.message("signal") for _ in range(3)]
    client.end()


def test_pings_amid_the_stream_are_answered_and_break_no_frame(served):
    client = Raw(served.port)
    client.say(action="subscribe", symbols=["AAAUSDT"])
    client.message("subscription_confirmed")
    stored, pongs, got = [], [], []
    for number in range(20):
        client.send(PING, b"%d" % number)
        stored += served.store(AAAUSDT=20)
    while len(pongs) < 20 or len(got) < len(stored):
        opcode, payload = client.frame()
        if opcode == PONG:
            pongs.append(int(payload))
        elif b'"signal"' in payload[:20]:
            got.append(payload.decode())
    assert (pongs, got) == (list(range(20)), stored)
    client.end()


def test_an_unmasked_frame_ends_the_connection(served):
    client = Raw(served.port)
    client.send(TEXT, b'{"action":"ping"}', masked=False)
    assert client.close_code() in (1002, 1006)
    client.end()


def test_a_close_is_answered_and_nothing_follows_it(served):
    client = Raw(served.port)
    client.say(action="subscribe", symbols=["AAAUSDT"])
    client.message("subscription_confirmed")
    client.send(CLOSE, (1000).to_bytes(2, "big"))
    served.store(AAAUSDT=50)
    assert client.until(CLOSE)[:2] == (1000).to_bytes(2, "big")
    with pytest.raises((EOFError, ConnectionError)):
        client.frame()
    client.end()
    served.wait(lambda: served.figures()["connections"] == 0)


class Follower:
    """Checks that each symbol goes on where it was, or anywhere after a confirmation."""

    def __init__(self, client):
        self.client, self.last, self.confirmed = client, {}, set()

    async def next(self):
        text = await asyncio.wait_for(self.client.recv(), 60)
        found = json.loads(text)
        if found["type"] == "subscription_confirmed":
            self.confirmed |= set(found["symbols"])
        elif found["type"] == "signal":
            symbol, seq = found["symbol"], found["seq"]
            assert symbol in self.confirmed or seq == self.last[symbol] + 1, (self.last, text)
            self.confirmed.discard(symbol)
            self.last[symbol] = seq
        return text, found["type"]

    async def storm(self, number):
        for turn in range(10):
            symbol = sorted(ALL)[(number + turn) % 3]
            for message in (
                {"action": "subscribe", "symbols": [symbol], "since": {symbol: 0}},
                {"action": "unsubscribe", "symbols": [symbol]},
                {"action": "subscribe", "symbols": sorted(ALL)},
            ):
                await self.client.send(json.dumps(message))
            await asyncio.sleep(0.02 * number % 0.1)
        await self.client.send(json.dumps({"action": "ping"}))
        while (await self.next())[1] != "pong":
            pass


async def test_a_storm_of_subscribing_leaves_every_symbol_in_order(served):
    async with crowd(served, 10) as clients:
        followers = [Follower(client) for client in clients]
        storms = asyncio.gather(*(follower.storm(number) for number, follower in enumerate(followers)))
        while not storms.done():
            await served.storing(AAAUSDT=2, BBBUSDT=1, CCCUSDT=3)
        await storms
        stored = await served.storing(AAAUSDT=2, CCCUSDT=1)
        for follower in followers:
            got = []
            while len(got) < 3:
                text, _ = await follower.next()
                got += [text] if text in stored else []
            assert sorted(got) == sorted(stored)  # a symbol still being filled may come behind another


async def say_often(bad, text):
    for _ in range(1000):
        await bad.send(text)


async def ping_often(bad):
    for _ in range(1000):
        await bad.ping()


ABUSE = {
    "a thousand broken messages": (lambda bad: say_often(bad, "{broken"), (4508,)),
    "a thousand sound ones": (lambda bad: say_often(bad, '{"action":"ping"}'), (4508,)),
    "an oversized message": (lambda bad: bad.send(json.dumps({"action": "ping", "x": "y" * 66_000})), (4509, 1009)),
    # The server stops reading half way: what it says may be lost with the connection.
    "a thousand pings": (ping_often, (4508, 1006)),
    "a message beyond the server's own limit": (lambda bad: bad.send("y" * 300_000), (1009, 4509, 1006)),
}


@pytest.mark.parametrize("abuse", ABUSE)
async def test_who_abuses_the_limits_is_closed_alone(served, abuse):
    misbehave, codes = ABUSE[abuse]
    async with crowd(served, CROWD) as clients:
        await asyncio.gather(*(subscribed(client) for client in clients))
        *good, bad = clients
        reading = asyncio.gather(*(signals(client, 30) for client in good))
        with suppress(ConnectionClosed):  # meanwhile, which is what is looked at below
            await misbehave(bad)
        stored = await served.storing(AAAUSDT=10, BBBUSDT=10, CCCUSDT=10)
        for got in await reading:
            assert got == stored
        await asyncio.wait_for(bad.wait_closed(), 60)
        assert bad.close_code in codes


REFUSED = {
    "invalid_json": "{broken",
    "invalid_message": b"\0\1",
    "unknown_action": '{"action":"buy"}',
    "unknown_symbol": '{"action":"subscribe","symbols":["ZZZUSDT"]}',
    "too_many_symbols": json.dumps({"action": "subscribe", "symbols": [f"S{n}USDT" for n in range(1001)]}),
    "rate_limited": ['{"action":"unsubscribe","symbols":["*"]}'] * 60,
}


async def test_who_is_refused_stays_and_nobody_else_hears_of_it(served):
    async with crowd(served, CROWD) as clients:
        await asyncio.gather(*(subscribed(client) for client in clients))
        for client, (code, said) in zip(clients, REFUSED.items(), strict=False):
            for message in said if isinstance(said, list) else [said]:
                await client.send(message)
            while (found := json.loads(await asyncio.wait_for(client.recv(), 60)))["type"] != "error":
                pass
            assert found["code"] == code
        others = clients[len(REFUSED) :]
        reading = asyncio.gather(*(signals(client, 30) for client in others))
        stored = await served.storing(AAAUSDT=10, BBBUSDT=10, CCCUSDT=10)
        for got in await reading:
            assert got == stored
        # Those of the test before may be counted for a moment yet.
        await asyncio.to_thread(served.wait, lambda: served.figures()["connections"] == CROWD)
