"""Clients that check the numbers they get, and come back with ``since`` whenever they are cut off."""

import asyncio
import json
import random
import threading
import time
from collections.abc import Sequence

import websockets


class Client:
    """One client of all symbols. ``last``: newest number by symbol. ``closes``: codes of each end.

    ``breaks``: (symbol, number before, number) wherever one did not follow the one before it.
    """

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._random = url, random.Random(seed)
        self.last: dict[str, int] = {}
        self.breaks: list[tuple[str, int, int]] = []
        self.heard = self.arrivals = 0
        self.epoch: str | None = None
        self.closes: list[int] = []
        self.errors: list[dict] = []
        self.connected_at: float | None = None
        self._socket: websockets.ClientConnection | None = None

    async def run(self) -> None:
        while True:
            try:
                async with websockets.connect(self._url, open_timeout=30, max_size=None, ping_interval=None) as socket:
                    self._socket = socket
                    await self._listen(socket)
            except websockets.ConnectionClosed as end:
                self.closes.append(end.rcvd.code if end.rcvd else 1006)
            except (OSError, TimeoutError, websockets.WebSocketException):
                self.closes.append(0)  # nobody there yet
            self.connected_at = self._socket = None
            await asyncio.sleep(self._random.uniform(0.1, 0.5))

    async def _listen(self, socket) -> None:
        request = {"action": "subscribe", "symbols": ["*"]}
        if self.epoch:
            request |= {"since": self.last, "epoch": self.epoch}
        await socket.send(json.dumps(request))
        async for text in socket:
            self._take(json.loads(text))

    def _take(self, message: dict) -> None:
        if message["type"] == "signal":
            self._follow(message["symbol"], message["seq"])
        elif message["type"] == "status":
            self.epoch = message["epoch"]
        elif message["type"] == "subscription_confirmed":
            self.connected_at = time.monotonic()
            self.arrivals += 1
            for symbol, seq in message["seq"].items():
                self.last.setdefault(symbol, seq)  # where this client begins
        elif message["type"] == "error":
            self.errors.append(message)

    def _follow(self, symbol: str, seq: int) -> None:
        before = self.last.setdefault(symbol, seq - 1)
        if seq != before + 1:
            self.breaks.append((symbol, before, seq))
        self.last[symbol] = seq
        self.heard += 1

    def drop(self) -> None:
        """Lose the connection without a word, as a client does whose network goes."""
        if self._socket is not None:
            self._socket.transport.abort()


class Clients:
    """Many clients on an event loop of their own, spread over the web processes at ``ports``."""

    def __init__(self, ports: Sequence[int], count: int, seed: int) -> None:
        urls = [f"ws://127.0.0.1:{port}/ws/realtime" for port in ports]
        self.all = [Client(urls[number % len(urls)], seed * 1000 + number) for number in range(count)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        tasks = [self._loop.create_task(one.run()) for one in self.all]
        self._loop.run_forever()
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def connected(self) -> int:
        return sum(one.connected_at is not None for one in self.all)

    def drop_all(self) -> None:
        self._loop.call_soon_threadsafe(lambda: [one.drop() for one in self.all])

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
