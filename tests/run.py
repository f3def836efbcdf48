"""The whole suite: on SQLite, then what talks to a database or a channel layer again on PostgreSQL and Redis."""

import os
import socket
import subprocess
import sys
from urllib.parse import urlparse

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
PARALLEL = ["-n", "2", "--dist", "loadfile"]
# The engine knows no database, and the processes of tests/process bring their own.
STORED = ["tests/market", "tests/agent", "tests/api", "tests/socket"]


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


def main() -> int:
    failed = pytest([*PARALLEL, *sys.argv[1:]])
    missing = [url for url in (DATABASE_URL, REDIS_URL) if not answers(url)]
    if missing:
        sys.stdout.write(f"not tested on PostgreSQL and Redis: {', '.join(missing)} does not answer\n")
        return failed or (1 if os.environ.get("CI") == "true" else 0)
    sys.stdout.write("the same on PostgreSQL and Redis\n")
    sys.stdout.flush()
    services = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL}
    return pytest([*PARALLEL, *STORED, *sys.argv[1:]], **services) or failed


if __name__ == "__main__":
    sys.exit(main())
