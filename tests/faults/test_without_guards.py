"""Each guard taken away once: the checks of the other fault tests then find something, so they do look."""

import pytest

from tests.faults.oracle import judge_heard
from tests.faults.test_processes import one_run_a_tick, send_ticks, stop_past_its_lease, third_worker


@pytest.fixture
def without(stack):
    """Return a function that takes a guard away; it comes back at the end."""
    stack.controls.set("slow", 0.4)
    yield lambda guard: stack.controls.set("without", guard)
    stack.controls.set("without", "")
    stack.controls.set("slow", 0)


def test_without_gap_fill_clients_of_a_lossy_layer_miss_signals(stack, clients, without):
    without("gap fill")
    stack.controls.set("drop", 0.3)
    stack.wait_for_ticks(8)
    stack.controls.set("drop", 0)
    assert judge_heard(stack, clients, seconds=5.0).lost


def told_twice(stack) -> int:
    """Return how many closes of a symbol have more than one signal."""
    doubled = "SELECT instrument_id, as_of FROM signals_signal GROUP BY 1, 2 HAVING count(*) > 1"
    return stack.postgres.rows(f"SELECT count(*) FROM ({doubled}) x")[0][0]


def test_without_the_fence_a_worker_that_was_stopped_stores_what_another_has_stored(stack, without):
    with stack.postgres.connect() as connection:
        connection.execute("DROP INDEX signal_once_per_close")
    assert told_twice(stack) == 0
    without("fence")
    with third_worker(stack):
        for _ in range(10):
            stop_past_its_lease(stack)
            if told_twice(stack):
                break
    assert told_twice(stack)


def test_without_the_unique_row_a_tick_is_run_more_than_once(stack, without):
    with stack.postgres.connect() as connection:
        connection.execute("DROP INDEX one_scan_a_tick")
    without("unique")
    for _ in range(10):
        send_ticks(stack, 20)
        if not one_run_a_tick(stack):
            break
    assert not one_run_a_tick(stack)
