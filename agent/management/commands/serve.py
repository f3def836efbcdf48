"""``manage.py serve``: the server and the agent in one process."""

import asyncio
import ipaddress
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from market.feeds import current_market
from market.feeds.base import FeedError
from signals.hub import get_hub

MAX_MESSAGE = 128 * 1024  # the consumer closes from 64 KiB on, with its own code; beyond this the server does


class Command(BaseCommand):
    help = "Serve the API, the sockets and the pages, and run the agent, in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        _require_loopback(host)
        from agent.runner import EmbeddedRunner, MarketRunner  # brings numba

        try:
            market = current_market()
            runner = MarketRunner(market)
        except (FeedError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        self._greet(host, port, market.source)
        serve(host, port, EmbeddedRunner(runner))
        self.stdout.write("stopped")

    def _greet(self, host: str, port: int, source: str) -> None:
        shown = f"[{host}]" if ":" in host else host
        self.stdout.write(f"page       http://{shown}:{port}/")
        self.stdout.write(f"API        http://{shown}:{port}/api/")
        self.stdout.write(f"socket     ws://{shown}:{port}/ws/realtime")
        if source == "simulated":
            self.stdout.write("market     SIMULATED: made-up prices that only show how it works")
        else:
            self.stdout.write(f"market     {source.upper()}: {settings.MARKET_SOURCE}")
        self.stdout.write("control    open to whoever can reach this address, which is this machine alone")
        if not get_user_model().objects.exists():
            self.stdout.write(
                f"admin      http://{shown}:{port}/admin/ after: .venv/bin/python manage.py createsuperuser"
            )
        self.stdout.write("stop       Ctrl-C", ending="\n\n")
        self.stdout.flush()


def _require_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise CommandError(
            f"HOST: {host} is not a loopback address. Control is open to whoever reaches it, so only 127.0.0.1, ::1 "
            "and localhost are served until there is access control."
        )


def serve(host: str, port: int, runner: Any) -> None:
    """Run daphne and the runner on one event loop until SIGINT or SIGTERM. Raises CommandError if it cannot listen."""
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server  # before the reactor: it installs the asyncio one
    from twisted.internet import defer, reactor

    from realtime_agent.asgi import application

    tasks: list[asyncio.Task[None]] = []  # the loop itself keeps only a weak reference

    async def shut_down() -> None:
        await get_hub().shut()
        await runner.stop()

    def ready() -> None:
        loop = asyncio.get_event_loop()
        tasks.append(loop.create_task(runner.run()))
        # Before daphne's own trigger, which kills the sockets' applications: they still have to send 4012.
        before_shutdown: Any = reactor.addSystemEventTrigger  # its stub has the arguments wrong
        before_shutdown(
            "before", "shutdown", lambda: defer.Deferred.fromFuture(asyncio.ensure_future(shut_down(), loop=loop))
        )

    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=MAX_MESSAGE,
        websocket_max_frame_size=MAX_MESSAGE,
        ready_callable=ready,
        server_name="realtime-agent",
    )
    server.run()
    if server.abort_start or not server.listening_addresses:
        raise CommandError(f"cannot listen on {host}:{port}: is another server running there? (HOST, PORT)")
