"""Processes that are killed, stopped or doubled: nothing lost, nothing twice, one run a tick."""

import signal
import time
from contextlib import contextmanager

import pytest

from agent.cycle import shard_of
from tests.faults.conftest import FULL, times
from tests.faults.servers import wait_for
from tests.faults.stack import BEAT, SYMBOLS, TICK_S

SLOW_S = 0.4
WITHIN_S = TICK_S + 5.0


@pytest.fixture(autouse=True)
def slow_scans(stack):
    """Scans last long enough for a kill at random to hit one."""
    stack.controls.set("slow", SLOW_S)
    yield
    stack.controls.set("slow", 0)
    stack.controls.set("without", "")


def workers(stack):
    return [one for name, one in stack.all.items() if name.startswith("worker")]


def one_run_a_tick(stack) -> bool:
    most = "SELECT max(n) FROM (SELECT count(*) AS n FROM agent_scanrun GROUP BY market_id, kind, due_at) AS runs"
    return stack.postgres.rows(most) == [(1,)]


def whole_shards(stack) -> bool:
    """Whether every signal belongs to a shard that is finished: of a shard all or none is stored."""
    loose = (
        "SELECT count(*) FROM agent_scanrun r WHERE r.signals <> "
        "(SELECT count(*) FROM signals_signal s WHERE s.run_id = r.id)"
    )
    return stack.postgres.rows(loose) == [(0,)]


@pytest.mark.parametrize("count", [2, 4, 6])
def test_what_these_tests_watch_lies_in_both_shards(count):
    assert [shard_of(symbol, 2) for symbol in sorted(SYMBOLS[:count])].count(1) == count // 2


def test_a_worker_killed_in_a_scan_loses_and_doubles_nothing(stack, judged, chance, record_property):
    longest = 0.0
    for number in range(times(5, 50)):
        worker = chance.choice(workers(stack))
        wait_for(lambda w=worker: w.process.poll() is None and w.children, what="a worker with its child")
        stack.wait_for_a_shard_under_way()
        time.sleep(chance.uniform(0, SLOW_S))
        if number % 2:
            worker.kill()
        else:
            wait_for(lambda w=worker: w.children, what="a child: its pool replaces one that ended")[0].kill()
        longest = max(longest, stack.wait_for_ticks(1))
    record_property("longest pause of scans, s", round(longest, 1))
    assert whole_shards(stack)
    judged()


def test_a_web_process_killed_in_a_burst_gets_all_its_clients_back_without_a_gap(
    stack, clients, judged, chance, record_property
):
    longest = 0.0
    for _ in range(times(3, 50)):
        time.sleep(chance.uniform(0, TICK_S))
        starts = stack.all["web"].starts
        stack.all["web"].kill()
        began = time.monotonic()
        wait_for(lambda n=starts: stack.all["web"].starts > n, what="web started anew")
        wait_for(lambda: clients.connected() == len(clients.all), what="all clients back")
        longest = max(longest, time.monotonic() - began)
        stack.wait_for_ticks(1)
    record_property("longest until all clients were back, s", round(longest, 1))
    judged()


def test_beat_killed_and_ten_beats_at_once_run_each_tick_once(stack, judged, chance):
    for _ in range(times(2, 20)):
        stack.all["beat"].kill()
        stack.wait_for_ticks(2)
    names = [f"beat1{number}" for number in range(9)]
    for name in names:
        stack.start(name, BEAT)
    stack.wait_for_ticks(times(10, 100), seconds=300)
    for name in names:
        stack.all.pop(name).stop(signal.SIGKILL)
    assert one_run_a_tick(stack)
    judged()


def send_ticks(stack, count: int, late_s: float = 0.0) -> None:
    """Send as many tasks at once, of the kind that never expires, to be run now or later."""
    code = f"from agent.tasks import tick\nfor _ in range({count}): tick.apply_async(countdown={late_s})"
    stack.manage("shell", "-v0", "-c", code)


def test_the_same_task_again_and_again_and_late_is_one_run_and_one_commit(stack, judged):
    late_s = 60 if FULL else 2
    send_ticks(stack, 5, late_s)
    send_ticks(stack, times(20, 200))
    stack.wait_for_ticks(5)
    time.sleep(late_s)
    stack.wait_for_ticks(2)
    assert one_run_a_tick(stack)
    judged()


@contextmanager
def third_worker(stack):
    """One more worker, which has looked for ticks: what stands, it takes over before a watchdog ends who stopped."""
    third = stack.start("worker9", [*stack.all["worker0"]._command, "-n", "w9@test"])

    def looks() -> bool:
        seen = {name.rsplit(":", 1)[1] for (name,) in stack.postgres.rows("SELECT name FROM agent_runner")}
        return not seen.isdisjoint(str(child.pid) for child in third.children)

    wait_for(looks, 120.0, "a tick looked for by the third worker")
    try:
        yield
    finally:
        stack.all.pop("worker9").stop()


def stop_past_its_lease(stack) -> None:
    """Stop the worker that is in the middle of a scan until the third has taken its shard over; then let it go on."""
    stopped = stack.all["worker0"].children + stack.all["worker1"].children
    query = "SELECT fence, finished_at IS NOT NULL FROM agent_scanshard WHERE id = %s"
    while True:
        shard, fence = stack.wait_for_a_shard_under_way()
        for child in stopped:  # whichever has it
            child.suspend()
        wait_for(lambda s=shard, f=fence: stack.postgres.rows(query, s)[0] != (f, False), what="the shard taken over")
        taken_over = stack.postgres.rows(query, shard)[0][0] > fence  # else the third worker had it, and finished
        for child in stopped:
            child.resume()
        if taken_over:
            stack.wait_for_ticks(2)
            return


def test_a_worker_stopped_past_its_lease_is_fenced_when_it_wakes(stack, judged):
    with third_worker(stack):
        for _ in range(times(2, 30)):
            stop_past_its_lease(stack)
    assert whole_shards(stack)
    judged()


@pytest.mark.parametrize("name", ["worker0", "beat", "feed", "web"])
def test_sigterm_under_load_ends_each_process_cleanly(stack, clients, judged, name, record_property):
    longest = 0.0
    for _ in range(times(1, 12)):
        one = stack.all[name]
        wait_for(lambda o=one: o.process.poll() is None)
        wait_for(lambda: clients.connected() == len(clients.all), what="all clients back")
        for client in clients.all:
            client.closes.clear()
        starts, process, began = one.starts, one.process, time.monotonic()
        one.kill(signal.SIGTERM)
        process.wait(30)
        longest = max(longest, time.monotonic() - began)
        if name == "web":
            wait_for(lambda: all(client.closes for client in clients.all), what="every client closed")
            assert {client.closes[0] for client in clients.all} == {4012}
        wait_for(lambda o=one, n=starts: o.starts > n, what="it started anew")
        stack.wait_for_ticks(1)
    record_property("longest exit, s", round(longest, 1))
    wait_for(lambda: clients.connected() == len(clients.all), what="all clients back")
    judged()
