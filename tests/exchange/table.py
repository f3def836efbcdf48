"""A pytest plugin: what the full runs against the simulated exchange came to, dated, in bench/results/."""

import os
import platform
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent.parent / "bench" / "results"

_lines: list[str] = []


def pytest_runtest_logreport(report) -> None:
    if not report.user_properties:
        return
    name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    if report.when == "call":
        _lines.extend([f"## {name}", "", f"{report.outcome}, {report.duration:.0f} s", ""])
        for what, value in report.user_properties:
            _lines.extend(_table(what, value) if isinstance(value, dict) else [f"- {what}: {value:,}"])
        _lines.append("")


def _table(what: str, counts: dict) -> list[str]:
    rows = [f"| {name} | {count:,} |" for name, count in counts.items()]
    return ["", f"| {what} | |", "| --- | ---: |", *rows, ""]


def pytest_sessionfinish(session) -> None:
    if _lines:
        day = time.strftime("%Y-%m-%d", time.gmtime())
        about = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        head = [f"# The simulated exchange, {day}", "", f"`make exchange`; {about}.", ""]
        (RESULTS / f"{day}-exchange.md").write_text("\n".join([*head, *_lines]).rstrip() + "\n")
