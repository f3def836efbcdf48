"""One scrape tells of every process, and its counters agree with the tables whoever was killed."""

import time
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.faults.servers import wait_for


def scrape(stack):
    """Return {(sample, labels without the process): value summed over processes} and the kinds of process."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found, kinds = {}, set()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "process"))
            found[sample.name, *labels] = found.get((sample.name, *labels), 0.0) + sample.value
            kinds.add(sample.labels.get("process", "").partition("@")[0])
    return found, kinds - {""}


def agree(stack):
    """Whether a scrape between two ticks says what the tables say."""
    query = "SELECT advice, count(*) FROM signals_signal GROUP BY advice"
    runs = "SELECT status, count(*) FROM agent_scanrun WHERE status <> 'running' GROUP BY status"
    before = (stack.postgres.rows(query), stack.postgres.rows(runs))
    told, _ = scrape(stack)
    if before != (stack.postgres.rows(query), stack.postgres.rows(runs)):
        return False  # a tick came between
    signals = {advice: told["agent_signals_total", ("advice", advice)] for advice, _ in before[0]}
    scans = {status: told["agent_scans_total", ("status", status)] for status, _ in before[1]}
    assert signals == dict(before[0])
    assert scans == dict(before[1])
    return True


def test_one_scrape_tells_of_web_worker_and_feed_and_agrees_with_the_tables_after_a_kill(stack):
    wait_for(lambda: scrape(stack)[1] == {"web", "worker", "feed"}, what="figures of every kind of process")
    for stage in ("score", "publish"):  # by workers alone, who tell every few seconds
        timed = "agent_scan_stage_seconds_count", ("stage", stage)
        wait_for(lambda t=timed: scrape(stack)[0][t] > 0, what=f"the stage {stage} timed")
    told, _ = scrape(stack)
    assert ("agent_queue_depth", ("queue", "broker")) in told
    wait_for(lambda: agree(stack), what="a moment between two ticks")
    stack.wait_for_a_shard_under_way()
    wait_for(lambda: stack.all["worker0"].children, what="a child")[0].kill()
    time.sleep(0.5)
    stack.wait_for_ticks(2)
    wait_for(lambda: agree(stack), what="a moment between two ticks")
