"""A process whose ticks do not get done ends; one that has nothing to do does not. And a task ends before its limit."""

from datetime import UTC, datetime, timedelta

import pytest

from agent import tasks, watchdog
from agent.models import AgentState
from agent.runner import MarketRunner
from agent.services import agent_state
from agent.ticking import Step
from market.feeds import current_market
from market.models import Market

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def due(replay, db):
    """A tick that has been due for two minutes and that nobody does."""
    agent_state()
    MarketRunner(current_market())._feeder.step()
    AgentState.objects.update(changed_at=LONG_AGO)
    Market.objects.update(delivered_at=datetime.now(UTC) - timedelta(minutes=2))
    return current_market()


def test_a_tick_that_is_due_and_undone_beyond_patience_is_overdue(due, settings):
    assert 115 < watchdog.overdue(LONG_AGO) < 180
    settings.WATCHDOG_S = 200.0
    assert watchdog.overdue(LONG_AGO) is None


def test_three_intervals_are_waited_for_where_they_last_longer(due, settings):
    settings.WATCHDOG_S, settings.REPLAY_SPEED = 30.0, 1.0  # market time as slow as wall time
    AgentState.objects.update(scan_interval_ms=60_000)
    assert watchdog.patience_s(agent_state(), due) == 180.0
    assert watchdog.overdue(LONG_AGO) is None


def test_nothing_is_overdue_where_no_tick_is_due_or_the_watcher_has_just_begun(due):
    assert watchdog.overdue(datetime.now(UTC)) is None
    AgentState.objects.update(enabled=False)
    assert watchdog.overdue(LONG_AGO) is None
    AgentState.objects.update(enabled=True, changed_at=datetime.now(UTC))
    assert watchdog.overdue(LONG_AGO) is None
    AgentState.objects.update(changed_at=LONG_AGO)
    Market.objects.update(position=due.delivered)
    assert watchdog.overdue(LONG_AGO) is None


def test_the_process_ends_with_1_and_takes_its_children_along(due, monkeypatch):
    killed = []

    class Child:
        def kill(self):
            killed.append(self)

    class Ended(BaseException):
        pass

    def end(code):
        raise Ended(code)

    monkeypatch.setattr(watchdog.multiprocessing, "active_children", lambda: [Child(), Child()])
    monkeypatch.setattr(watchdog.logging, "shutdown", lambda: None)
    monkeypatch.setattr(watchdog.os, "_exit", end)
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(watchdog.connection, "close", lambda: None)
    dog = watchdog.Watchdog()
    dog._since = LONG_AGO
    with pytest.raises(Ended, match="1"):
        dog.run()
    assert len(killed) == 2


def test_a_task_that_is_always_behind_ends_before_its_limit_and_asks_for_the_next(replay, db, monkeypatch):
    steps, asked = [], []
    monkeypatch.setattr(tasks.Ticker, "step", lambda ticker, idle_s: steps.append(1) or Step([], 0.0))
    monkeypatch.setattr(tasks, "WORK_S", 0.05)
    monkeypatch.setattr(tasks, "wake", lambda: asked.append(1))
    tasks.tick()
    assert len(steps) > 1
    assert asked == [1]
