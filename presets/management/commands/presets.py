"""``manage.py presets list|show|activate``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.catalogue import DETECTORS
from presets import services
from presets.models import WeightPreset
from rest.tables import console_on


class Command(BaseCommand):
    help = "List the weight presets, show one, or activate one."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list")
        for name in ("show", "activate"):
            actions.add_parser(name).add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "list":
            return self._list()
        try:
            if options["action"] == "activate":
                self.stdout.write(f"{services.activate_preset(options['name'])} is active")
                return None
            return self._show(WeightPreset.objects.visible().get(name=options["name"]))
        except WeightPreset.DoesNotExist as error:
            names = ", ".join(WeightPreset.objects.visible().values_list("name", flat=True))
            raise CommandError(f"there is no preset {options['name']!r}; there are {names}") from error

    def _list(self) -> None:
        table = Table("name", "version", "active", "description")
        for preset in WeightPreset.objects.visible():
            table.add_row(
                preset.name, str(preset.newest().version), "*" if preset.is_active else "", preset.description
            )
        console_on(self.stdout).print(table)

    def _show(self, preset: WeightPreset) -> None:
        version = preset.newest()
        table = Table("detector", "weight", title=str(version))
        for name in DETECTORS:
            table.add_row(name, f"{version.weights.get(name, 0.0):.3f}")
        console = console_on(self.stdout)
        console.print(table)
        console.print(f"act {version.act}: BUY from {0.5 + version.act:.3f}, SELL from {0.5 - version.act:.3f}")
        console.print(f"min_confidence {version.min_confidence}")
