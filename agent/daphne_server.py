"""Daphne with the runner beside it on one event loop; last words and answers come before it ends what still runs."""

import asyncio
import logging
from functools import partial
from typing import Any

from daphne import server as daphne  # before the reactor: it installs the asyncio one
from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import WebRequest
from django.core.management.base import CommandError
from twisted.internet import defer

from agent.guard_daphne import GuardedSocket
from agent.inbox import Inbox
from agent.watchdog import Watchdog
from signals.hub import get_hub
from signals.wire.servers import unfit

logger = logging.getLogger(__name__)

PING_EVERY_S, PONG_WITHIN_S = 20, 10
ANSWER_S = 3.0  # for requests under way when it is stopped


class Server(daphne.Server):
    """Runs ``runner`` beside the sockets; tells every client to come back before it stops."""

    def __init__(self, runner: Any, **options: Any) -> None:
        super().__init__(ready_callable=self._begin, **options)
        self._runner = runner
        self._task: asyncio.Task[None] | None = None  # the loop itself keeps only a weak reference

    def _begin(self) -> None:
        self.ws_factory.protocol = GuardedSocket.with_options(self.ws_factory)
        if self._runner is not None:
            self._task = asyncio.get_event_loop().create_task(self._runner.run())
            Watchdog().start()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """As daphne does it, but a socket has an inbox in the place of its queue."""
        if scope["type"] != "websocket" or unfit("daphne"):
            return super().create_application(protocol, scope)
        inbox = Inbox()
        scope |= {"asgi": {"version": "3.0"}}
        running = self.application(scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(running)
        return inbox

    def kill_all_applications(self) -> defer.Deferred[None]:
        """What daphne does first when it is stopped: sockets still have to send 4012, and requests to be answered."""
        ended = defer.Deferred.fromFuture(asyncio.ensure_future(self._end()))
        ended.addErrback(lambda failure: logger.error("not ended as it should be: %s", failure))
        ended.addCallback(lambda _: super(Server, self).kill_all_applications())
        return ended

    async def _end(self) -> None:
        await get_hub().shut()
        if self._runner is not None:
            await self._runner.stop()
        requests = [about for one, about in self.connections.items() if isinstance(one, WebRequest)]
        if answering := [about["application_instance"] for about in requests if "application_instance" in about]:
            await asyncio.wait(answering, timeout=ANSWER_S)


def serve(host: str, port: int, runner: Any, max_message: int) -> None:
    """Run daphne, and the runner if there is one, until SIGINT or SIGTERM. Raises CommandError if it cannot listen."""
    from realtime_agent.asgi import application

    server = Server(
        runner,
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=max_message,
        websocket_max_frame_size=max_message,
        ping_interval=PING_EVERY_S,
        ping_timeout=PONG_WITHIN_S,
        server_name="realtime-agent",
    )
    server.run()
    if server.abort_start or not server.listening_addresses:
        raise CommandError(f"cannot listen on {host}:{port}: is another server running there? (HOST, PORT)")
