"""``manage.py prune``: remove what has outlived its policy."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agent.retention import batches, configured
from rest.tables import console_on

KINDS = ("candles", "revisions", "holes", "signals", "runs", "alerts", "deliveries", "runners")


class Command(BaseCommand):
    help = (
        "Remove candles, runs, alerts and (if SIGNAL_DAYS says so) signals that have outlived CANDLE_DAYS, RUN_DAYS, "
        "ALERT_DAYS and SIGNAL_DAYS, in batches; bars that a signal of the last EXPLAIN_DAYS was made from stay. The "
        "server does so once a day by itself. May be interrupted, and run beside a server."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        policy = configured()
        doomed = self._count(policy)
        if not options["dry_run"]:
            doomed = self._remove(policy, doomed.total())
        for kind in KINDS:
            self.stdout.write(f"{kind} {doomed[kind]}")
        self.stdout.write("nothing was removed: this was a dry run" if options["dry_run"] else "removed")

    def _count(self, policy: Any) -> Counter[str]:
        counts: Counter[str] = Counter()
        for kind, rows in batches(policy, dry_run=True):
            counts[kind] += rows
        return counts

    def _remove(self, policy: Any, expected: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console_on(self.stdout)) as progress:
            task = progress.add_task("rows", total=expected)
            for kind, rows in batches(policy):
                counts[kind] += rows
                progress.advance(task, rows)
        return counts
