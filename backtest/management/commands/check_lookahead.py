"""``manage.py check_lookahead FILE``: does any score of the past change when the future does?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtest import checking
from engine.timeframes import MIN_BARS
from rest.tables import console_on


class Command(BaseCommand):
    help = (
        "Score a file's bars whole, then again with the future taken away and with it shuffled, at two dozen places. "
        "Every detector and every preset must say the same of the past, bit for bit; fails and names who does not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        checking.add_arguments(parser)
        parser.add_argument("--seed", type=int, default=1, help="of the shuffling")

    def handle(self, *args: Any, **options: Any) -> None:
        from backtest.honesty import look_ahead  # brings numba

        window, interval = checking.read(options["file"], MIN_BARS + 1)
        findings = look_ahead(window, interval, checking.policies(options["preset"]), options["seed"])
        console_on(self.stdout).print(checking.table(findings, "compared", "differ", "largest", "bar"))
        if bad := [one.name for one in findings if one.differing]:
            raise CommandError(f"these know the future: {', '.join(bad)}")
        self.stdout.write("no score of the past depends on the future")
