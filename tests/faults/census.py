"""What processes take, counted again and again: memory, descriptors, and PostgreSQL's connections."""

import statistics
import time
from typing import NamedTuple

import psutil

from tests.faults.stack import Stack

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


class Figures(NamedTuple):
    """One process at one time. rss: MB, resident. descriptors: open files and sockets."""

    pid: int
    rss: float
    descriptors: int


class Sample(NamedTuple):
    """All processes, by name, some minutes after the beginning."""

    minutes: float
    processes: dict[str, Figures]
    connections: int


class Census:
    """Samples of one stack since it was made."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._began = stack, time.monotonic()
        self.samples: list[Sample] = []

    def minutes(self) -> float:
        return (time.monotonic() - self._began) / 60

    def count(self) -> None:
        """Take a sample; a process that is just being started anew is left out of it."""
        found = {}
        for name, one in self._stack.all.items():
            try:
                found[name] = _figures(psutil.Process(one.process.pid))
                for child in one.children:
                    found[f"{name}'s child"] = _figures(child)
            except psutil.NoSuchProcess:
                continue
        found["Redis"] = _figures(psutil.Process(self._stack.redis.process.pid))
        connections = self._stack.postgres.rows(CONNECTIONS)[0][0]
        self.samples.append(Sample(self.minutes(), found, connections))

    def lives(self, name: str) -> list[list[Figures]]:
        """Return the figures of a process, apart for each of its lives."""
        lives: list[list[Figures]] = []
        for sample in self.samples:
            if name not in sample.processes:
                continue
            figures = sample.processes[name]
            if not lives or lives[-1][-1].pid != figures.pid:
                lives.append([])
            lives[-1].append(figures)
        return lives


def growth(values: list[float]) -> tuple[float, float]:
    """Return the medians of the second and of the last quarter; the first is left to caches that fill."""
    quarter = max(len(values) // 4, 1)
    return statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])


def _figures(process: psutil.Process) -> Figures:
    with process.oneshot():
        return Figures(process.pid, process.memory_info().rss / 2**20, process.num_fds())
