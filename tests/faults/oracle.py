"""What should be there against what is: lost, duplicated, unexpected."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.clients import Clients
from tests.faults.servers import wait_for
from tests.faults.stack import ROOT, Stack

SIGNALS = """
SELECT i.symbol, s.seq, s.as_of, s.score, s.confidence, s.because
FROM signals_signal s JOIN market_instrument i ON i.id = s.instrument_id ORDER BY s.as_of, i.symbol, s.seq
"""


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

    def upto(self, position: int) -> Counter:
        """Return the signals up to a market time, counted."""
        self._controls.set("upto", position)

        def played() -> list | None:
            assert self.process.poll() is None
            lines = [json.loads(line) for line in self._path.read_text().splitlines(True) if line.endswith("\n")]
            return lines if any(isinstance(line, int) and line >= position for line in lines) else None

        lines = wait_for(played, 300.0, "the truth")
        return Counter(tuple(line) for line in lines if isinstance(line, list) and line[2] <= position)


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

    def all_heard() -> bool:
        return all(
            one.seen.get(symbol, [0])[-1] >= head for one in clients.all for symbol, head in heads.items() if head
        )

    verdict = Verdict()
    try:
        wait_for(all_heard, seconds)
    except AssertionError:
        verdict.lost += [
            (number, symbol, one.seen.get(symbol, [0])[-1], head)
            for number, one in enumerate(clients.all)
            for symbol, head in heads.items()
            if one.seen.get(symbol, [0])[-1] < head
        ]
    for number, one in enumerate(clients.all):
        verdict.unexpected += [(number, error) for error in one.errors]
        for symbol, seqs in list(one.seen.items()):
            for before, after in pairwise(seqs):
                if after > before + 1:
                    verdict.lost.append((number, symbol, before, after))
                elif after <= before:
                    verdict.duplicated.append((number, symbol, before, after))
    return verdict
