"""A pytest plugin: the table of a full run, dated, in bench/results/."""

import platform
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent.parent / "bench" / "results"

_rows: list[tuple[str, str, float, str]] = []


def pytest_runtest_logreport(report) -> None:
    if report.when == "call" or report.failed:
        name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        figures = "; ".join(f"{what}: {value}" for what, value in report.user_properties)
        _rows.append((name, report.outcome, report.duration, figures))


def pytest_sessionfinish(session) -> None:
    from tests.faults.conftest import SEED

    day = time.strftime("%Y-%m-%d", time.gmtime())
    head = f"# Faults, {day}\n\nFull counts, seed {SEED}, {platform.machine()}, Python {platform.python_version()}.\n\n"
    lines = ["| what | result | s | figures |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {outcome} | {seconds:.0f} | {figures} |" for name, outcome, seconds, figures in _rows]
    (RESULTS / f"{day}-faults.md").write_text(head + "\n".join(lines) + "\n")
