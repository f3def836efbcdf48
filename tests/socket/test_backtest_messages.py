"""How far a backtest is, on the socket."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from channels.db import database_sync_to_async

from backtest import jobs, services
from backtest.api import RunBody, request_of
from market.importing import imported_market, read_sound, store
from presets.services import active_version
from tests.playing import START, walk, write_csv
from tests.socket.test_socket import Client

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3_600_000


@database_sync_to_async
def begun(folder):
    """A stored job over one imported symbol."""
    path = write_csv(folder, "AAAUSDT", walk(900, seed=31, interval=HOUR), "1h")
    _, recording, _ = read_sound(path)
    list(store(imported_market(), "AAAUSDT", recording))
    body = RunBody(data={"symbol": "AAAUSDT", "start_date": START + 300 * HOUR, "end_date": START + 900 * HOUR})
    body.is_valid(raise_exception=True)
    job, _ = services.begin(request_of(body.validated_data), "imported", active_version(), by=None)
    return job


async def test_every_client_hears_how_far_a_job_is_from_whatever_thread_runs_it(replay, tmp_path, monkeypatch):
    monkeypatch.setattr(services, "TOLD_EVERY_S", 0.0)
    async with Client() as first, Client() as second:
        job = await begun(tmp_path)
        with ThreadPoolExecutor(1) as thread:
            await asyncio.get_running_loop().run_in_executor(thread, jobs._run, job.pk)
        for client in (first, second):
            told = []
            while not told or told[-1]["status"] != "done":
                told.append(await client.next("backtest", within=60))
            assert [m["id"] for m in told] == [str(job.pk)] * len(told)
            progress = [m["progress"] for m in told]
            assert progress == sorted(progress)
            assert progress[-1] == 1.0
            assert {m["status"] for m in told[:-1]} == {"running"}
