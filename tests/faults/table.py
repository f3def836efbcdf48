"""A pytest plugin: the table of fault runs of a day in bench/results/; runs of single tests join in one table."""

import os
import platform
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent.parent / "bench" / "results"
HEAD = ["what", "times", "result", "s", "figures", "seed"]


def pytest_runtest_logreport(report) -> None:
    if report.when != "call" and not report.failed:
        return
    from tests.faults.conftest import SEED, caused

    name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    figures = "; ".join(f"{what}: {value}" for what, value in report.user_properties)
    counts = " + ".join(map(str, caused)) or "1"
    caused.clear()
    _write([name, counts, report.outcome, f"{report.duration:.0f}", figures, str(SEED)])


def _write(row: list[str]) -> None:
    """Add a test's row to the day's table, in place of an earlier run's."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    path = RESULTS / f"{day}-faults.md"
    rows = _rows(path.read_text()) if path.exists() else {}
    rows[row[0]] = row
    lines = [
        f"# Faults, {day}",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. Each fault is caused as",
        "often as it says (a sum where a test causes several), by the random numbers of its seed.",
        "",
        f"| {' | '.join(HEAD)} |",
        "| --- " * len(HEAD) + "|",
        *(f"| {' | '.join(cells)} |" for cells in rows.values()),
    ]
    path.write_text("\n".join(lines) + "\n")


def _rows(table: str) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0]: cells for cells in lines if len(cells) == len(HEAD) and cells[0] not in ("what", "---")}
