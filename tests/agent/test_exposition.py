"""``/metrics``: parses, agrees with the database, and knows of every process."""

import json
import os

import pytest
from django.db import DatabaseError
from django.db.models import Count, Sum
from prometheus_client.parser import text_string_to_metric_families

from agent import figures
from agent.models import ProcessFigures, ScanRun
from agent.services import toggle
from market.models import Market
from signals.models import Signal
from telemetry.catalogue import CATALOGUE, REGISTRY
from telemetry.failures import count_failure

pytestmark = pytest.mark.django_db


@pytest.fixture
def scrape(api):
    """Return a function that scrapes: {(sample, labels without the process): [values]}."""

    def once():
        answer = api.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"})
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = {}
        for family in text_string_to_metric_families(answer.content.decode()):
            assert family.documentation
            for sample in family.samples:
                labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "process"))
                found.setdefault((sample.name, *labels), []).append(sample.value)
        return found

    return once


def test_the_counters_agree_with_the_database_after_a_replay(play, scrape):
    before = scrape()
    play(80)
    after = scrape()
    by_advice = dict(Signal.objects.order_by().values_list("advice").annotate(Count("pk")))
    assert sum(by_advice.values()) > 5
    for advice, count in by_advice.items():
        assert after["agent_signals_total", ("advice", advice)] == [count]
    runs = ScanRun.objects.filter(status="complete")
    assert after["agent_scans_total", ("status", "complete")] == [runs.count()]
    scored = runs.aggregate(Sum("symbols"))["symbols__sum"]
    assert after["agent_symbols_scored_total",] == [scored] != [0]
    held = {name[1][1]: value[0] for name, value in after.items() if name[0] == "agent_decisions_held_total"}
    stored = {}
    for run in runs:
        for because, count in run.held.items():
            stored[because] = stored.get(because, 0) + count
    assert held == stored != {}
    skipped = {name[1:]: v[0] for name, v in after.items() if name[0] == "agent_series_skipped_total"}
    assert skipped[("reason", "gap"), ("timeframe", "5m")] > 0  # CCCUSDT has an outage
    for stage in ("claim", "load", "score", "rules", "store"):
        name = ("agent_scan_stage_seconds_count", ("stage", stage))
        assert after[name][0] - before.get(name, [0])[0] >= runs.count(), stage
    assert after["agent_enabled",] == [1.0]
    assert after["agent_feed_lag_seconds", ("timeframe", "5m")][0] >= 0.0
    assert after["agent_queue_depth", ("queue", "unsent_signals")] == [0.0]


def test_counts_stay_when_what_was_counted_is_pruned_and_fall_with_no_rollback(play, scrape, monkeypatch):
    play(30)
    before = {k: v for k, v in scrape().items() if k[0] in ("agent_signals_total", "agent_scans_total")}
    monkeypatch.setattr(Market, "move", lambda *_: False)  # the tick is rolled back in its last statement
    play(3)
    ScanRun.objects.filter(status="complete").delete()
    after = {k: v for k, v in scrape().items() if k[0] in ("agent_signals_total", "agent_scans_total")}
    assert after == before


def test_a_tick_that_was_rolled_back_is_a_failure_that_was_foreseen(play, scrape, monkeypatch):
    name = ("agent_task_failures_total", ("expected", "true"), ("task", "scan"))
    play(1)
    before = scrape().get(name, [0])[0]
    monkeypatch.setattr(Market, "move", lambda *_: False)
    play(1)
    assert scrape()[name] == [before + 1]


def test_failures_are_told_apart(scrape):
    assert count_failure("test", DatabaseError("away"))
    assert not count_failure("test", ZeroDivisionError("a defect"))
    found = scrape()
    assert found["agent_task_failures_total", ("expected", "true"), ("task", "test")] == [1.0]
    assert found["agent_task_failures_total", ("expected", "false"), ("task", "test")] == [1.0]


def test_what_other_processes_count_is_in_the_scrape_until_they_are_gone(play, scrape, monkeypatch):
    play(1)
    monkeypatch.setattr(figures, "_kind", "worker")
    figures.tell()
    other = ProcessFigures.objects.get()
    ProcessFigures.objects.update(name="worker@elsewhere:1")
    json.dumps(other.samples)
    monkeypatch.setattr(figures, "_kind", "web")
    stage = ("agent_scan_stage_seconds_count", ("stage", "score"))
    assert len(scrape()[stage]) == 2
    assert scrape()["agent_processes", ("kind", "worker")] == [1.0]
    ProcessFigures.objects.update(seen_at=other.seen_at - figures.FRESH)
    assert len(scrape()[stage]) == 1
    ProcessFigures.objects.update(seen_at=other.seen_at - 2 * figures.FORGOTTEN)
    figures.tell()
    assert ProcessFigures.objects.count() == 1  # itself


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_figures_are_told_by_a_thread_once_a_process(monkeypatch, transactional_db):
    monkeypatch.setattr(figures, "_teller", None)
    monkeypatch.setattr(figures, "_kind", "web")
    told = []

    def tell_once():
        told.append(os.getpid())
        raise SystemExit  # ends the thread alone

    monkeypatch.setattr(figures, "tell", tell_once)
    figures.keep_telling("feed")
    _, thread = figures._teller
    figures.keep_telling("feed")
    assert figures._teller == (os.getpid(), thread)
    thread.join(20)
    assert told == [os.getpid()]
    assert figures.process_name().startswith("feed@")


def test_a_metric_that_stands_in_no_catalogue_is_not_exposed(play):
    from prometheus_client import Counter

    stray = Counter("agent_stray", "told by nobody", registry=REGISTRY)
    try:
        with pytest.raises(KeyError, match="agent_stray"):
            figures.own_samples()
    finally:
        REGISTRY.unregister(stray)
    assert "agent_stray" not in CATALOGUE


def test_who_may_not_read_may_not_scrape(api, settings, replay):
    settings.OPEN_CONTROL = False
    assert api.get("/metrics").status_code == 401


def test_the_switch_shows_in_the_scrape(play, scrape):
    play(1)
    toggle(False)
    assert scrape()["agent_enabled",] == [0.0]
