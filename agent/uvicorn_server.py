"""Uvicorn in the place of daphne: the same application, runner and last words on one event loop."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.core.management.base import CommandError

from agent.guard_uvicorn import GuardedSocket
from agent.watchdog import Watchdog
from signals.hub import get_hub

PING_EVERY_S, PONG_WITHIN_S = 20.0, 10.0
LEAVE_WITHIN_S = 10  # for requests under way when it is stopped


class Server(uvicorn.Server):
    """Runs ``runner`` beside the sockets; tells every client to come back before it stops."""

    def __init__(self, config: uvicorn.Config, runner: Any) -> None:
        super().__init__(config)
        self._runner = runner
        self._task: asyncio.Task[None] | None = None

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started and self._runner is not None:
            self._task = asyncio.ensure_future(self._runner.run())
            Watchdog().start()

    async def shutdown(self, sockets: Any = None) -> None:
        await get_hub().shut()
        if self._runner is not None:
            await self._runner.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal and return; the original raises it again, which would end the process as killed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def serve(host: str, port: int, runner: Any, max_message: int) -> None:
    """Run uvicorn, and the runner if there is one, until SIGINT or SIGTERM. Raises CommandError if it cannot listen."""
    from realtime_agent.asgi import application

    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        lifespan="off",
        ws=GuardedSocket,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=max_message,
        ws_ping_interval=PING_EVERY_S,
        ws_ping_timeout=PONG_WITHIN_S,
        ws_per_message_deflate=False,  # some 50 KB a connection, for messages of half a KiB
        timeout_graceful_shutdown=LEAVE_WITHIN_S,
    )
    try:
        Server(config, runner).run()
    except SystemExit as error:
        raise CommandError(f"cannot listen on {host}:{port}: is another server running there? (HOST, PORT)") from error
