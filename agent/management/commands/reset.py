"""``manage.py reset``: forget everything that was stored."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Delete all stored data: candles, signals, presets, users. The numbering starts anew (a new epoch)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--noinput", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        name = settings.DATABASES["default"]["NAME"]
        if not options["noinput"]:
            try:
                answer = input(f"Delete everything stored in {name}? Stop the server first. [y/N] ")
            except EOFError as error:
                raise CommandError("nobody to ask: use --noinput") from error
            if answer.strip().lower() != "y":
                self.stdout.write("nothing was deleted")
                return
        call_command("migrate", verbosity=0)
        call_command("flush", interactive=False, verbosity=0)
        self.stdout.write(f"{name} is empty; the next start begins afresh")
