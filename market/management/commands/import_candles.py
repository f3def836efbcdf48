"""``manage.py import_candles FILE…``."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from market import importing
from market.feeds.base import FeedError
from rest.tables import console_on


class Command(BaseCommand):
    help = (
        "Store candle files (SYMBOL-interval.parquet or .csv) and their larger timeframes. They form a market of their "
        "own, beside the simulated and replayed ones. Importing a file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        for path in options["files"]:
            if not path.is_file():
                raise CommandError(f"{path} is no file")
        for path in options["files"]:
            self._import(path)

    def _import(self, path: Path) -> None:
        try:
            symbol, recording, rejected = importing.read_sound(path)
        except FeedError as error:
            raise CommandError(str(error)) from error
        total = sum(len(window.open_times) for window, _ in recording.series.values())
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console_on(self.stdout)) as progress:
            task = progress.add_task(path.name, total=total)
            for stored in importing.store(importing.imported_market(), symbol, recording):
                progress.advance(task, stored)
        series = ", ".join(f"{t} {len(window.open_times)}" for t, (window, _) in recording.series.items())
        self.stdout.write(f"{symbol}: stored {series}")
        for fault, count in sorted(rejected.items()):
            self.stdout.write(f"{symbol}: rejected {count}: {fault}")
