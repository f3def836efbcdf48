"""Faults by name, each caused once: what a long run picks from. They fall on the processes named here alone."""

import random
import signal
import time
from collections.abc import Callable

from tests.faults.clients import Clients
from tests.faults.servers import wait_for
from tests.faults.stack import Stack

VICTIMS = ("web", "worker0", "beat", "feed")
Fault = Callable[[Stack, Clients, random.Random], None]


def end(name: str, number: int) -> Fault:
    """A process is ended by a signal; its supervisor starts it anew."""

    def fault(stack: Stack, clients: Clients, chance: random.Random) -> None:
        one = stack.all[name]
        wait_for(lambda: one.process.poll() is None, seconds=300.0, what=f"{name} running")
        starts = one.starts
        one.kill(number)
        wait_for(lambda: one.starts > starts, seconds=300.0, what=f"{name} started anew")

    return fault


def kill_child(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """The child that scans is killed in a scan, or between two."""
    worker = stack.all["worker0"]
    time.sleep(chance.uniform(0.0, 1.0))
    wait_for(lambda: worker.process.poll() is None and worker.children, seconds=300.0, what="a child")[0].kill()


def stop_child(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """The child that scans stands still for longer than its lease lasts."""
    worker = stack.all["worker0"]
    child = wait_for(lambda: worker.process.poll() is None and worker.children, seconds=300.0, what="a child")[0]
    child.suspend()
    time.sleep(chance.uniform(8.0, 15.0))
    child.resume()


def restart_redis(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """Redis is killed and comes back, every third time without its keys."""
    stack.redis.kill()
    time.sleep(chance.uniform(0.0, 2.0))
    stack.redis.start(empty=chance.random() < 1 / 3)


def pause_redis(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """Redis stands still for 10 s."""
    stack.redis.pause(10.0)


def crash_postgres(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """PostgreSQL ends as after a power cut, and recovers."""
    time.sleep(chance.uniform(0.0, 1.0))
    stack.postgres.crash()
    time.sleep(chance.uniform(0.0, 2.0))
    stack.postgres.start()


def lock_row(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """The agent's row is locked by a stranger for 20 s."""
    with stack.postgres.connect() as connection, connection.transaction():
        connection.execute("SELECT * FROM agent_agentstate FOR UPDATE")
        time.sleep(20.0)


def lose_messages(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """The channel layer loses 30 % of its messages for 20 s."""
    stack.controls.set("drop", 0.3)
    time.sleep(20.0)
    stack.controls.set("drop", 0)


def drop_clients(stack: Stack, clients: Clients, chance: random.Random) -> None:
    """Every client loses its connection at once."""
    clients.drop_all()
    time.sleep(0.5)


FAULTS: dict[str, Fault] = {
    **{f"kill -9 of {name}": end(name, signal.SIGKILL) for name in VICTIMS},
    **{f"SIGTERM to {name}": end(name, signal.SIGTERM) for name in VICTIMS},
    "kill -9 of a worker's child": kill_child,
    "a worker's child stopped past its lease": stop_child,
    "Redis killed and restarted": restart_redis,
    "Redis paused for 10 s": pause_redis,
    "PostgreSQL crashed and restarted": crash_postgres,
    "a row locked for 20 s": lock_row,
    "30 % of messages lost for 20 s": lose_messages,
    "all clients dropped": drop_clients,
}
