"""``manage.py backup FILE``."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agent.backups import BackupError, write_backup


class Command(BaseCommand):
    help = "Copy the SQLite database to a file, beside a running server. PostgreSQL has pg_dump: docs/runbook.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            size = write_backup(options["file"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"wrote {options['file']}, {size:,} bytes")
