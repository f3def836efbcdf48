"""Private PostgreSQL and Redis servers that may be killed: on free ports, gone with the test."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

PATIENCE_S = 60.0
BY = "by=%a="  # before each line of PostgreSQL's log: the application it is about


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(look, seconds: float = PATIENCE_S, what: str = "it"):
    """Return what ``look`` returns as soon as it is true; errors of what is not there yet count as not yet."""
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            if found := look():
                return found
        except (OSError, psycopg.Error, redis.RedisError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s ({last})")


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, or None where it is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


class Postgres:
    """A cluster of its own. root may not run one: then the user ``postgres`` does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.programs = folder, free_port(), programs()
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        folder.mkdir(parents=True)
        if self._as:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", str(folder / "data"))

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> "Postgres":
        # fsync off: what is killed here is the server, not the machine.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        options += f" -c log_line_prefix={BY}"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options, "start")
        return self

    def crash(self) -> None:
        """End at once as after a power cut, to recover at the next start."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def connect(self):
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5)

    def rows(self, query: str, *arguments) -> list[tuple]:
        with self.connect() as connection:
            return connection.execute(query, arguments or None).fetchall()

    @contextmanager
    def counted(self, application: str) -> Iterator[Callable[[], int]]:
        """While the block runs, count what a process asks; it gives a function that returns the count so far."""
        log, since = self.folder / "log", (self.folder / "log").stat().st_size
        asked = re.compile(rf"^{BY.replace('%a', application)}LOG:  (statement|execute)[^:]*: (\w+)", re.MULTILINE)
        self._log_statements("all")
        try:
            yield lambda: sum(
                kind not in ("BEGIN", "COMMIT", "ROLLBACK", "SET")
                for _, kind in asked.findall(log.read_bytes()[since:].decode(errors="replace"))
            )
        finally:
            self._log_statements("none")

    def _log_statements(self, which: str) -> None:
        with self.connect() as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)  # until every session has seen it

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self.programs / program), *arguments]
        # No pipes: the server would inherit them and the call would never end.
        subprocess.run(
            command, check=True, timeout=PATIENCE_S, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )


class Redis:
    """A Redis that keeps its keys in an append-only file, unless it is to come back empty."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, empty: bool = False) -> "Redis":
        if empty:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        wait_for(client.ping, what="Redis answering")
        client.close()
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self, seconds: float) -> None:
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)
