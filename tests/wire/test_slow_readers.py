"""A client that does not read is ended with 4008, costs little, and hurts nobody."""

import asyncio
import json
import statistics
import time

import pytest

from tests.wire.conftest import FEW, FULL
from tests.wire.raw import Raw
from tests.wire.test_frames import crowd, signals, subscribed

pytestmark = pytest.mark.process
MUCH, CROWD, SLOW = (3000, 200, 50) if FULL else (1600, 12, 3)


@pytest.fixture(scope="module", params=FEW)
def served(request, serve):
    return serve(request.param)


def stuck(served):
    """A client that subscribes to all and then reads nothing."""
    client = Raw(served.port, receive_buffer=4096)
    client.say(action="subscribe", symbols=["*"])
    client.message("subscription_confirmed")
    return client


def too_slow(served):
    return served.figures()["closed"].get("4008", 0)


def test_a_client_that_reads_again_in_time_sees_4008_and_one_that_never_does_1006(served):
    before = too_slow(served)
    client, dead = stuck(served), stuck(served)
    served.store(AAAUSDT=MUCH)
    served.wait(lambda: too_slow(served) == before + 2)
    assert client.close_code() == 4008
    served.wait(lambda: served.figures()["connections"] == 0)
    # By now it is dropped: what the kernel took comes, a close frame does not.
    served.wait(lambda: b"gone" if _reset(dead) else None)
    assert dead.close_code() == 1006
    client.end()
    dead.end()


def _reset(client):
    """Whether the server dropped the connection: TCP_INFO's first byte is the state, 7 is closed."""
    import socket

    return client.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x07"


def test_a_trickle_that_is_never_read_ends_as_well(served):
    before = too_slow(served)
    client = stuck(served)
    # Less than the bound of 1,024 messages, more than the kernel takes for it: standing still is what ends it.
    served.store(AAAUSDT=900)
    served.wait(lambda: too_slow(served) == before + 1)
    client.end()


async def test_others_get_everything_while_a_quarter_of_the_clients_does_not_read(served):
    before = too_slow(served)
    async with crowd(served, CROWD - SLOW) as good:
        await asyncio.gather(*(subscribed(client) for client in good))
        slow = [await asyncio.to_thread(stuck, served) for _ in range(SLOW)]
        memory = (await asyncio.to_thread(served.figures))["resident_kb"]
        reading = asyncio.gather(*(signals(client, MUCH) for client in good))
        stored, most = [], memory
        for _ in range(10):
            stored += await served.storing(BBBUSDT=MUCH // 10)
            most = max(most, (await asyncio.to_thread(served.figures))["resident_kb"])
        for got in await reading:
            assert got == stored
        await asyncio.to_thread(served.wait, lambda: too_slow(served) == before + SLOW)
        assert most - memory <= 2048 * SLOW + 4096  # what storing itself takes is not the clients'
    for client in slow:
        client.end()


async def arrival(client, count):
    await signals(client, count)
    return time.perf_counter()


async def p99_of_waiting(served, clients, scans=60, count=10):
    """Return how long it takes from storing a scan until a client has it, in s: the 99th percentile of all."""
    waits = []
    for _ in range(scans):
        reading = asyncio.gather(*(arrival(client, count) for client in clients))
        began = time.perf_counter()
        await served.storing(AAAUSDT=count)
        waits += [at - began for at in await reading]
    return statistics.quantiles(waits, n=100)[98]


@pytest.mark.skipif(not FULL, reason="what others wait is compared by make faults alone")
async def test_others_wait_no_longer_while_a_quarter_of_the_clients_does_not_read(served, record_property):
    without, beside = [], []
    async with crowd(served, CROWD - SLOW) as good:
        await asyncio.gather(*(subscribed(client) for client in good))
        for _ in range(3):
            without.append(await p99_of_waiting(served, good))
            slow = [await asyncio.to_thread(stuck, served) for _ in range(SLOW)]
            reading = asyncio.gather(*(signals(client, 900) for client in good))
            await served.storing(
                CCCUSDT=900
            )  # more than the kernel takes: from here on it waits for them in the server
            await reading
            beside.append(await p99_of_waiting(served, good))
            for client in slow:
                client.end()
    record_property("p99 of the others, ms", [round(1000 * statistics.median(p99s), 1) for p99s in (without, beside)])
    assert statistics.median(beside) <= 1.2 * statistics.median(without), (without, beside)


async def test_who_was_closed_comes_back_with_since_and_misses_nothing(served):
    client = await asyncio.to_thread(stuck, served)
    stored = await served.storing(CCCUSDT=MUCH)
    await asyncio.to_thread(served.wait, lambda: served.figures()["closed"].get("4008", 0) > 0)
    got = []
    while len(client.data) or not got:
        text = await asyncio.to_thread(client.message, "signal")
        got.append(text)
        if len(got) == 20:
            break
    assert got == stored[:20]
    client.end()
    async with crowd(served, 1) as (again,):
        last = json.loads(got[-1])["seq"]
        await subscribed(again, ["CCCUSDT"], since={"CCCUSDT": last})
        assert await signals(again, MUCH - 20) == stored[20:]
