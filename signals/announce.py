"""Messages to every client that are no signals, such as how far a job is. One that is lost is lost: ask the API."""

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from signals.hub import ANNOUNCEMENTS, serving_loop

logger = logging.getLogger(__name__)


def announce(message: dict[str, Any]) -> None:
    """Send ``message``, as the wire has it, to the clients of all processes. From any thread but the event loop's."""
    loop = serving_loop()
    if loop is None:
        async_to_sync(_send)(message)
    else:
        # On the server's loop: a layer in memory does not wake it from another thread.
        asyncio.run_coroutine_threadsafe(_send(message), loop)


async def _send(message: dict[str, Any]) -> None:
    try:
        await get_channel_layer().group_send(ANNOUNCEMENTS, {"type": "announcement.message", "message": message})
    except (OSError, RedisError) as error:
        logger.warning("the channel layer did not take a %s message: %s", message["type"], error)
