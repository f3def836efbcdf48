"""What should be there against what is: lost, duplicated, unexpected."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field

from tests.faults.clients import Clients
from tests.faults.servers import wait_for
from tests.faults.stack import ROOT, Stack

SIGNALS = """
SELECT i.symbol, s.seq, s.as_of, s.score, s.confidence, s.because
FROM signals_signal s JOIN market_instrument i ON i.id = s.instrument_id ORDER BY s.as_of, i.symbol, s.seq
"""
TRUTH_S = 1200.0  # how long it may take to play what was not played yet, on a machine that is busy elsewhere


@dataclass
class Verdict:
    lost: list = field(default_factory=list)
    duplicated: list = field(default_factory=list)
    unexpected: list = field(default_factory=list)

    def __bool__(self) -> bool:
        return not (self.lost or self.duplicated or self.unexpected)

    def __str__(self) -> str:
        parts = {"lost": self.lost, "duplicated": self.duplicated, "unexpected": self.unexpected}
        return ", ".join(f"{len(rows)} {name} {rows[:3]}" for name, rows in parts.items())


class Truth:
    """Every signal of the market as a process without faults stores them; it plays along as far as it is asked to."""

    def __init__(self, stack: Stack) -> None:
        self._controls, self._path = stack.controls, stack.folder / "truth.jsonl"
        environment = stack.environment | {"DATA_DIR": str(stack.folder / "truth"), "REPLAY_SPEED": "0"}
        environment["DJANGO_SETTINGS_MODULE"] = "realtime_agent.settings"
        for name in ("DATABASE_URL", "REDIS_URL"):
            del environment[name]
        command = [sys.executable, "-m", "tests.faults.truth", str(self._path)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment)
        self._read, self._played = 0, 0
        self._signals: list[tuple] = []

    def play(self, position: int) -> None:
        """Let it play up to a market time meanwhile, so that nobody has to wait for it afterwards."""
        self._controls.set("upto", position)

    def upto(self, position: int) -> Counter:
        """Return the signals up to a market time, counted."""
        self.play(position)
        wait_for(lambda: self._has_played(position), TRUTH_S, "the truth")
        return Counter(signal for signal in self._signals if signal[2] <= position)

    def _has_played(self, position: int) -> bool:
        assert self.process.poll() is None
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written
                self._read += len(line)
                told = json.loads(line)
                if isinstance(told, int):
                    self._played = told
                else:
                    self._signals.append(tuple(told))
        return self._played >= position

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def judge_stored(stack: Stack, truth: Truth) -> Verdict:
    """Compare the signals table with the truth up to the market's position."""
    with stack.postgres.connect() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        position = connection.execute("SELECT position FROM market_market").fetchone()[0]
        stored = Counter(connection.execute(SIGNALS).fetchall())
    wanted = truth.upto(position)
    assert wanted, "nothing was told so far: there is nothing to compare"
    twice = Counter((symbol, as_of) for (symbol, _, as_of, *_), n in stored.items() for _ in range(n))
    return Verdict(
        lost=list((wanted - stored).elements()),
        duplicated=[key for key, n in twice.items() if n > 1],
        unexpected=[row for row in (stored - wanted).elements() if row[2] <= position],
    )


def judge_heard(stack: Stack, clients: Clients, seconds: float = 30.0) -> Verdict:
    """Compare what every client wrote down with what is stored, once all had time to hear of it."""
    heads = dict(
        stack.postgres.rows(
            "SELECT i.symbol, t.last_seq FROM signals_stream t JOIN market_instrument i ON i.id = t.instrument_id"
        )
    )

    def behind() -> list:
        return [
            (number, symbol, one.last.get(symbol, 0), head)
            for number, one in enumerate(clients.all)
            for symbol, head in heads.items()
            if one.last.get(symbol, 0) < head
        ]

    verdict = Verdict()
    try:
        wait_for(lambda: not behind(), seconds)
    except AssertionError:
        verdict.lost += behind()
    for number, one in enumerate(clients.all):
        verdict.unexpected += [(number, error) for error in one.errors]
        for symbol, before, after in list(one.breaks):
            found = verdict.lost if after > before else verdict.duplicated
            found.append((number, symbol, before, after))
    return verdict
