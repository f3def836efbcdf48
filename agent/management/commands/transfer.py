"""``manage.py transfer --to postgres://…``: move everything to another database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agent.transfer import TransferError
from agent.transfer.databases import shown
from agent.transfer.moving import Transfer
from rest.tables import console_on


class Command(BaseCommand):
    help = (
        "Copy everything stored to a new, empty database: users, presets, candles, signals with their numbers, ids and "
        "epoch. Turns the agent off; when all is compared and equal, it is on again at the target and stays off here. "
        "May be interrupted and run again. A client that comes back with `since` notices nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", required=True, metavar="URL", help="postgres://user:password@host:port/database")
        parser.add_argument("--batch", type=int, default=5000, help="rows at a time (default 5000)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError(f"--batch: must be 1 or more, was {options['batch']}")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        try:
            with Progress(*columns, console=console_on(self.stdout)) as progress:
                task = progress.add_task("", total=None, visible=False)

                def tell(phase: str, table: str, done: int, total: int) -> None:
                    progress.update(task, description=f"{phase} {table}", completed=done, total=total, visible=True)

                contents = Transfer(options["to"], options["batch"], tell).run()
        except TransferError as error:
            raise CommandError(str(error)) from error
        for name, held in contents.items():
            self.stdout.write(f"{name} {held.rows} {held.digest[:8]}")
        self.stdout.write(f"{len(contents)} tables are equal at both ends")
        here = shown(connections["default"].settings_dict)
        self.stdout.write(f"the agent stays off at {here}; set DATABASE_URL to the new database and start the server")
