"""``manage.py smoke [URL]``: ask a deployment for each thing that it promises."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agent.smoke import Smoke
from realtime_agent_client import Agent

SHOWN = {True: "pass", False: "FAIL"}


class Command(BaseCommand):
    help = (
        "Ask a deployment for health, status, the switch (put back at once), metrics, a scan, a score, a round on the "
        "socket, a backtest and risk: pass or FAIL a line, exit code 1 if one failed. AGENT_TOKEN: an operator's token."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        here = f"http://{settings.HOST}:{settings.PORT}"
        parser.add_argument("url", nargs="?", default=here, help="where it is; by default on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        # From the environment, not an option: a command line can be read by every user of the machine.
        token = os.environ.get("AGENT_TOKEN") or None
        failed = 0
        with Agent(options["url"], token) as agent:
            for name, good, said, seconds in Smoke(agent).run():
                failed += not good
                self.stdout.write(f"{SHOWN[good]}  {name:<11} {said} ({seconds * 1000:.0f} ms)")
        if failed:
            raise CommandError(f"{failed} failed at {options['url']}")
        self.stdout.write(f"{options['url']} does what it should")
