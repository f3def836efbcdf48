"""One stack for all fault tests, its truth, and a seed that is printed and can be given again."""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import absent
from tests.faults.clients import Clients
from tests.faults.oracle import Truth, judge_heard, judge_stored
from tests.faults.servers import programs
from tests.faults.stack import Stack

FULL = os.environ.get("FAULTS") == "full"
AT_MOST = int(os.environ.get("FAULTS_AT_MOST") or 10**6)  # of the full counts: where time is short
caused: list[int] = []  # by the test that runs
# Kept where a second import of this file finds it: pytest loads it for itself, tests and table import it.
SEED = int(os.environ.setdefault("FAULTS_SEED", str(time.time_ns() % 1_000_000)))


def pytest_report_header() -> str:
    return f"faults: seed {SEED} (FAULTS_SEED={SEED} plays it again), {'full' if FULL else 'small'} counts"


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        item.add_marker(pytest.mark.faults)


def times(small: int, full: int) -> int:
    """Return how often a fault is caused, and keep it for the table."""
    count = min(full, AT_MOST) if FULL else small
    caused.append(count)
    return count


@contextmanager
def running(workers: int = 2, **options) -> Iterator[Stack]:
    """A stack that does ticks, gone at the end."""
    if shutil.which("redis-server") is None or programs() is None:
        absent("faults are not tested: they start PostgreSQL and Redis servers of their own, which are not installed")
    # Not pytest's own folder: it is closed to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    folder.chmod(0o755)
    one = Stack(folder, **options)
    try:
        one.begin(workers)
        one.wait_for_ticks(3, 300.0)
        yield one
    finally:
        one.close()
        if not os.environ.get("FAULTS_KEEP"):  # its logs, to find out why something failed
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack():
    with running() as one:
        yield one


@pytest.fixture(scope="session")
def truth(stack):
    with closing(Truth(stack)) as one:
        yield one


@pytest.fixture
def chance(request) -> random.Random:
    """Chance of this test alone: the seed of the run and the test's name."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def clients(stack):
    """Twenty recording clients, all connected."""
    from tests.faults.servers import wait_for

    with closing(Clients([stack.port], 20, SEED)) as listening:
        wait_for(lambda: listening.connected() == 20, what="20 clients connected")
        yield listening


@pytest.fixture
def judged(stack, truth, clients):
    """Return a function that compares tables and recordings with the truth, and raises what is wrong."""

    def judge() -> None:
        stored = judge_stored(stack, truth)
        assert stored, f"stored: {stored}"
        heard = judge_heard(stack, clients)
        assert heard, f"heard: {heard}"

    return judge
