"""Stock Channels, as its tutorial has it: a consumer joins a group for each symbol and sends each message on.

``python -m daphne|uvicorn bench.fanout.stock:application``; ``STOCK_LAYER`` is a Redis URL, or empty for the layer in
memory with a publisher in the same process on ``STOCK_PUBLISH`` (a port).
"""

import os

import django
from django.conf import settings

LAYER = os.environ.get("STOCK_LAYER", "")
PUBLISH = int(os.environ.get("STOCK_PUBLISH", "0"))
BACKEND = "channels_redis.pubsub.RedisPubSubChannelLayer" if LAYER else "channels.layers.InMemoryChannelLayer"
CONFIG = {"hosts": [LAYER]} if LAYER else {"capacity": 20_000}

if not settings.configured:
    settings.configure(
        SECRET_KEY="stock", ALLOWED_HOSTS=["*"], CHANNEL_LAYERS={"default": {"BACKEND": BACKEND, "CONFIG": CONFIG}}
    )
    django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from bench.fanout.lines import decode, publish_lines  # noqa: E402

listening = False


async def send_each(lines: list[tuple[str, bytes]]) -> None:
    layer = get_channel_layer()
    for symbol, payload in lines:
        await layer.group_send(f"stock.{symbol}", {"type": "stock.signal", "signal": decode(payload)})


class Consumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        global listening  # noqa: PLW0603
        if PUBLISH and not listening:
            listening = True
            await publish_lines(PUBLISH, send_each)
        for symbol in self.scope["url_route"]["kwargs"]["symbols"].split(","):
            await self.channel_layer.group_add(f"stock.{symbol}", self.channel_name)
        await self.accept()

    async def stock_signal(self, event):
        await self.send_json(event["signal"])


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws/<symbols>", Consumer.as_asgi())])})
