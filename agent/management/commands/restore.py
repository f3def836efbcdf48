"""``manage.py restore FILE``."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agent.backups import BackupError, put_back


class Command(BaseCommand):
    help = (
        "Put a file of `backup` in the place of the SQLite database and begin a new epoch, so that no number means two "
        "signals. Stop the server first. PostgreSQL has pg_restore: docs/runbook.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--noinput", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["noinput"]:
            try:
                answer = input("Put the backup in the place of what is stored now? [y/N] ")
            except EOFError as error:
                raise CommandError("nobody to ask: use --noinput") from error
            if answer.strip().lower() != "y":
                self.stdout.write("nothing was changed")
                return
        try:
            put_back(options["file"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['file']} is back, with a new epoch; run migrate if its release was older")
