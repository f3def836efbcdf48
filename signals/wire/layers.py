"""The two channel layers, each with a whole scan sent and received at once. All else is as Channels has it."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import hiredis
import msgspec
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from channels_redis.utils import _wrap_close, decode_hosts

logger = logging.getLogger(__name__)

Messages = Sequence[tuple[str, dict[str, Any]]]  # group, message
MOST_AT_ONCE = 1000  # received; then others on the loop have their turn
# The bytes of Channels' own msgpack, in half its time.
pack, unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode


async def send_all(layer: Any, messages: Messages) -> None:
    """Send ``messages`` in order: in one go where the layer can, else one after the other."""
    if hasattr(layer, "group_send_all"):
        await layer.group_send_all(messages)
    else:
        for group, message in messages:
            await layer.group_send(group, message)


async def receive_all(layer: Any, channel: str) -> list[dict[str, Any]]:
    """Wait for a message; return it and what else is there by then, in order, where the layer can."""
    if hasattr(layer, "receive_all"):
        return await layer.receive_all(channel)
    return [await layer.receive(channel)]


def _drain(queue: asyncio.Queue[Any]) -> list[Any]:
    return [queue.get_nowait() for _ in range(min(queue.qsize(), MOST_AT_ONCE))]


class MemoryLayer(InMemoryChannelLayer):
    """Messages of one process. They pass through msgpack, as on Redis: receivers share nothing, types are the same."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self.group_send_all([(group, message)])

    async def group_send_all(self, messages: Messages) -> None:
        self._clean_expired()
        for group, message in messages:
            self.require_valid_group_name(group)
            packed = pack(message)
            for channel in list(self.groups.get(group, ())):
                self._put(channel, unpack(packed))

    def _put(self, channel: str, message: dict[str, Any]) -> None:
        queue = self.channels.setdefault(channel, asyncio.Queue(maxsize=self.get_capacity(channel)))
        try:
            queue.put_nowait((time.time() + self.expiry, message))
        except asyncio.QueueFull:
            logger.info("channel %s is full: a message is dropped", channel)  # as group_send of every layer does

    async def receive_all(self, channel: str) -> list[dict[str, Any]]:
        first = await self.receive(channel)
        queue = self.channels.get(channel)
        if queue is None:
            return [first]
        rest = [message for _, message in _drain(queue)]
        if queue.empty():
            self.channels.pop(channel, None)
        return [first, *rest]


class RedisLayer(RedisPubSubChannelLayer):
    """The pubsub layer. A group's messages keep their order; they go out by one pipeline for each Redis."""

    def serialize(self, message: dict[str, Any]) -> bytes:
        return pack(message)

    def deserialize(self, message: bytes) -> dict[str, Any]:
        return unpack(message)

    def _get_layer(self) -> "_LoopLayer":
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = _LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return self._layers[loop]

    async def group_send_all(self, messages: Messages) -> None:
        layer = self._get_layer()
        by_shard: dict[_Shard, list[tuple[str, bytes]]] = {}
        for group, message in messages:
            channel = layer._get_group_channel_name(group)
            by_shard.setdefault(layer._get_shard(channel), []).append((channel, self.serialize(message)))
        for shard, packed in by_shard.items():
            await shard.publish_all(packed)

    async def receive_all(self, channel: str) -> list[dict[str, Any]]:
        first = await self.receive(channel)
        queue = self._get_layer().channels.get(channel)
        return [first, *(self.deserialize(packed) for packed in _drain(queue))] if queue is not None else [first]


class _LoopLayer(RedisPubSubLoopLayer):
    def __init__(self, hosts: Any = None, **options: Any) -> None:
        super().__init__(hosts, **options)
        self._shards = [_Shard(host, self) for host in decode_hosts(hosts)]


class _Shard(RedisSingleShardConnection):
    async def publish_all(self, packed: list[tuple[str, bytes]]) -> None:
        async with self._lock:
            self._ensure_redis()
            redis: Any = self._redis
            pipeline = redis.pipeline(transaction=False)
            for channel, message in packed:
                pipeline.publish(channel, message)
            await pipeline.execute()

    async def _do_receiving(self) -> None:
        """As the original, but without its 0.1 s timeout on every read, whose set-up was two thirds of a message."""
        while True:
            try:
                if self._pubsub and self._pubsub.subscribed:
                    await self._take(await self._pubsub.parse_response())
                    for response in _read_already(self._pubsub.connection):
                        await self._take(response)
                else:
                    await asyncio.sleep(0.1)
            except Exception:
                logger.exception("the channel layer's connection to Redis failed")
                await asyncio.sleep(1)

    async def _take(self, response: Any) -> None:
        if response and response[0] == b"message":
            self._receive_message({"channel": response[1], "data": response[2]})
        elif self._pubsub:  # of subscribing, or None
            await self._pubsub.handle_message(response)


def _read_already(connection: Any) -> Iterator[Any]:
    """Yield what redis-py has read and not handed out yet: most of a scan, for a tenth of what it takes for each."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    if isinstance(reader, hiredis.Reader):
        while isinstance(response := reader.gets(), list):
            yield response
        if isinstance(response, Exception):
            raise response
