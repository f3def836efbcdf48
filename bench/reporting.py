"""A bench's report: dated, with the machine and its load, what was asked and what was found; in bench/results/."""

import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measuring import HERE, ROOT, Target

WORDS = {True: "pass", False: "**miss**", None: ""}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def load() -> float:
    """Return the machine's load of the last minute."""
    return os.getloadavg()[0]


def machine(before: float) -> str:
    """Return the line that names the machine; ``before``: its load when the bench began."""
    return f"- machine: {os.cpu_count()} cores, {processor()}; load {before:.1f} before, {load():.1f} after"


def begun(command: str, *parts: str) -> str:
    """Return the line that says how and when the report was made."""
    at = f"{datetime.now(UTC):%H:%M} UTC"
    return "; ".join([f"- command: `{command}`, ended {at}, Python {platform.python_version()}", *parts])


def targets_table(targets: Iterable[Target]) -> list[str]:
    head = ["| measure | target | found | |", "| --- | --- | --- | --- |"]
    return [*head, *(f"| {t.what} | {t.wanted} | {t.found} | {WORDS[t.passed]} |" for t in targets)]


def times_table(head: str, took: Mapping[str, float]) -> list[str]:
    """Return a table of times given in seconds."""
    rows = (f"| {name} | {1000 * seconds:,.2f} ms |" for name, seconds in took.items())
    return [f"| {head} | time |", "| --- | ---: |", *rows]


def write(kind: str, title: str, lines: Sequence[str]) -> Path:
    """Write bench/results/YYYY-MM-DD[-kind].md, print it and return its path."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    path = HERE / "results" / f"{day}{kind and '-'}{kind}.md"
    text = "\n".join([f"# {day}{title and ', '}{title}", "", *lines]) + "\n"
    path.write_text(text)
    sys.stdout.write(f"{text}\nwritten to {path.relative_to(ROOT)}\n")
    return path
