"""PostgreSQL, Redis and the channel layer that go away, stand still, or lose: the promises hold meanwhile and after."""

import threading
import time
from contextlib import closing
from typing import NamedTuple

import pytest

from tests.faults.clients import Clients
from tests.faults.conftest import FULL, times
from tests.faults.oracle import judge_heard
from tests.faults.servers import wait_for


@pytest.fixture(autouse=True)
def slow_scans(stack):
    """Scans last long enough for a fault at random to hit one."""
    stack.controls.set("slow", 0.4)
    yield
    stack.controls.set("slow", 0)
    stack.controls.set("drop", 0)


def test_redis_killed_in_a_scan_and_back_with_or_without_its_keys_loses_nothing(
    stack, clients, judged, chance, record_property
):
    longest = 0.0
    for number in range(times(3, 50)):
        stack.wait_for_a_shard_under_way()
        stack.redis.kill()
        time.sleep(chance.uniform(0.0, 2.0))
        stack.redis.start(empty=number % 3 == 0)
        longest = max(longest, stack.wait_for_ticks(1))
    record_property("longest until a worker had done a tick, s", round(longest, 1))
    judged()


def test_redis_that_stands_still_holds_nothing_up_for_good(stack, judged, record_property):
    stack.wait_for_a_shard_under_way()
    stack.redis.pause(10.0 if FULL else 4.0)
    record_property("until a worker had done a tick, s", round(stack.wait_for_ticks(1), 1))
    judged()


def test_postgres_killed_in_a_commit_leaves_no_part_of_a_shard_and_503_meanwhile(
    stack, judged, chance, record_property
):
    slowest = longest = 0.0
    for _ in range(times(3, 50)):
        stack.wait_for_a_shard_under_way()
        time.sleep(chance.uniform(0.0, 0.4))
        stack.postgres.crash()
        began = time.monotonic()
        status, answer = stack.request("/api/agent/status")
        slowest = max(slowest, time.monotonic() - began)
        assert (status, answer["errors"][0]["code"]) == (503, "unavailable")
        assert stack.request("/health")[0] == 503
        stack.postgres.start()
        began = time.monotonic()
        wait_for(lambda: stack.request("/health")[0] == 200, what="health")
        longest = max(longest, time.monotonic() - began)
        stack.wait_for_ticks(1)
    record_property("slowest 503, s", round(slowest, 1))
    record_property("longest until healthy, s", round(longest, 1))
    assert stack.request("/api/agent/status")[0] == 200
    judged()


def test_a_row_that_is_locked_for_long_gives_503_and_a_whole_tick_afterwards(stack, judged, record_property):
    held = 20.0 if FULL else 6.0
    with stack.postgres.connect() as connection, connection.transaction():
        connection.execute("SELECT * FROM agent_agentstate FOR UPDATE")
        began = time.monotonic()
        status, _ = stack.request("/api/agent/toggle?enabled=false", "PUT")
        record_property("503 after, s", round(time.monotonic() - began, 1))
        assert status == 503
        done = stack.ticks()
        time.sleep(held - (time.monotonic() - began))
        assert stack.ticks() == done  # nothing commits past the lock
    stack.wait_for_ticks(2)
    judged()


def test_clients_of_a_layer_that_loses_a_third_hear_everything(stack, judged, record_property):
    stack.controls.set("drop", 0.3)
    stack.wait_for_ticks(times(8, 60))
    stack.controls.set("drop", 0)
    judged()


def test_clients_dropped_all_at_once_come_back_without_a_gap_for_a_hundred_queries(stack, chance, record_property):
    count = 1000 if FULL else 150
    queries, most, slowest = 0, 0.0, 0.0
    with closing(Clients([stack.port], count, chance.randrange(10**6))) as many:
        wait_for(lambda: many.connected() == count, 300.0, f"{count} clients connected")
        for _ in range(times(1, 10)):
            took = storm(stack, many)
            most, slowest, queries = max(most, took.most), max(slowest, took.all), max(queries, took.queries)
            stack.wait_for_ticks(1)
        heard = judge_heard(stack, many)
    record_property("clients", count)
    record_property("99 % back at most after, s", round(most, 1))
    record_property("all back at most after, s", round(slowest, 1))
    record_property("queries beyond the usual at most", queries)
    assert heard, f"heard: {heard}"
    assert queries <= 100


