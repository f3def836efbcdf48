"""What cannot work together is said by ``manage.py check``; what is away is said at a start, in a line each."""

import asyncio
import shutil
from types import SimpleNamespace

import pytest
import redis
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from agent import reachable
from agent.checks import check_processes, check_redis
from agent.reachable import unreachable
from realtime_agent.celery import require_services
from tests.conftest import absent
from tests.faults.servers import Redis, free_port

REDIS = {
    "pubsub": {"BACKEND": "signals.wire.layers.RedisLayer", "CONFIG": {"hosts": [], "prefix": "checked"}},
    "core": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [], "prefix": "checked"}},
}
MEMORY = {"BACKEND": "signals.wire.layers.MemoryLayer", "CONFIG": {"capacity": 10_000}}
POSTGRES, SQLITE = "django.db.backends.postgresql", "django.db.backends.sqlite3"


@pytest.fixture
def several(settings, monkeypatch):
    """Settings of several processes with which nothing is wrong; nothing of it is asked."""
    settings.CELERY_BROKER_URL = settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    settings.CHANNEL_LAYERS = {"default": REDIS["pubsub"]}
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", POSTGRES)
    return settings


def found(check) -> list[str]:
    return [message.id for message in check(None)]


def test_one_process_may_have_sqlite_and_a_layer_in_memory_and_several_may_not(several, monkeypatch):
    assert found(check_processes) == []
    several.CHANNEL_LAYERS = {"default": MEMORY}
    monkeypatch.setitem(several.DATABASES["default"], "ENGINE", SQLITE)
    assert found(check_processes) == ["agent.E001", "agent.E002"]
    several.CELERY_BROKER_URL = ""
    assert found(check_processes) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_TASK_SERIALIZER", "pickle"),
        ("CELERY_RESULT_SERIALIZER", "yaml"),
        ("CELERY_ACCEPT_CONTENT", ["json", "pickle"]),
        ("CELERY_RESULT_ACCEPT_CONTENT", ["pickle"]),
    ],
)
def test_any_serializer_but_json_is_refused(several, name, value):
    setattr(several, name, value)
    assert found(check_processes) == ["agent.E003"]


def test_a_task_of_pickle_is_not_run():
    """Whatever the settings of its sender are: the worker does not read it."""
    from kombu.exceptions import ContentDisallowed
    from kombu.serialization import dumps, loads

    from realtime_agent.celery import app

    kind, encoding, data = dumps({"id": 1}, serializer="pickle")
    with pytest.raises(ContentDisallowed):
        loads(data, kind, encoding, accept=app.conf.accept_content)


@pytest.fixture
def redis_server(several, tmp_path):
    if shutil.which("redis-server") is None:
        absent("redis-server is not installed: checks of it are not tested")
    server = Redis(tmp_path / "redis").start()
    several.CELERY_BROKER_URL = several.REDIS_URL = server.url
    yield server
    server.kill()


def test_a_redis_that_evicts_and_another_kind_of_layer_on_it_are_named(several, redis_server):
    assert found(check_redis) == []
    with redis.Redis.from_url(redis_server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert set(found(check_redis)) == {"agent.E004"}
        client.config_set("maxmemory-policy", "noeviction")

    async def beside_a_process_with(layer, kind: str) -> list[str]:
        await layer.group_add("signals.BTCUSDT", await layer.new_channel())
        several.CHANNEL_LAYERS = {"default": REDIS[kind]}
        names = await asyncio.to_thread(found, check_redis)
        await layer.flush()
        return names

    about = {"hosts": [redis_server.url], "prefix": "checked"}
    assert asyncio.run(beside_a_process_with(RedisPubSubChannelLayer(**about), "core")) == ["agent.E005"]
    assert asyncio.run(beside_a_process_with(RedisChannelLayer(**about), "pubsub")) == ["agent.W005"]


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL"])
def test_what_is_away_at_a_start_is_one_line_with_its_variable_and_address_and_never_a_password(
    settings, monkeypatch, name
):
    address = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    settings.REDIS_URL = settings.CELERY_BROKER_URL = ""
    database = SimpleNamespace(
        vendor="postgresql",
        settings_dict={"HOST": "127.0.0.1", "PORT": 5432, "NAME": "none"},
        ensure_connection=lambda: None,
        close=lambda: None,
    )
    monkeypatch.setattr(reachable, "connection", database)
    if name == "DATABASE_URL":

        def away():
            raise OperationalError("connection refused\nand more")

        database.ensure_connection = away
    else:
        setattr(settings, name, address)
    (line,) = unreachable()
    assert line.startswith(f"{name}: ") and "does not answer" in line and "\n" not in line
    assert "hunter2" not in line and "127.0.0.1:" in line
    with pytest.raises(CommandError, match=name):
        call_command("feed")
    with pytest.raises(CommandError, match=f"{name}: .*\n  .+"):
        call_command("services")
    with pytest.raises(SystemExit, match=f"^error: {name}: "):
        require_services()
