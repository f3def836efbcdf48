"""``manage.py check_warmup FILE``: does a score depend on where its window begins?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtest import checking
from engine.timeframes import WINDOW_BARS
from rest.tables import console_on

TOLERANCE = 0.02  # of a score 0..1: the rules take a change of advice below it for dithering


class Command(BaseCommand):
    help = (
        "Score a file's bars with the longest window (767 bars) and with the shortest anchored one (512), and show how "
        "far detectors (s c) and presets (score) lie apart. Fails where a preset's score differs by more than the "
        "tolerance."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        checking.add_arguments(parser)
        parser.add_argument("--tolerance", type=float, default=TOLERANCE)

    def handle(self, *args: Any, **options: Any) -> None:
        from backtest.honesty import warm_up  # brings numba

        window, _ = checking.read(options["file"], WINDOW_BARS)
        presets = checking.policies(options["preset"])
        findings = warm_up(window, presets)
        console_on(self.stdout).print(checking.table(findings, "compared", "differ", "largest", "bar"))
        bad = [one for one in findings if one.name in presets and one.largest > options["tolerance"]]
        if bad:
            told = ", ".join(f"{one.name} by {one.largest:.3g} at bar {one.bar}" for one in bad)
            raise CommandError(f"the window's start shows beyond {options['tolerance']}: {told}")
        self.stdout.write(f"no preset's score depends on the window's start by more than {options['tolerance']}")