class Storm(NamedTuple):
    """Seconds until 99 % and until all were back; queries of the web process beyond those of quiet seconds."""

    most: float
    all: float
    queries: int


def storm(stack, many) -> Storm:
    with stack.postgres.counted("web") as asked:
        time.sleep(3.0)
        usual, before = asked() / 3.0, asked()
        arrivals = [one.arrivals for one in many.all]
        began = time.monotonic()
        many.drop_all()

        def back() -> int:
            return sum(one.arrivals > n for one, n in zip(many.all, arrivals, strict=True))

        wait_for(lambda: back() >= 0.99 * len(many.all), what="99 % of the clients back")
        most = time.monotonic() - began
        wait_for(lambda: back() == len(many.all), what="all clients back")
        took = time.monotonic() - began
        return Storm(most, took, round(asked() - before - usual * took))


def test_whoever_comes_back_from_any_position_gets_all_from_there_or_is_told(stack, chance):
    from tests.faults.resuming import Resume, heads_and_epoch

    heads, epoch = wait_for(lambda: max(heads_and_epoch(stack)[0].values()) > 5 and heads_and_epoch(stack))
    symbol = max(heads, key=heads.__getitem__)
    for _ in range(times(4, 20)):
        with Resume(stack) as socket:  # 25 questions on one socket: its own limit is 20 a second
            for _ in range(25):
                socket.ask_at_random(chance, symbol, heads, epoch)


@pytest.fixture
def on_again(stack):
    """The agent is on and balanced at the end; what it would have told meanwhile, the truth knows and it does not."""
    yield
    assert stack.request("/api/config/weight-presets/balanced/activate", "POST")[0] == 200
    assert stack.request("/api/agent/toggle?enabled=true", "PUT")[0] == 200


@pytest.mark.usefixtures("on_again")
def test_toggles_and_presets_during_scans_leave_one_preset_a_scan_and_silence_when_off(stack, clients, chance):
    failures, crowd = [], (True, False) * 25 if FULL else (True, False, True)
    for _ in range(times(6, 100)):
        threads = [threading.Thread(target=switch, args=(stack, on, failures)) for on in crowd]
        for thread in threads:
            thread.start()
        name = chance.choice(["balanced", "aggressive", "conservative"])
        assert stack.request(f"/api/config/weight-presets/{name}/activate", "POST")[0] == 200
        for thread in threads:
            thread.join()
    assert failures == []
    assert stack.request("/api/agent/toggle?enabled=false", "PUT")[0] == 200
    time.sleep(1.0)
    stored = stack.postgres.rows("SELECT count(*) FROM signals_signal")
    heard = sum(one.heard for one in clients.all)
    time.sleep(2.5)
    assert stack.postgres.rows("SELECT count(*) FROM signals_signal") == stored
    assert sum(one.heard for one in clients.all) == heard
    mixed = (
        "SELECT count(*) FROM signals_signal s JOIN agent_scanrun r ON r.id = s.run_id "
        "WHERE s.preset_version_id <> r.preset_version_id"
    )
    assert stack.postgres.rows(mixed) == [(0,)]
    numbers = "SELECT count(*) FROM (SELECT instrument_id FROM signals_signal GROUP BY 1 HAVING max(seq) <> count(*)) x"
    assert stack.postgres.rows(numbers) == [(0,)]


def switch(stack, on: bool, failures: list) -> None:
    status, answer = stack.request(f"/api/agent/toggle?enabled={str(on).lower()}", "PUT")
    if status not in (200, 429):  # many at once are throttled, and say so
        failures.append((status, answer))
