"""What a worker does around its ticks."""

import pytest

from agent import tasks
from agent.ticking import Step

NOTHING_DUE, A_SCAN = Step([], 1.0), Step([], 0.0, {1: "tick"})


class Scripted:
    """In the place of a ticker: does what it was told it would."""

    def __init__(self, steps) -> None:
        self.steps, self.market = list(steps), None

    def step(self, idle_s: float) -> Step:
        return self.steps.pop(0)


@pytest.mark.django_db
def test_the_collector_is_settled_behind_the_first_scan_also_where_the_first_look_found_nothing(monkeypatch):
    settled = []
    script = Scripted([NOTHING_DUE, A_SCAN, NOTHING_DUE])
    monkeypatch.setattr(tasks, "_tickers", {})
    monkeypatch.setattr(tasks, "Ticker", lambda market, share: script)
    monkeypatch.setattr(tasks, "settle", lambda: settled.append(len(script.steps)))
    tasks.tick()
    assert settled == []
    tasks.tick()
    assert settled == [1]  # the scan was over, and the look that ends the task had not been taken
