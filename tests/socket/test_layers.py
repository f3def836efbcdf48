"""Both kinds of channel layer on a Redis of their own: what a scan stores reaches the socket, in order."""

import shutil

import pytest
from channels.layers import channel_layers

from tests.conftest import absent
from tests.faults.servers import Redis
from tests.socket.test_socket import Client, market, numbered  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db(transaction=True)

LAYERS = {"pubsub": "signals.wire.layers.RedisLayer", "core": "channels_redis.core.RedisChannelLayer"}


@pytest.fixture
def redis_with(settings, tmp_path):
    """Return a function that makes a kind of layer the one in use, over a Redis server, which it returns."""
    if shutil.which("redis-server") is None:
        absent("redis-server is not installed: the layers over it are not tested")
    server = Redis(tmp_path / "redis").start()

    def use(kind: str) -> Redis:
        about = {"hosts": [server.url], "prefix": "layers"} | ({"capacity": 20_000} if kind == "core" else {})
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": LAYERS[kind], "CONFIG": about}}
        channel_layers.backends = {}
        return server

    yield use
    server.kill()


async def something(market) -> list[tuple[str, int]]:  # noqa: F811
    """Play until signals are stored."""
    while not (stored := await market(3)):
        pass
    return stored


@pytest.mark.parametrize("kind", LAYERS)
async def test_what_a_scan_stores_comes_over_either_layer_in_order(redis_with, market, kind):  # noqa: F811
    redis_with(kind)
    async with Client() as client:
        await client.subscribe(["*"])
        stored = await market(12)
        assert stored
        assert numbered(await client.signals(len(stored))) == stored
        assert await client.silent()


async def test_the_default_layer_goes_on_with_the_socket_open_after_redis_came_back_empty(redis_with, market):  # noqa: F811
    server = redis_with("pubsub")
    async with Client() as client:
        await client.subscribe(["*"])
        before = await something(market)
        server.kill()
        while_away = await something(market)
        server.start(empty=True)
        after = await something(market)
        got = numbered(await client.signals(len(before + while_away + after)))
        for symbol in {symbol for symbol, _ in got}:
            told = [seq for name, seq in got if name == symbol]
            assert told == [seq for name, seq in before + while_away + after if name == symbol]
