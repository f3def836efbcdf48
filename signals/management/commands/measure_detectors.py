"""``manage.py measure_detectors FILE…``: how often each detector speaks, and for which side."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.catalogue import DETECTORS
from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market.feeds.base import FeedError
from market.feeds.replay import record_file
from rest.tables import console_on

NEED_TAKER_VOLUME = {"whales"}  # measured on the files that have it


class Voice(NamedTuple):
    """bars: how many were scored. bullish, bearish: on how many of them the detector spoke for this side."""

    bars: int
    bullish: int
    bearish: int

    @property
    def share(self) -> float:
        return (self.bullish + self.bearish) / self.bars if self.bars else 0.0

    def percent(self) -> tuple[str, str, str]:
        """Return the shares of bars as text: both sides, bullish, bearish."""
        counts = (self.bullish + self.bearish, self.bullish, self.bearish)
        first, second, third = (f"{100 * count / self.bars:.1f}" if self.bars else "-" for count in counts)
        return first, second, third


class Command(BaseCommand):
    help = (
        "Run every detector over every bar of candle files, on the files' own timeframe, and print on which share of "
        "the bars it speaks (confidence above 0), by side, all files together."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--markdown", action="store_true", help="as the table in docs/detectors.md")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            voices = measure(read(path) for path in options["files"])
        except (FeedError, OSError) as error:
            raise CommandError(str(error)) from error
        rows = [(name, f"{voice.bars:,}", *voice.percent()) for name, voice in voices.items()]
        header = ("detector", "bars", "speaks %", "bullish %", "bearish %")
        if options["markdown"]:
            lines = [header, ("---", *["---:"] * 4), *rows]
            self.stdout.write("\n".join(f"| {' | '.join(line)} |" for line in lines))
            return
        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        console_on(self.stdout).print(table)


def read(path: Path) -> tuple[Window, int]:
    """Return a file's bars and their interval in ms. Raises FeedError naming what is wrong with the file."""
    timeframe, (window, _) = next(iter(record_file(path).series.items()))
    return window, INTERVAL_MS[timeframe]


def measure(files: Iterable[tuple[Window, int]]) -> dict[str, Voice]:
    """Return by detector how often it spoke on the bars of all files together."""
    from engine.evidence import history

    voices = dict.fromkeys(DETECTORS, Voice(0, 0, 0))
    for window, interval in files:
        indices, evidence = history(window, interval)
        taker = bool(np.isfinite(window.values[5]).any())
        for i, (name, voice) in enumerate(voices.items()):
            if name in NEED_TAKER_VOLUME and not taker:
                continue
            spoken = evidence.score[i, :, 0][evidence.confidence[i, :, 0] > 0.0]
            voices[name] = Voice(
                voice.bars + len(indices),
                voice.bullish + int(np.count_nonzero(spoken > 0.0)),
                voice.bearish + int(np.count_nonzero(spoken < 0.0)),
            )
    return voices
