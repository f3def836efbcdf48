"""Whether a person must know something: the checks behind ``/health``."""

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from redis.exceptions import RedisError

from agent.services import status_json

logger = logging.getLogger(__name__)

MARKET = {"live": "ok", "ended": "ok", "stale": "degraded", "down": "down"}


def health_json() -> tuple[bool, dict[str, Any]]:
    """Return (healthy, answer). Unhealthy: the database or the channel layer does not answer."""
    checks = {
        "database": _database(),
        "channel_layer": _channel_layer(),
        "broker": "off",
        "market": "down",
        "agent": "down",
    }
    if checks["database"] == "ok":
        status = status_json()
        checks["market"] = MARKET[status["market"]["status"]]
        checks["agent"] = ("ok" if status["running"] else "down") if status["enabled"] else "off"
    healthy = checks["database"] == "ok" and checks["channel_layer"] == "ok"
    return healthy, {
        "status": "healthy" if healthy else "unhealthy",
        "version": settings.VERSION,
        "time": timezone.now().isoformat().replace("+00:00", "Z"),
        "checks": checks,
    }


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("health: the database does not answer: %s", error)
        return "down"
    return "ok"


async def _probe() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel("health")
    await layer.group_add("health", channel)
    await layer.group_discard("health", channel)


def _channel_layer() -> str:
    try:
        async_to_sync(_probe)()
    except (OSError, RedisError) as error:
        logger.warning("health: the channel layer does not answer: %s", error)
        return "down"
    return "ok"
