"""The whole suite: on SQLite; what talks to a database or a layer again on PostgreSQL and Redis; then, one after
the other, what needs the machine for itself: faults of whole stacks of processes, and the dashboard.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
PARALLEL = ["-n", "2", "--dist", "loadfile"]
# Processes and slow readers, which are waited for most of the time.
WAITING = ["tests/process", "tests/wire"]
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile"]
# The engine knows no database, and the processes of tests/process bring their own.
STORED = [
    "tests/market",
    "tests/agent",
    "tests/api",
    "tests/socket",
    "tests/access",
    "tests/backtest",
    "tests/outcomes",
    "tests/risk",
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
ALONE = ["tests/faults", "tests/browser"]
FRONTEND = Path(__file__).resolve().parent.parent / "frontend"


def answers(url: str) -> bool:
    parts = urlparse(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=2):
            return True
    except OSError:
        return False


def pytest(arguments: list[str], **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode


def stored_elsewhere() -> int:
    missing = [url for url in (DATABASE_URL, REDIS_URL) if not answers(url)]
    if missing:
        sys.stdout.write(f"not tested on PostgreSQL and Redis: {', '.join(missing)} does not answer\n")
        return 1 if os.environ.get("CI") == "true" else 0
    sys.stdout.write("the same on PostgreSQL and Redis\n")
    sys.stdout.flush()
    services = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL}
    return pytest([*PARALLEL, *STORED, *ignored(SAME), *sys.argv[1:]], **services)


def ignored(paths: list[str]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


def vitest() -> int:
    """Run the dashboard's own tests with the Node of the virtual environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["npm", "run", "--silent", "test"]
    return subprocess.run(command, cwd=FRONTEND, env=os.environ | {"PATH": path}, check=False).returncode


def faults() -> int:
    """Run every fault test at its full count, and the frames at full size; hours."""
    failed = pytest(["tests/faults", "-p", "tests.faults.table"], FAULTS="full")
    return pytest(["tests/wire"], WIRE_FULL="1") or failed


def main() -> int:
    if sys.argv[1:] == ["faults"]:
        return faults()
    steps = [
        lambda: pytest([*PARALLEL, *ignored([*WAITING, *ALONE]), *sys.argv[1:]]),
        lambda: pytest([*SIDE_BY_SIDE, *WAITING, *sys.argv[1:]]),
        stored_elsewhere,
        vitest,
        *(lambda folder=folder: pytest([folder, *sys.argv[1:]]) for folder in ALONE),
    ]
    return max(step() for step in steps)  # every step, also behind a failed one


if __name__ == "__main__":
    sys.exit(main())
