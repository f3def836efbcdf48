"""``manage.py derive_thresholds FOLDER``: which ``act`` lets the intended share of decisions pass."""

from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.timeframes import DEFAULT_TIMEFRAMES
from market.feeds.base import FeedError
from presets.defaults import DEFAULTS
from rest.tables import console_on


class Command(BaseCommand):
    help = (
        "Score every bar of the candles in FOLDER with each default preset and print the act at which its intended "
        "share of decisions is BUY or SELL. The result goes into presets/defaults.py."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--timeframe", default="5m", help="only files of this timeframe (default 5m)")

    def handle(self, *args: Any, **options: Any) -> None:
        from presets.thresholds import decisions, evidence_of, threshold

        files = sorted(options["folder"].glob(f"*-{options['timeframe']}.parquet"))
        if not files:
            raise CommandError(f"{options['folder']} holds no *-{options['timeframe']}.parquet")
        try:
            evidence = {path.name: evidence_of(path, DEFAULT_TIMEFRAMES) for path in files}
        except FeedError as error:
            raise CommandError(str(error)) from error
        console = console_on(self.stdout)
        for name, default in DEFAULTS.items():
            scored = {file: decisions(one, default.weights) for file, one in evidence.items()}
            act = threshold(list(scored.values()), default.min_confidence, default.share)
            table = Table(
                "file", "decisions", "BUY %", "SELL %", title=f"{name}: act {act:.4f} for {default.share:.0%}"
            )
            for file, (score, confidence) in scored.items():
                sure = confidence >= default.min_confidence
                buy = 100 * np.mean(sure & (score - 0.5 > act))
                sell = 100 * np.mean(sure & (0.5 - score > act))
                table.add_row(file, str(len(score)), f"{buy:.2f}", f"{sell:.2f}")
            console.print(table)
