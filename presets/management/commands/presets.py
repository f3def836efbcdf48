"""``manage.py presets list|show|activate|history|duplicate|export|import``."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.catalogue import DETECTORS
from presets import services
from presets.fields import DuplicateBody, ImportBody
from presets.models import WeightPreset
from rest.tables import console_on


class Command(BaseCommand):
    help = "List the weight presets; show, activate or duplicate one; its history; export and import as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="all presets")
        for name in ("show", "activate", "history"):
            actions.add_parser(name).add_argument("name")
        duplicate = actions.add_parser("duplicate", help="save what one says under another name")
        duplicate.add_argument("name")
        duplicate.add_argument("as_name", metavar="NEW")
        actions.add_parser("export", help="print as JSON").add_argument("names", nargs="*", help="default: all")
        actions.add_parser("import", help="save exported ones, all or none").add_argument("file", help="- reads stdin")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except WeightPreset.DoesNotExist as error:
            names = ", ".join(WeightPreset.objects.visible().values_list("name", flat=True))
            raise CommandError(f"there is no such preset; there are {names}") from error
        except services.PresetProtected as error:
            raise CommandError(str(error)) from error

    def _activate(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{services.activate_preset(options['name'])} is active")

    def _duplicate(self, options: dict[str, Any]) -> None:
        self._check(DuplicateBody, {"name": options["as_name"]})
        self.stdout.write(
            f"saved as {services.duplicate_preset(options['name'], options['as_name'], by=None).newest()}"
        )

    def _export(self, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(services.export_presets(options["names"] or None), indent=2))

    def _import(self, options: dict[str, Any]) -> None:
        saved = services.import_presets(self._check(ImportBody, self._read(options["file"]))["presets"], by=None)
        self.stdout.write("\n".join(f"saved {preset.newest()}" for preset in saved) or "nothing new")

    def _read(self, name: str) -> Any:
        try:
            return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{name}: {error}") from error

    def _check(self, serializer_class: Any, data: Any) -> Any:
        serializer = serializer_class(data=data)
        if not serializer.is_valid():
            raise CommandError(json.dumps(serializer.errors))
        return serializer.validated_data

    def _history(self, options: dict[str, Any]) -> None:
        table = Table("version", "saved (UTC)", "by", "act", "weights")
        for version in WeightPreset.objects.visible().get(name=options["name"]).versions.select_related("created_by"):
            weights = " ".join(f"{name} {weight:.3g}" for name, weight in version.weights.items() if weight)
            saved, by = f"{version.created_at:%Y-%m-%d %H:%M:%S}", str(version.created_by or "a command")
            table.add_row(str(version.version), saved, by, f"{version.act:.4f}", weights)
        console_on(self.stdout).print(table)

    def _list(self, options: dict[str, Any]) -> None:
        table = Table("name", "version", "active", "description")
        for preset in WeightPreset.objects.visible():
            table.add_row(
                preset.name, str(preset.newest().version), "*" if preset.is_active else "", preset.description
            )
        console_on(self.stdout).print(table)

    def _show(self, options: dict[str, Any]) -> None:
        version = WeightPreset.objects.visible().get(name=options["name"]).newest()
        table = Table("detector", "weight", title=str(version))
        for name in DETECTORS:
            table.add_row(name, f"{version.weights.get(name, 0.0):.3f}")
        console = console_on(self.stdout)
        console.print(table)
        console.print(f"act {version.act}: BUY from {0.5 + version.act:.3f}, SELL from {0.5 - version.act:.3f}")
        console.print(f"min_confidence {version.min_confidence}")
