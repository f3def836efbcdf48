"""What every bench does: run ours and the peers' in turn, take medians, hold them against what was asked."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROUNDS = 7
COLUMNS_AT_ONCE = 100  # of vectorbt, whose time for more grows with them

Measure = Callable[[], float]


class Target(NamedTuple):
    """One line of a report. ``passed`` is None where nothing was promised."""

    what: str
    wanted: str
    found: str
    passed: bool | None


class Peer:
    """A peer's process, in its own environment: told which measure to run, it answers with seconds."""

    def __init__(self, name: str, module: str, arguments: list[int]) -> None:
        python = HERE / ".work" / name / "bin" / "python"
        if not python.exists():
            raise SystemExit(f"{name} is missing: run bench/setup_peers.sh")
        command = [str(python), "-m", module, *map(str, arguments)]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}  # ours alone
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=ROOT, env=plain, text=True, **pipes)
        self.versions: dict[str, str] = self._read(name)

    def measure(self, what: str) -> Measure:
        def run() -> float:
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
            return float(self._read(what))

        return run

    def _read(self, what: str):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer's process ended at {what!r} (exit {self._process.wait()})")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)


@contextmanager
def peer(name: str, module: str, arguments: list[int]) -> Iterator[Peer]:
    one = Peer(name, module, arguments)
    try:
        yield one
    finally:
        one.close()


def timed(function: Callable[[], object], clock: Measure = time.perf_counter) -> Measure:
    def run() -> float:
        begun = clock()
        function()
        return clock() - begun

    return run


def worked(function: Callable[[], object]) -> Measure:
    """Measure processor time: of what one thread does, it is the time on a machine that does nothing else."""
    return timed(function, time.process_time)


def alternate(measures: dict[str, Measure], rounds: int = ROUNDS) -> dict[str, float]:
    """Return each measure's median seconds over ``rounds``; in each all run once, and a first round is thrown away."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for lap in range(rounds + 1):
        for name, measure in measures.items():
            seconds = measure()
            if lap:
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


def ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


def ratio(what: str, wanted: float, theirs: float, mine: float) -> Target:
    return Target(what, f"≥ {wanted:g} ×", f"{theirs / mine:,.1f} ×", theirs / mine >= wanted)
