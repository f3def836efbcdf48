"""``python -m bench.fanout.run``: fan-out in interleaved runs; writes bench/results/YYYY-MM-DD-fanout.md.

A: 1,000 clients on one symbol; four messages in flight, then five a second. B: 1,000 clients with 5 of 200 symbols
each; scans back to back, then ten a second. Held: 3,000 clients with one of 200 symbols each, one scan a second. The
server has one core, client, publisher and Redis the other. Only ratios within a run mean anything: medians over the
rounds, systems alternating. Rounds may be run one by one, where the machine cannot be kept quiet for long:

    python -m bench.fanout.run [--rounds 3] [--only NAME …] [--add] [--no-report]
"""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = HERE.parent / ".work" / "fanout"
PYTHON = sys.executable
SYMBOLS = 200
WORKLOADS = {  # clients, symbols, symbols a client, phases (client.c)
    "A": (1000, 1, 1, "full:2:4,rate:3:5"),
    "B": (1000, SYMBOLS, 5, "full:2:1,rate:2:10"),
    "held": (3000, SYMBOLS, 1, "rate:3:1"),
}
RUNS = WORK / "runs.jsonl"
SERVER_CORE, OTHER_CORE = "0", "1"
NICE = os.environ.get("BENCH_NICE", "0")  # below 0 (as root) where others work on the machine


@dataclass
class System:
    """How a server and its publisher are started, and how the client speaks to it."""

    server: list[str]
    publisher: list[str] | None = None
    redis: bool = False
    path: str = "/ws/%"
    subscribe: bool = False
    http: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    workloads: tuple[str, ...] = ("A", "B")


def ours(server: str, redis: bool = True, **environment: str) -> System:
    module = [PYTHON, "-m", "bench.fanout.serving"]
    start = [*module, server, "{port}"]
    publisher = [*module, "publish", "{publish}"] if redis else None
    start += [] if redis else ["{publish}"]
    environment |= {"REDIS_URL": "{redis}" if redis else "", "LOG_LEVEL": "WARNING", "REALTIME_AGENT_ENABLED": "false"}
    held = redis and "WRITE_PATH" not in environment
    workloads = ("A", "B", "held") if held else ("A", "B")
    return System(start, publisher, redis, "/ws/realtime", True, environment=environment, workloads=workloads)


