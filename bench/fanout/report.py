"""The report of a run: figures, and the promises they are held against."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version

from bench.fanout.run import HERE, NICE, SYSTEMS, WORKLOADS, Figures, Runs, medians

RESULTS = HERE.parent / "results"
DIRECT = ("direct, daphne", "direct, uvicorn")
PORTABLE = ("portable, daphne", "portable, uvicorn")


def ratios(figures: Figures) -> list[tuple[str, str, float, bool]]:
    """Return what was promised: the words, the bound, the ratio found, and whether it holds."""
    found = []

    def hold(what: str, key: str, name: str, peer: str, bound: float, most: bool) -> None:
        if name in figures and peer in figures and figures[peer][key] > 0:
            ratio = figures[name][key] / figures[peer][key]
            words = f"{'≤' if most else '≥'} {bound:g} × {peer}"
            found.append((f"{name}: {what}", words, ratio, ratio <= bound if most else ratio >= bound))

    for name in DIRECT:
        stock = name.replace("direct", "stock")
        hold("B, scan p50", "b_p50", name, "nchan", 1.0, True)
        hold("B, scan p99", "b_p99", name, "nchan", 0.8, True)
        hold("B, deliveries/s", "b_rate", name, "nchan", 1.5, False)
        hold("A, deliveries/s", "a_rate", name, "nchan", 1.5, False)
        hold("A, server CPU a delivery", "a_cpu", name, "nchan", 0.7, True)
        hold("B, server CPU a delivery", "b_cpu", name, "nchan", 0.7, True)
        hold("B, deliveries/s", "b_rate", name, stock, 40, False)
        hold("A, deliveries/s", "a_rate", name, stock, 40, False)
        hold("memory a connection", "kb", name, stock, 0.65, True)
        hold("B, deliveries/s", "b_rate", f"{name}, in memory", name, 1.0, False)
        hold("A, deliveries/s", "a_rate", f"{name}, in memory", name, 1.0, False)
        if "held" in figures.get(name, {}):
            clients, held, connects = WORKLOADS["held"][0], figures[name]["held"], figures[name]["held_connects"]
            found.append((f"{name}: sockets held", f"{clients:,}", held, held == clients))
            found.append((f"{name}: connects/s up to there", "≥ 200", connects, connects >= 200))
    for name in PORTABLE:
        hold("B, deliveries/s", "b_rate", name, "nchan", 0.25, False)
        hold("A, deliveries/s", "a_rate", name, "nchan", 0.25, False)
        hold("B, deliveries/s", "b_rate", name, name.replace("portable", "stock"), 10, False)
    return found


def table(figures: Figures) -> list[str]:
    head = (
        "| system | A deliveries/s | A p50 / p99, ms | A CPU s/M | B deliveries/s | B scan p50 / p99, ms | B CPU s/M |"
    )
    lines = [f"{head} KB a connection | connects/s |", "| --- |" + " ---: |" * 8]
    for name in SYSTEMS:
        if name in figures:
            f = figures[name]
            lines.append(
                f"| {name} | {f['a_rate']:,.0f} | {f['a_p50']:.1f} / {f['a_p99']:.1f} | {f['a_cpu']:.1f} "
                f"| {f['b_rate']:,.0f} | {f['b_p50']:.1f} / {f['b_p99']:.1f} | {f['b_cpu']:.1f} "
                f"| {f['kb']:.1f} | {f['connects']:,.0f} |"
            )
    return lines


def text(runs: Runs) -> str:
    figures = medians(runs)
    rounds = sorted({len(found) for found in runs.values()})
    packages = ("channels", "channels_redis", "daphne", "Twisted", "autobahn", "uvicorn", "uvloop", "websockets")
    lines = [
        f"# Fan-out, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"Medians of {rounds[-1]} interleaved rounds{_fewer(runs, rounds[-1])}, `make bench-fanout`. "
        + f"Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in packages)
        + ", nginx with nchan.",
        "",
        "Signals of 410 bytes. A: 1,000 clients on one symbol, four messages in flight, then five a second. B: 1,000",
        "clients with 5 of 200 symbols each, 5,000 deliveries a scan, scans back to back, then ten a second. Held:",
        "3,000 clients. Server on one core; client, publisher and Redis on the other. Absolute figures are of one",
        "machine at one hour: only the ratios mean anything.",
        *([] if NICE == "0" else [f"All that is measured ran at priority {NICE}, for others worked on the machine."]),
        "",
        *table(figures),
        "",
        "| promise | asked | found | |",
        "| --- | --- | ---: | --- |",
        *(
            f"| {what} | {asked} | {ratio:,.2f} | {'holds' if good else '**missed**'} |"
            for what, asked, ratio, good in ratios(figures)
        ),
        "",
    ]
    return "\n".join(lines)


def _fewer(runs: Runs, rounds: int) -> str:
    """Return which systems have fewer runs, and how many."""
    counts = {name: len(found) for (name, _), found in runs.items() if len(found) < rounds}
    return f" ({'; '.join(f'{name}: {count}' for name, count in counts.items())})" if counts else ""


def write(runs: Runs) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-fanout.md"
    path.write_text(text(runs))
    print(path)
