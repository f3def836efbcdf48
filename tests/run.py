"""The whole suite, in stages; at the end a line for each says how long it took.

Stages stand in lanes, which run side by side: one computes, on SQLite and then again on PostgreSQL and Redis; what is
in the other waits for processes most of the time. Behind them come, with the machine to themselves, what counts what
many clients get in time, and the dashboard.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parent.parent
DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
# A file stays in one process, which makes its market once; in the order of tests/conftest.py: long ones first.
BY_FILE = ["--dist", "loadfile", "--no-loadscope-reorder"]
PROCESSES = ["tests/process", "tests/wire"]
FAULTS = ["tests/faults"]
BROWSER = ["tests/browser"]
# The engine knows no database, and the processes of tests/process bring their own.
STORED = [
    "tests/agent",
    "tests/socket",
    "tests/access",
    "tests/api",
    "tests/backtest",
    "tests/risk",
    "tests/market",
    "tests/outcomes",
]
# These ask both databases already, start processes of their own, or what they ask is the same on any database.
SAME = [
    "tests/agent/test_transfer.py",
    "tests/agent/test_departures.py",
    "tests/backtest/test_parity.py",
    "tests/backtest/test_walk_forward.py",
    "tests/access/test_exposure.py",
    "tests/access/test_matrix.py",
    "tests/api/test_origin.py",
]


class Stage(NamedTuple):
    """A command, and what it finds in its environment beside what there is."""

    name: str
    command: list[str]
    environment: dict[str, str] = {}
    folder: Path = ROOT


class Ended(NamedTuple):
    """How a stage ended: by the clock, and what it and its processes used of the processors."""

    name: str
    code: int
    wall_s: float
    cpu_s: float


def main() -> int:
    if sys.argv[1:] == ["faults"]:
        return told([run(stage) for stage in full_faults()])
    lanes = [[on_sqlite(), *on_services(), vitest()], [faults()]]
    with ThreadPoolExecutor(len(lanes)) as pool:
        ended = [one for lane in pool.map(run_all, lanes) for one in lane]
    return told([*ended, run(processes()), run(browser())])


def on_sqlite() -> Stage:
    return pytest("SQLite", ["-n", "3", *BY_FILE, "tests", *ignored([*PROCESSES, *FAULTS, *BROWSER])])


def on_services() -> list[Stage]:
    missing = [url for url in (DATABASE_URL, REDIS_URL) if not answers(url)]
    if missing:
        said = f"not tested on PostgreSQL and Redis: {', '.join(missing)} does not answer"
        return [Stage("PostgreSQL, Redis", ["sh", "-c", f"echo '{said}'; test \"$CI\" != true"])]
    services = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL}
    return [pytest("PostgreSQL, Redis", ["-n", "4", *BY_FILE, *STORED, *ignored(SAME)], services)]


def faults() -> Stage:
    """Whole stacks of processes, one for each worker; both have the seed that is told here."""
    seed = os.environ.get("FAULTS_SEED") or str(time.time_ns() % 1_000_000)
    return pytest(f"faults, seed {seed}", ["-n", "2", *BY_FILE, *FAULTS], {"FAULTS_SEED": seed})


def processes() -> Stage:
    return pytest("processes, frames", ["-n", "4", "--dist", "loadgroup", *PROCESSES])


def browser() -> Stage:
    return pytest("browser", BROWSER)


def vitest() -> Stage:
    """Run the dashboard's own tests, with the Node of the virtual environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return Stage("vitest", ["npm", "run", "--silent", "test"], {"PATH": path}, ROOT / "frontend")


def full_faults() -> list[Stage]:
    """Every fault test at its full count, and the frames at full size; hours."""
    return [
        pytest("faults", [*FAULTS, "-p", "tests.faults.table"], {"FAULTS": "full"}),
        pytest("frames", ["tests/wire"], {"WIRE_FULL": "1"}),
    ]


def pytest(name: str, arguments: list[str], environment: dict[str, str] | None = None) -> Stage:
    given = [] if sys.argv[1:] == ["faults"] else sys.argv[1:]
    return Stage(name, [sys.executable, "-m", "pytest", "-q", *arguments, *given], environment or {})


def ignored(paths: list[str]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


def answers(url: str) -> bool:
    parts = urlparse(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=2):
            return True
    except OSError:
        return False


def run_all(stages: Sequence[Stage]) -> list[Ended]:
    """Run stages one behind the other, also behind a failed one; what each says comes in one piece at its end."""
    ended = []
    for stage in stages:
        with tempfile.TemporaryFile() as said:
            sys.stdout.write(f"{stage.name}: begun\n")
            sys.stdout.flush()
            ended.append(run(stage, said))
            said.seek(0)
            sys.stdout.write(f"\n{line(ended[-1])}\n{said.read().decode(errors='replace')}\n")
            sys.stdout.flush()
    return ended


def run(stage: Stage, output: IO[bytes] | None = None) -> Ended:
    """Run a stage with a data folder of its own; without ``output`` one sees what it says."""
    with tempfile.TemporaryDirectory(prefix="stage-") as folder:
        environment = os.environ | {"DATA_DIR": folder} | stage.environment
        begun = time.monotonic()
        process = subprocess.Popen(stage.command, cwd=stage.folder, env=environment, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return Ended(stage.name, process.returncode, time.monotonic() - begun, used.ru_utime + used.ru_stime)


def told(ended: list[Ended]) -> int:
    """Say what each stage took, and return a code that is 0 where all of them passed."""
    sys.stdout.write("\n" + "".join(f"{line(one)}\n" for one in ended))
    return int(any(one.code for one in ended))


def line(ended: Ended) -> str:
    word = "passed" if ended.code == 0 else "FAILED"
    return f"{ended.name:<20} {word}  {ended.wall_s:4.0f} s, of processors {ended.cpu_s:4.0f} s"


if __name__ == "__main__":
    sys.exit(main())
