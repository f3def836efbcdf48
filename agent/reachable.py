"""Whether the servers that the settings name are there: asked at a start, told in one line each."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection

PATIENCE_S = 3.0


def unreachable() -> list[str]:
    """Return a line for each server that does not answer: the variable, the address, the reason."""
    return [*_database(), *_redis("REDIS_URL", settings.REDIS_URL), *_broker()]


def shown(url: str) -> str:
    """Return an address without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user = f"{parts.username}:***@" if parts.username else ":***@"
    host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    return urlunsplit(parts._replace(netloc=user + host))


def database_address() -> str:
    """Return where the database is, as a person would look for it."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(given["NAME"])
    return f"postgres://{given['HOST'] or 'localhost'}:{given['PORT'] or 5432}/{given['NAME']}"


def _database() -> Iterator[str]:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        yield f"DATABASE_URL: {database_address()} does not answer: {_brief(error)}"
    else:
        connection.close()


def _redis(name: str, url: str) -> Iterator[str]:
    if not url:
        return
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        yield f"{name}: {shown(url)} does not answer: {_brief(error)}"


def _broker() -> Iterator[str]:
    url = settings.CELERY_BROKER_URL
    if url and url != settings.REDIS_URL:
        if urlsplit(url).scheme in ("redis", "rediss", "unix"):
            yield from _redis("CELERY_BROKER_URL", url)
        else:
            yield from _other_broker(url)


def _other_broker(url: str) -> Iterator[str]:
    from kombu import Connection
    from kombu.exceptions import OperationalError

    try:
        with Connection(url, connect_timeout=PATIENCE_S) as broker:
            broker.ensure_connection(max_retries=1, timeout=PATIENCE_S)
    except (OperationalError, OSError) as error:
        yield f"CELERY_BROKER_URL: {shown(url)} does not answer: {_brief(error)}"


def _brief(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