def stock(server: str, redis: bool = True) -> System:
    command = {
        "daphne": [PYTHON, "-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "-v", "0"],
        "uvicorn": [PYTHON, "-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--lifespan", "off"],
    }[server] + ["bench.fanout.stock:application"]
    publisher = [PYTHON, "-m", "bench.fanout.stock_publisher", "{publish}"] if redis else None
    environment = {"STOCK_LAYER": "{redis}"} if redis else {"STOCK_PUBLISH": "{publish}"}
    return System(command, publisher, redis, environment=environment)


SYSTEMS = {
    "floor, a write each": System([str(WORK / "floor"), "{port}", "{publish}", "each"]),
    "floor, joined": System([str(WORK / "floor"), "{port}", "{publish}", "joined"]),
    "nchan": System(["nginx", "-p", str(WORK), "-c", str(WORK / "nchan.conf")], http=True),
    "direct, daphne": ours("daphne"),
    "direct, uvicorn": ours("uvicorn"),
    "direct, daphne, in memory": ours("daphne", redis=False),
    "direct, uvicorn, in memory": ours("uvicorn", redis=False),
    "portable, daphne": ours("daphne", WRITE_PATH="portable"),
    "portable, uvicorn": ours("uvicorn", WRITE_PATH="portable"),
    "stock, daphne": stock("daphne"),
    "stock, uvicorn": stock("uvicorn"),
    "stock, daphne, in memory": stock("daphne", redis=False),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, within: float = 60.0) -> None:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def build() -> None:
    """Compile client and floor, lay out nginx's folder and the database of the server."""
    missing = [tool for tool in ("gcc", "nginx", "redis-server") if not shutil.which(tool)]
    if missing:
        raise SystemExit(
            f"{', '.join(missing)} is missing: apt install gcc nginx-light libnginx-mod-nchan redis-server"
        )
    WORK.mkdir(parents=True, exist_ok=True)
    for name in ("client", "floor"):
        subprocess.run(["gcc", "-O2", "-o", WORK / name, HERE / f"{name}.c"], check=True)
    (WORK / "temp").mkdir(exist_ok=True)
    (WORK / "modules").unlink(missing_ok=True)
    (WORK / "modules").symlink_to("/usr/lib/nginx/modules")
    environment = os.environ | {"DATA_DIR": str(WORK / "data")}
    subprocess.run(
        [PYTHON, "-m", "bench.fanout.serving", "prepare", str(SYMBOLS)], cwd=ROOT, env=environment, check=True
    )


@contextmanager
def started(command: list[str], core: str, **environment: str) -> Iterator[subprocess.Popen]:
    """Run a process of a group of its own on one core, until the block ends."""
    with (WORK / "server.log").open("ab") as log:
        process = subprocess.Popen(
            ["nice", "-n", NICE, "taskset", "-c", core, *command],
            cwd=ROOT,
            env=os.environ | {"DATA_DIR": str(WORK / "data")} | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        favour(process.pid)
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def favour(pid: int) -> None:
    """Give a process's session the priority of BENCH_NICE: where the kernel groups by session, nice alone does not."""
    group = Path(f"/proc/{pid}/autogroup")
    if NICE != "0" and group.exists():
        group.write_text(NICE)


def family(pid: int) -> list[str]:
    """Return a process and its children: nginx works in a child."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [str(pid), *(one for child in children for one in family(int(child)))]


def measure(system: System, workload: str) -> dict[str, Any]:
    """Run one workload on a fresh server; return the client's figures by phase."""
    ports = {"port": free_port(), "publish": free_port(), "redis_port": free_port()}
    places = {**ports, "redis": f"redis://127.0.0.1:{ports['redis_port']}/0"}

    def filled(words: list[str]) -> list[str]:
        return [word.format(**places) for word in words]

    environment = {key: value.format(**places) for key, value in system.environment.items()}
    if system.http:
        (WORK / "nchan.conf").write_text((HERE / "nchan.conf").read_text().replace("PORT", str(ports["port"])))
    with _processes(system, filled, environment, ports) as server:
        count, symbols, each, phases = WORKLOADS[workload]
        publish = f"http:{ports['port']}" if system.http else f"line:{ports['publish']}"
        command = [WORK / "client", ports["port"], system.path, int(system.subscribe), publish, count, symbols, each]
        command += [phases, f"server={'+'.join(family(server.pid))}"]
        done = subprocess.run(
            ["nice", "-n", NICE, "taskset", "-c", OTHER_CORE, *map(str, command)],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        if done.returncode:
            return {"failed": done.stderr.strip()[-200:]}
        return {found["phase"]: found for found in map(json.loads, done.stdout.splitlines())}


@contextmanager
def _processes(
    system: System, filled: Any, environment: dict[str, str], ports: dict[str, int]
) -> Iterator[subprocess.Popen]:
    redis = ["redis-server", "--port", str(ports["redis_port"]), "--bind", "127.0.0.1", "--save", ""]
    redis += ["--client-output-buffer-limit", "pubsub 0 0 0"]
    with _optional(redis if system.redis else None, OTHER_CORE) as beside:
        if beside:
            answers(ports["redis_port"])
        with started(filled(system.server), SERVER_CORE, **environment) as server:
            answers(ports["port"])
            with _optional(system.publisher and filled(system.publisher), OTHER_CORE, **environment) as publisher:
                if publisher:
                    answers(ports["publish"])
                time.sleep(0.5)
                yield server


@contextmanager
def _optional(command: list[str] | None, core: str, **environment: str) -> Iterator[subprocess.Popen | None]:
    if command is None:
        yield None
    else:
        with started(command, core, **environment) as process:
            yield process


FIGURES = {
    "a_rate": ("A", lambda run: run["full"]["rate"]),
    "a_p50": ("A", lambda run: run["rate"]["p50"]),
    "a_p99": ("A", lambda run: run["rate"]["p99"]),
    "a_cpu": ("A", lambda run: 1e6 * run["full"]["cpu_server"] / run["full"]["deliveries"]),
    "b_rate": ("B", lambda run: run["full"]["rate"]),
    "b_p50": ("B", lambda run: run["rate"]["round_p50"]),
    "b_p99": ("B", lambda run: run["rate"]["round_p99"]),
    "b_cpu": ("B", lambda run: 1e6 * run["full"]["cpu_server"] / run["full"]["deliveries"]),
    "kb": ("A", lambda run: run["connect"]["grown_server"] / WORKLOADS["A"][0]),
    "connects": ("A", lambda run: WORKLOADS["A"][0] / run["connect"]["seconds"]),
    "disorder": ("B", lambda run: run["rate"]["disorder"] + run["rate"]["gone"]),
    "held": ("held", lambda run: WORKLOADS["held"][0] - run["rate"]["gone"] if run["rate"]["complete"] else 0),
    "held_connects": ("held", lambda run: WORKLOADS["held"][0] / run["connect"]["seconds"]),
}
Figures = dict[str, dict[str, float]]
Runs = dict[tuple[str, str], list[dict[str, Any]]]  # by system and workload


def medians(runs: Runs) -> Figures:
    """Return by system the median of each figure over its runs; a system without a whole run is left out."""
    found: Figures = {}
    for name, system in SYSTEMS.items():
        if all(runs.get((name, workload)) for workload in system.workloads):
            found[name] = {
                key: median(map(pick, runs[name, workload]))
                for key, (workload, pick) in FIGURES.items()
                if workload in system.workloads
            }
    return found


def collect(names: list[str], rounds: int) -> None:
    """Run every workload of each system once a round; append what was found to RUNS."""
    for number in range(rounds):
        for name in names:
            for workload in SYSTEMS[name].workloads:
                run = measure(SYSTEMS[name], workload)
                _show(f"round {number + 1}  {name:28} {workload:4}", run)
                if "failed" not in run:
                    with RUNS.open("a") as out:
                        out.write(json.dumps({"system": name, "workload": workload, "run": run}) + "\n")


def collected() -> Runs:
    """Return all runs since the last call without ``--add``."""
    runs: Runs = defaultdict(list)
    for line in RUNS.read_text().splitlines():
        one = json.loads(line)
        runs[one["system"], one["workload"]].append(one["run"])
    return runs


def _show(label: str, run: dict[str, Any]) -> None:
    if "failed" in run:
        print(label, " failed:", run["failed"], flush=True)
        return
    last = run["rate"]
    told = f"{label}  p50 {last['p50']:6.1f}  p99 {last['p99']:6.1f}"
    told += f"  round {last['round_p50']:6.1f} {last['round_p99']:6.1f} ms"
    if full := run.get("full"):
        told += f"  {full['rate']:9,.0f}/s  server {1e6 * full['cpu_server'] / full['deliveries']:.2f} us a delivery"
        told += f"  cores {full['cpu_server'] / full['seconds']:.2f} {full['client_cpu'] / full['seconds']:.2f}"
    print(told, f" disorder {last['disorder']}  complete {last['complete']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--add", action="store_true", help="go on with the runs of the call before")
    parser.add_argument("--no-report", action="store_true")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (20_000, 20_000))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends as well
    favour(os.getpid())
    build()
    if not arguments.add:
        RUNS.write_text("")
    collect(arguments.only, arguments.rounds)
    if not arguments.no_report:
        from bench.fanout.report import write

        write(collected())


if __name__ == "__main__":
    main()
