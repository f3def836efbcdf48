"""``manage.py doctor``: every departure from safe defaults."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agent.departures import departures


class Command(BaseCommand):
    help = (
        "Print every departure of this configuration from safe defaults and what it means; exit code 1 if one is "
        "grave: something is open to others or will be lost. Changes nothing."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        found = departures()
        for one in found:
            self.stdout.write(f"{'GRAVE' if one.grave else 'note '}  {one.what}: {one.means}")
        grave = sum(one.grave for one in found)
        if grave:
            raise CommandError(f"{grave} grave of {len(found)} departures from safe defaults")
        self.stdout.write(f"{len(found)} departures from safe defaults, none grave")
