"""Whether a person must know something: the checks behind ``/health``."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from redis.exceptions import RedisError

from agent.services import status_json
from agent.watchdog import overdue

logger = logging.getLogger(__name__)

PATIENCE_S = 1.0
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

MARKET = {"live": "ok", "ended": "ok", "stale": "degraded", "down": "down"}


def health_json() -> tuple[bool, dict[str, Any]]:
    """Return (healthy, answer). Unhealthy: the database or the channel layer does not answer."""
    checks = {
        "database": _database(),
        "channel_layer": _channel_layer(),
        "broker": _broker(),
        "market": "down",
        "agent": "down",
    }
    if checks["database"] == "ok":
        status = status_json()
        checks["market"] = MARKET[status["market"]["status"]]
        checks["agent"] = _agent(status)
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


def _agent(status: dict[str, Any]) -> str:
    if not status["enabled"]:
        return "off"
    return "ok" if status["running"] and overdue(LONG_AGO) is None else "down"


def _broker() -> str:
    """Redis as the broker is asked; of another one the workers' heartbeat tells."""
    url = settings.CELERY_BROKER_URL
    if not url:
        return "off"
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        return "ok"
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S) as client:
            client.ping()
    except (OSError, RedisError) as error:
        logger.warning("health: the broker does not answer: %s", error)
        return "down"
    return "ok"


async def _probe() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel("health")
    await layer.group_add("health", channel)
    await layer.group_discard("health", channel)


async def _patient_probe() -> None:
    await asyncio.wait_for(_probe(), PATIENCE_S)


def _channel_layer() -> str:
    try:
        async_to_sync(_patient_probe)()
    except (OSError, RedisError) as error:
        logger.warning("health: the channel layer does not answer: %s", error)
        return "down"
    return "ok"
