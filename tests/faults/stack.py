"""The agent as processes over private servers, each process started anew when it dies, as a supervisor does."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests.faults.controls import Controls
from tests.faults.servers import Postgres, Redis, free_port, wait_for
from tests.playing import FIVE, START, walk, write_csv

ROOT = Path(__file__).resolve().parent.parent.parent
SYMBOLS = [f"S{letter}USDT" for letter in "AHBICJ"]  # of each two that follow one another, one lies in either shard
BARS, FIRST = 20_000, 3250  # of each file; the bar at which the replay begins: the longest timeframe has a score
TICK_S = 1.0  # wall time between two bars
CELERY = [sys.executable, "-m", "celery", "-A", "realtime_agent"]
MANAGE = [sys.executable, "manage.py"]
WORKER = [*CELERY, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"]
BEAT = [*CELERY, "beat", "--loglevel", "WARNING"]


class Supervised:
    """One process: started anew 0.2 s after it ended, unless it is to stay away."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self._command, self._environment, self._log = name, command, environment, log
        self.starts, self._wanted = 0, True
        self.process = self._start()

    def _start(self) -> subprocess.Popen:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

    def look(self) -> None:
        if self._wanted and self.process.poll() is not None:
            time.sleep(0.2)
            self.process = self._start()

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
        """End it for good; return its code."""
        self._wanted = False
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()


class Stack:
    """web, workers, beat and feed over one PostgreSQL and one Redis, a replay of made-up candles before them."""

    def __init__(self, folder: Path, symbols: int = len(SYMBOLS), **environment: str) -> None:
        self.folder = folder
        for number, symbol in enumerate(SYMBOLS[:symbols]):
            write_csv(folder / "candles", symbol, walk(BARS, seed=100 + number))
        self.controls = Controls(folder / "controls")
        self.all: dict[str, Supervised] = {}
        self._closing = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self.postgres, self.redis = Postgres(folder / "postgres").start(), Redis(folder / "redis").start()
        self.port = free_port()
        self.environment = self._environment() | environment
        self._supervisor.start()

    def begin(self, workers: int) -> None:
        """Migrate the database and start every process."""
        self.manage("migrate", "-v0")
        self.configure()
        self.start("web", [*MANAGE, "serve"])
        for number in range(workers):
            self.start(f"worker{number}", [*WORKER, "-n", f"w{number}@test"])
        self.start("beat", BEAT)
        self.start("feed", [*MANAGE, "feed"], FAULTS_PATIENT="1")  # a busy machine may take long over the first bars

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR", "NUMBA_CACHE_DIR")}
        begin = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((START + FIRST * FIVE) / 1000))
        return kept | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "FAULTS_DIR": str(self.controls.folder),
            "DATA_DIR": str(self.folder / "data"),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "PORT": str(self.port),
            "MARKET_SOURCE": f"replay:{self.folder / 'candles'}",
            "REPLAY_START": begin,
            "REPLAY_SPEED": str(FIVE / 1000 / TICK_S),
            "SCAN_SHARD_SYMBOLS": "3",
            "PYTHONWARNINGS": "ignore",
        }

    def start(self, name: str, command: list[str], **environment: str) -> Supervised:
        log = self.folder / f"{name.rstrip('0123456789')}.log"
        environment = self.environment | {"PGAPPNAME": name} | environment
        self.all[name] = Supervised(name, command, environment, log)
        return self.all[name]

    def _supervise(self) -> None:
        while not self._closing.wait(0.1):
            for one in list(self.all.values()):
                one.look()

    def manage(self, *arguments: str, **environment: str) -> str:
        environment = self.environment | {"FAULTS_PATIENT": "1"} | environment
        done = subprocess.run(
            [*MANAGE, *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def configure(self) -> None:
        """Let many decisions be told, so that there is something to lose."""
        code = (
            "from agent import services; from market.feeds import current_market; current_market();"
            "services.configure({'rules': {'hysteresis': 0.0, 'step': 0.01, 'cooldown_s': 0}})"
        )
        self.manage("shell", "-v0", "-c", code)

    def request(self, path: str, method: str = "GET", timeout: float = 20.0) -> tuple[int, dict]:
        body = b"{}" if method != "GET" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"{}")

    def position(self) -> int:
        return self.postgres.rows("SELECT position FROM market_market")[0][0]

    def ticks(self) -> int:
        """Return how many ticks are done."""
        return self.postgres.rows("SELECT count(*) FROM agent_scanrun WHERE status = 'complete'")[0][0]

    def wait_for_ticks(self, more: int, seconds: float = 90.0) -> float:
        """Wait until as many more ticks are done; return how long (s) it took."""
        began, target = time.monotonic(), self.ticks() + more
        wait_for(lambda: self.ticks() >= target, seconds, f"{more} more ticks")
        return time.monotonic() - began

    def wait_for_a_shard_under_way(self) -> tuple[int, int]:
        """Wait until a worker is in the middle of a scan; return (shard row, fence)."""
        query = "SELECT id, fence FROM agent_scanshard WHERE finished_at IS NULL AND lease_until > now()"
        return wait_for(lambda: self.postgres.rows(query), what="a shard under way")[0]

    def close(self) -> None:
        self._closing.set()
        self._supervisor.join()
        for one in self.all.values():
            for process in [*one.children, one.process] if one.process.poll() is None else []:
                process.kill()
            one.process.wait()
        self.redis.kill()
        self.postgres.crash()
