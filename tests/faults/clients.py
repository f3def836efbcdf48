"""Clients that write down what they get, and come back with ``since`` whenever they are cut off."""

import asyncio
import json
import random
import threading
import time

import websockets


class Client:
    """One client of all symbols. ``seen``: numbers by symbol in the order they came. ``closes``: codes of each end."""

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._random = url, random.Random(seed)
        self.seen: dict[str, list[int]] = {}
        self.epoch: str | None = None
        self.closes: list[int] = []
        self.errors: list[dict] = []
        self.connected_at: float | None = None
        self.frames: list[tuple[float, dict]] = []

    async def run(self) -> None:
        while True:
            try:
                async with websockets.connect(self._url, open_timeout=30, max_size=None, ping_interval=None) as socket:
                    await self._listen(socket)
            except websockets.ConnectionClosed as end:
                self.closes.append(end.rcvd.code if end.rcvd else 1006)
            except (OSError, TimeoutError, websockets.WebSocketException):
                self.closes.append(0)  # nobody there yet
            self.connected_at = None
            await asyncio.sleep(self._random.uniform(0.1, 0.5))

    async def _listen(self, socket) -> None:
        request = {"action": "subscribe", "symbols": ["*"]}
        if self.epoch:
            since = {symbol: seqs[-1] for symbol, seqs in self.seen.items()}
            request |= {"since": since, "epoch": self.epoch}
        await socket.send(json.dumps(request))
        async for text in socket:
            self._take(json.loads(text))

    def _take(self, message: dict) -> None:
        if message["type"] == "signal":
            self.seen.setdefault(message["symbol"], []).append(message["seq"])
            self.frames.append((time.monotonic(), message))
        elif message["type"] == "status":
            self.epoch = message["epoch"]
        elif message["type"] == "subscription_confirmed":
            self.connected_at = time.monotonic()
            for symbol, seq in message["seq"].items():
                if symbol not in self.seen:  # where this client begins
                    self.seen[symbol] = [seq]
        elif message["type"] == "error":
            self.errors.append(message)


class Clients:
    """Many clients on an event loop of their own."""

    def __init__(self, port: int, count: int, seed: int) -> None:
        url = f"ws://127.0.0.1:{port}/ws/realtime"
        self.all = [Client(url, seed * 1000 + number) for number in range(count)]
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

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
