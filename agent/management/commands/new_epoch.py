"""``manage.py new_epoch``: after a backup was put back."""

from typing import Any

from django.core.management.base import BaseCommand

from agent.backups import begin_epoch


class Command(BaseCommand):
    help = (
        "Begin a new epoch of the numbering, after a backup was put back that is older than what was told since: "
        "clients with numbers of the old one get history_lost and go on. Stop every process first."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{begin_epoch()} markets have a new epoch")
