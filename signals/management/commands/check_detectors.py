"""``manage.py check_detectors [FILE]``: does every installed detector hold what a detector must hold?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from engine.timeframes import MIN_BARS, WINDOW_BARS
from engine.window import Window
from market.feeds.base import FeedError
from market.feeds.replay import record_file
from rest.tables import console_on

if TYPE_CHECKING:
    from engine.detectors.base import Detector

MOST_WINDOWS = 12  # cut from a file, evenly spread: a few seconds a detector


class Command(BaseCommand):
    help = (
        "Check every detector, those of other packages (entry point group realtime_agent.detectors) included: bounds, "
        "mirror, no look-ahead, one path, scale, silence, reasons. On made-up windows, and on windows cut from FILE."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="a candle file, SYMBOL-interval.parquet or .csv")
        parser.add_argument("--only", metavar="NAME", help="check this detector alone")

    def handle(self, *args: Any, **options: Any) -> None:
        detectors = self._detectors(options["only"])
        windows = self._windows(options["file"])
        problems = self._check(detectors, windows)
        self._show(problems)
        if any(problems.values()):
            bad = ", ".join(name for name, found in problems.items() if found)
            raise CommandError(f"{sum(map(len, problems.values()))} problems: {bad}")

    def _detectors(self, only: str | None) -> Mapping[str, "Detector"]:
        try:
            from engine.detectors import REGISTRY
            from engine.detectors.installed import load_installed

            detectors = {**REGISTRY, **load_installed()}
        except ImportError as error:  # says which entry point
            raise CommandError(str(error)) from error
        if only is None:
            return detectors
        if only not in detectors:
            raise CommandError(f"--only: {only!r} is no detector; known are {', '.join(detectors)}")
        return {only: detectors[only]}

    def _windows(self, path: Path | None) -> list[Window]:
        from engine.detector_checks import sample_windows

        if path is None:
            return sample_windows()
        if not path.is_file():
            raise CommandError(f"{path} is no file")
        try:
            recording = record_file(path)
        except FeedError as error:
            raise CommandError(str(error)) from error
        series, _ = next(iter(recording.series.values()))  # the file's own timeframe; longer ones are made from it
        if len(series.open_times) < MIN_BARS:
            raise CommandError(f"{path} holds {len(series.open_times)} bars, a check needs {MIN_BARS}")
        return [*sample_windows(), *cut(series)]

    def _check(self, detectors: Mapping[str, "Detector"], windows: Sequence[Window]) -> dict[str, list[str]]:
        from engine.detector_checks import check

        problems = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console_on(self.stdout)) as progress:
            task = progress.add_task(f"detectors, {len(windows)} windows", total=len(detectors))
            for name, detector in detectors.items():
                problems[name] = check(detector, windows)
                progress.advance(task)
        return problems

    def _show(self, problems: Mapping[str, Sequence[str]]) -> None:
        from engine.detector_checks import CHECKS

        table = Table("detector", *CHECKS)
        for name, found in problems.items():
            failed = [any(text.startswith(f"{name}: {rule}: ") for text in found) for rule in CHECKS]
            table.add_row(name, *("[red]FAIL" if one else "ok" for one in failed))
        console = console_on(self.stdout)
        console.print(table)
        for text in (text for found in problems.values() for text in found):
            console.print(escape(text), highlight=False)


def cut(series: Window) -> list[Window]:
    """Return windows of full length, the first of the series, the last, and some evenly spread between."""
    bars = len(series.open_times)
    ends = np.unique(np.linspace(min(WINDOW_BARS, bars), bars, MOST_WINDOWS).astype(int))
    return [
        Window(series.open_times[max(0, e - WINDOW_BARS) : e], series.values[:, max(0, e - WINDOW_BARS) : e])
        for e in ends
    ]
