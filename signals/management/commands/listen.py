"""``manage.py listen SYMBOL…``: the live feed, a line a signal."""

import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime_agent_client import Agent, AgentError
from realtime_agent_client.position import Position
from rest.symbols import normalise


class Command(BaseCommand):
    help = "Print signals as they come; comes back by itself and misses none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", default=["*"], help="default: all")
        parser.add_argument("--url", default=f"http://{settings.HOST}:{settings.PORT}", help="where the server is")
        parser.add_argument("--json", action="store_true", help="print the messages as they are")

    def handle(self, *args: Any, **options: Any) -> None:
        # From the environment, not an option: a command line can be read by every user of the machine.
        token = os.environ.get("AGENT_TOKEN") or None
        position = Position(tuple(normalise(symbol) for symbol in options["symbols"]))
        url = options["url"]

        def report(why: str) -> None:
            self.stderr.write(f"{url}: {why}; trying again")

        try:
            with Agent(url, token) as agent:
                for message in agent.messages(position=position, report=report):
                    self._show(message, options["json"])
        except AgentError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("")

    def _show(self, message: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(message))
        elif message["type"] in ("signal", "error"):
            self.stdout.write(_line(message))


def _line(message: dict[str, Any]) -> str:
    if message["type"] == "error":
        return str(message["message"])
    frames = " ".join(f"{t} {score:.2f}" for t, score in message["timeframes"].items())
    return (
        f"{message['source']} {message['symbol']:<10} #{message['seq']:<5} {message['advice']:<4} "
        f"{message['direction']:<8} score {message['score']:.3f} conf {message['confidence']:.2f} "
        f"price {message['price']:.6g} ({frames}) because {message['because']}"
    )
