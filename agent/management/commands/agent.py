"""``manage.py agent on|off|status``."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from agent import services


class Command(BaseCommand):
    help = "Turn the agent on or off, or show what it does. Acts on every process within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["on", "off", "status"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "status":
            self.stdout.write(json.dumps(services.status_json(), indent=2))
            return
        changed = services.toggle(options["action"] == "on")
        self.stdout.write(f"agent {options['action']}" + ("" if changed else " (it was already)"))
