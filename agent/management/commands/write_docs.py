"""``manage.py write_docs``: write the generated documents anew, or say which are out of date."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agent.documents import documents


class Command(BaseCommand):
    help = "Write the generated documents in docs/ from the code: API, socket, commands, metrics, settings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        made = {settings.BASE_DIR / name: text for name, text in documents().items()}
        old = [path for path, text in made.items() if not path.is_file() or path.read_text() != text]
        if options["check"] and old:
            raise CommandError(f"out of date: {', '.join(path.name for path in old)}; run manage.py write_docs")
        for path in old:
            path.write_text(made[path])
            self.stdout.write(f"wrote {path.relative_to(settings.BASE_DIR)}")
