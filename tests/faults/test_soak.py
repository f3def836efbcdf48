"""Two hours with 500 clients and a fault a minute: nothing lost, nothing twice, and what lives on does not grow."""

import os
import platform
import random
import time
from collections import defaultdict
from contextlib import closing

import pytest

from tests.faults.census import Census, growth
from tests.faults.clients import Clients
from tests.faults.conftest import FULL, SEED, running
from tests.faults.disturbing import FAULTS
from tests.faults.oracle import Truth, judge_heard, judge_stored
from tests.faults.servers import free_port, wait_for
from tests.faults.stack import BEAT, MANAGE, WORKER, Stack
from tests.faults.table import RESULTS

MINUTES = float(os.environ.get("SOAK_MINUTES", "120"))
CLIENTS = 500
EVERY_S = 60.0
JUDGE_EVERY = 10  # faults between two comparisons with the truth
SYMBOLS = 4  # in two shards
PATIENCE_S = 600.0  # how long a machine that others use may take: what is asked here is whether, not when
# Lease and timeouts as they are set, not cut short; and no process ends because the machine is busy elsewhere.
AS_SET = {"FAULTS_PATIENT": "1", "WATCHDOG_S": "240"}
# No fault falls on these, so that their memory is watched for the whole time; it falls on all around them.
SPARED = ("spared-web", "spared-worker", "spared-worker's child", "spared-beat", "spared-feed")
SLACK = 1.10  # of a median, and at least as many more:
SLACK_MB, SLACK_DESCRIPTORS, SLACK_CONNECTIONS = 10.0, 8, 4


def spare(stack: Stack) -> int:
    """Start a second process of each kind beside those that faults fall on; return the second web's port."""
    port = free_port()
    stack.start("spared-web", [*MANAGE, "serve"], PORT=str(port))
    stack.start("spared-worker", [*WORKER, "-n", "spared@test"])
    stack.start("spared-beat", BEAT)
    stack.start("spared-feed", [*MANAGE, "feed"])
    return port


class Soak:
    """What was caused, how long it was felt, and what all took."""

    def __init__(self, stack: Stack, clients: Clients) -> None:
        self._stack, self._clients = stack, clients
        self.census = Census(stack)
        self.felt: dict[str, list[float]] = defaultdict(list)
        self.verdict = "still running"

    def disturb(self, chance: random.Random) -> None:
        """Cause one fault; wait until ticks are done and every client has all that is stored."""
        name = chance.choice(list(FAULTS))
        FAULTS[name](self._stack, self._clients, chance)
        began = time.monotonic()
        self._stack.wait_for_ticks(2, PATIENCE_S)
        wait_for(lambda: self._clients.connected() == CLIENTS, PATIENCE_S, f"all clients back after: {name}")
        heard = judge_heard(self._stack, self._clients, PATIENCE_S)
        self.felt[name].append(time.monotonic() - began)
        assert heard, f"after {name}: {heard}"

    def growing(self) -> list[str]:
        """Return what has grown from the second quarter to the last, among what no fault ended."""
        found = []
        for name in SPARED:
            lives = self.census.lives(name)
            if len(lives) != 1:
                found.append(f"{name} was started {len(lives)} times")
                continue
            for what, slack in (("rss", SLACK_MB), ("descriptors", SLACK_DESCRIPTORS)):
                found += grown(f"{name}: {what}", [float(getattr(one, what)) for one in lives[0]], slack)
        connections = [float(sample.connections) for sample in self.census.samples]
        return found + grown("connections to PostgreSQL", connections, SLACK_CONNECTIONS)

    def write(self) -> None:
        """Write the table so far: a run that is ended from outside leaves what it had."""
        day = time.strftime("%Y-%m-%d", time.gmtime())
        (RESULTS / f"{day}-soak.md").write_text("\n".join(self._lines(day)) + "\n")

    def _lines(self, day: str) -> list[str]:
        samples = self.census.samples
        names = sorted({name for sample in samples for name in sample.processes})
        ticks = self._stack.ticks()
        stored = self._stack.postgres.rows("SELECT count(*) FROM signals_signal")[0][0]
        heard = sum(one.heard for one in self._clients.all)
        return [
            f"# Soak, {day}",
            "",
            f"{self.census.minutes():.0f} of {MINUTES:.0f} minutes, {CLIENTS} clients, a fault every {EVERY_S:.0f} s, "
            f"seed {SEED}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.",
            "",
            f"Verdict: {self.verdict}. {ticks} ticks, {stored} signals stored, {heard} heard.",
            "",
            "Web processes, workers, beats and feeds in pairs: faults fall on one of each, the spared ones live on.",
            "",
            "## Faults",
            "",
            "Felt: from its end until two more ticks were done and every client had all that was stored.",
            "",
            "| fault | times | felt at most, s |",
            "| --- | --- | --- |",
            *(f"| {name} | {len(self.felt[name])} | {max(self.felt[name]):.1f} |" for name in sorted(self.felt)),
            "",
            "## Memory, MB resident",
            "",
            *_table(names, [(s.minutes, {n: f"{f.rss:.0f}" for n, f in s.processes.items()}, None) for s in samples]),
            "",
            "## Descriptors, and connections to PostgreSQL",
            "",
            *_table(
                [*names, "connections"],
                [(s.minutes, {n: str(f.descriptors) for n, f in s.processes.items()}, s.connections) for s in samples],
            ),
        ]


def grown(what: str, values: list[float], slack: float) -> list[str]:
    before, after = growth(values)
    return [f"{what} grew from {before:.0f} to {after:.0f}"] if after > max(before * SLACK, before + slack) else []


def _table(names: list[str], rows: list) -> list[str]:
    step = max(len(rows) // 24, 1)
    lines = [f"| min | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for minutes, cells, connections in rows[::step]:
        told = cells | ({"connections": str(connections)} if connections is not None else {})
        lines.append(f"| {minutes:.0f} | {' | '.join(told.get(name, '') for name in names)} |")
    return lines


@pytest.mark.skipif(not FULL, reason="two hours: make faults")
def test_hours_of_random_faults_lose_and_double_nothing_and_nothing_grows(chance, record_property):
    with running(workers=1, symbols=SYMBOLS, **AS_SET) as stack, closing(Truth(stack)) as truth:
        ports = [stack.port, spare(stack)]
        stack.controls.set("slow", 0.3)
        with closing(Clients(ports, CLIENTS, SEED)) as clients:
            wait_for(lambda: clients.connected() == CLIENTS, PATIENCE_S, f"{CLIENTS} clients connected")
            soak = Soak(stack, clients)
            soak.census.count()
            try:
                endure(soak, stack, truth, chance)
                soak.verdict = "nothing lost, nothing twice, nothing grew"
            except BaseException as failure:
                soak.verdict = f"failed: {failure}"
                raise
            finally:
                soak.write()
                record_property("minutes", round(soak.census.minutes()))


def endure(soak: Soak, stack: Stack, truth: Truth, chance: random.Random) -> None:
    """Cause a fault a minute until the time is up; judge all of it now and then, and at the end."""
    number = 0
    while soak.census.minutes() < MINUTES:
        began = time.monotonic()
        soak.disturb(chance)
        truth.play(stack.position())
        number += 1
        if number % JUDGE_EVERY == 0:
            stored = judge_stored(stack, truth)
            assert stored, f"stored: {stored}"
        time.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))
        soak.census.count()
        soak.write()
    stored = judge_stored(stack, truth)
    assert stored, f"stored: {stored}"
    assert soak.growing() == []
