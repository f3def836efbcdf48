"""``manage.py serve``: the server and the agent in one process."""

import logging
import os
import threading
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from access.checks import problems_of
from agent.figures import keep_telling
from agent.reachable import unreachable
from agent.services import agent_state
from alerts.sender import Sender
from market.feeds import current_market, market_key
from market.feeds.base import FeedError

logger = logging.getLogger(__name__)

LEAVE_S = 2.0  # what still holds the process then is left behind
MAX_MESSAGE = 128 * 1024  # the consumer closes from 64 KiB on, with its own code; beyond this the server does


class Command(BaseCommand):
    help = "Serve the API, the sockets and the pages; without a broker run the agent too, in the same process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--server", choices=["daphne", "uvicorn"], default=settings.SERVER)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        _refuse_exposure(host)
        runner = None if settings.CELERY_BROKER_URL else _embedded_runner()
        try:
            self._greet(host, port)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if settings.SHARE_FIGURES:
            keep_telling("web")
        # In every web process, with a broker or without: workers store what is to be sent, and never wait for a target.
        sender = Sender(may_send=lambda: agent_state().enabled)
        sender.start()
        try:
            SERVE[options["server"]](host, port, runner)
        finally:
            sender.stop()
        self.stdout.write("stopped")
        self.stdout.flush()
        _leave()

    def _greet(self, host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        self.stdout.write(f"page       http://{shown}:{port}/")
        self.stdout.write(f"API        http://{shown}:{port}/api/")
        self.stdout.write(f"socket     ws://{shown}:{port}/ws/realtime")
        source = market_key()[1]
        if source == "simulated":
            self.stdout.write("market     SIMULATED: made-up prices that only show how it works")
        else:
            self.stdout.write(f"market     {source.upper()}: {settings.MARKET_SOURCE}")
        if settings.CELERY_BROKER_URL:
            self.stdout.write("scans      by Celery: worker, beat and feed are processes of their own")
        if settings.OPEN_CONTROL:
            self.stdout.write(
                "control    OPEN to every program and person on this machine (OPEN_CONTROL=false closes it)"
            )
            logger.warning("control is open to every program and person on this machine")
        else:
            self.stdout.write("control    for roles: manage.py create_token USER --role viewer|operator|admin")
        if not _users_exist():
            self.stdout.write(
                f"admin      http://{shown}:{port}/admin/ after: .venv/bin/python manage.py createsuperuser"
            )
        self.stdout.write("stop       Ctrl-C", ending="\n\n")
        self.stdout.flush()


def _refuse_exposure(host: str) -> None:
    """Raise CommandError with every reason not to listen on ``host``, each with the line that mends it."""
    if problems := problems_of(host):
        reasons = "\n".join(f"  {p.id}: {p.msg}\n    {p.hint}" for p in problems)
        raise CommandError(f"not serving {host}, which other machines may reach:\n{reasons}")


def _leave() -> None:
    """End the process soon, also where a request was still under way when the loop ended.

    Its thread waits for the loop (asgiref), which is over, and would hold the process for good.
    """
    timer = threading.Timer(LEAVE_S, os._exit, [0])
    timer.daemon = True
    timer.start()


def _users_exist() -> bool:
    try:
        return get_user_model().objects.exists()
    except DatabaseError:
        return True  # not known: the page at /health says what is the matter


def _embedded_runner() -> Any:
    """Return the runner of this process. Raises CommandError naming what it lacks."""
    faults = unreachable()
    if faults:
        raise CommandError("\n".join(faults))
    from agent.runner import EmbeddedRunner, MarketRunner  # brings numba
    from engine import warm

    warm.main(only_if_cold=True)  # first: to the watchdog, a minute without a tick looks like an agent that hangs
    try:
        return EmbeddedRunner(MarketRunner(current_market()))
    except (FeedError, ImproperlyConfigured) as error:
        raise CommandError(str(error)) from error


def serve_daphne(host: str, port: int, runner: Any) -> None:
    """Run daphne, and the runner if there is one, on one event loop until SIGINT or SIGTERM.

    Raises CommandError if it cannot listen.
    """
    from agent import daphne_server

    daphne_server.serve(host, port, runner, MAX_MESSAGE)


def serve_uvicorn(host: str, port: int, runner: Any) -> None:
    """The same on uvicorn."""
    from agent import uvicorn_server

    uvicorn_server.serve(host, port, runner, MAX_MESSAGE)


SERVE = {"daphne": serve_daphne, "uvicorn": serve_uvicorn}
