"""Settings that cannot work together, said before anything is lost: part of ``manage.py check`` and of every start."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

PATIENCE_S = 1.0


@register()
def check_processes(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Several processes need a database and a channel layer that several processes can share."""
    if not settings.CELERY_BROKER_URL:
        return []
    return [*_memory_layer(), *_sqlite(), *_pickle()]


def _memory_layer() -> Iterator[CheckMessage]:
    if issubclass(import_string(str(settings.CHANNEL_LAYERS["default"]["BACKEND"])), InMemoryChannelLayer):
        yield Error(
            "CELERY_BROKER_URL is set, REDIS_URL is not: signals of the workers never reach the web processes, whose "
            "channel layer is in memory",
            hint="Set REDIS_URL.",
            id="agent.E001",
        )


def _sqlite() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        yield Error(
            "CELERY_BROKER_URL (or REDIS_URL) makes several processes write, and DATABASE_URL is SQLite, which has one "
            "writer",
            hint="Set DATABASE_URL=postgres://…, or leave the broker out.",
            id="agent.E002",
        )


def _pickle() -> Iterator[CheckMessage]:
    formats = {settings.CELERY_TASK_SERIALIZER, settings.CELERY_RESULT_SERIALIZER}
    formats |= {*settings.CELERY_ACCEPT_CONTENT, *settings.CELERY_RESULT_ACCEPT_CONTENT}
    if formats != {"json"}:
        yield Error(
            f"Celery must speak JSON alone, the settings name {', '.join(sorted(formats))}: with pickle, whoever "
            "reaches the broker runs code here",
            id="agent.E003",
        )


@register()
def check_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Redis must not throw keys away, and all processes must use one kind of channel layer."""
    found: list[CheckMessage] = []
    for name in ("REDIS_URL", "CELERY_BROKER_URL"):
        url = getattr(settings, name)
        if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            continue
        try:
            with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S) as client:
                found += _eviction(name, client)
                found += _other_layers(client) if name == "REDIS_URL" else []
        except (redis.RedisError, OSError):
            continue  # that it is away is said at the start of what needs it
    return found


def _eviction(name: str, client: Any) -> Iterator[CheckMessage]:
    policy = client.info("memory").get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Error(
            f"{name}: this Redis evicts keys when memory is short (maxmemory-policy {policy}): tasks and messages "
            "would vanish",
            hint="Set maxmemory-policy noeviction.",
            id="agent.E004",
        )


def _other_layers(client: Any) -> Iterator[CheckMessage]:
    """Look for what the other kind of layer leaves in Redis: messages never cross from one kind to the other."""
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    prefix = layer["CONFIG"].get("prefix", "asgi")
    pubsub = issubclass(import_string(layer["BACKEND"]), RedisPubSubChannelLayer)
    if not pubsub and client.pubsub_channels(f"{prefix}__group__*"):
        yield Error(
            "another process listens through RedisPubSubChannelLayer, this one uses the core layer: its signals "
            "never arrive there",
            hint="Set the same CHANNEL_LAYER for every process.",
            id="agent.E005",
        )
    if pubsub and next(client.scan_iter(f"{prefix}:group:*", count=1000), None):
        yield Warning(
            "another process listens through the core RedisChannelLayer, or did within a day; this one uses "
            "RedisPubSubChannelLayer, whose signals never arrive there",
            hint=f"Set the same CHANNEL_LAYER for every process; if all have it, delete the keys {prefix}:group:*.",
            id="agent.W005",
        )
