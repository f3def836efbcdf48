"""``manage.py listen SYMBOL…``: the live feed, a line a signal."""

import asyncio
import json
from typing import Any

import websockets
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rest.symbols import normalise

DO_NOT_COME_BACK = range(4500, 5000)


class Command(BaseCommand):
    help = "Print signals as they come; comes back by itself and misses none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", default=["*"], help="default: all")
        parser.add_argument("--url", default=f"ws://{settings.HOST}:{settings.PORT}/ws/realtime")
        parser.add_argument("--json", action="store_true", help="print the messages as they are")

    def handle(self, *args: Any, **options: Any) -> None:
        self._json: bool = options["json"]
        self._seen: dict[str, int] = {}
        self._epoch = ""
        try:
            asyncio.run(self._follow(options["url"], [normalise(s) for s in options["symbols"]]))
        except KeyboardInterrupt:
            self.stdout.write("")

    async def _follow(self, url: str, symbols: list[str]) -> None:
        pause = 0.5
        while True:
            try:
                async with websockets.connect(url) as socket:
                    pause = 0.5
                    await self._listen(socket, symbols)
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                if code in DO_NOT_COME_BACK:
                    raise CommandError(f"the server closed with {code}: not coming back") from closed
            except (OSError, websockets.InvalidHandshake) as error:
                self.stderr.write(f"{url} does not answer ({error}); trying again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)

    async def _listen(self, socket: Any, symbols: list[str]) -> None:
        request: dict[str, Any] = {"action": "subscribe", "symbols": symbols}
        if self._seen:
            request |= {"since": self._seen, "epoch": self._epoch}
        await socket.send(json.dumps(request))
        async for text in socket:
            self._take(json.loads(text), text)

    def _take(self, message: dict[str, Any], text: str) -> None:
        if message["type"] == "error" and message["code"] != "history_lost":
            raise CommandError(message["message"])
        if message["type"] == "status":
            self._epoch = message["epoch"]
        if message["type"] == "signal":
            self._seen[message["symbol"]] = message["seq"]
        elif message["type"] == "error":
            self._seen[message["symbol"]] = message["head_seq"]
        if self._json:
            self.stdout.write(text if isinstance(text, str) else text.decode())
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
