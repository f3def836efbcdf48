"""The agent as an object: ``Agent`` blocks, ``AsyncAgent`` awaits; otherwise they are the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import websockets
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_sync

from realtime_agent_client.errors import Refused, Stopped
from realtime_agent_client.messages import Message, Signal
from realtime_agent_client.position import DO_NOT_COME_BACK, Gap, Pause, Position

TIMEOUT_S = 30.0
LOST = (OSError, websockets.InvalidHandshake, websockets.ConnectionClosed, TimeoutError, Gap, httpx.TransportError)
Report = Callable[[str], None]


class _Base:
    """What both know: where the server is, and how its answers read."""

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._token = token

    def _socket_url(self, ticket: str | None) -> str:
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}{parts.path}/ws/realtime" + (f"?ticket={ticket}" if ticket else "")

    @staticmethod
    def _answer(response: httpx.Response) -> Any:
        if response.is_success:
            if response.headers.get("Content-Type", "").startswith("text/"):
                return response.text
            return response.json() if response.content else None
        try:
            errors = response.json()["errors"]
        except (ValueError, KeyError, TypeError):
            errors = [{"code": "error", "detail": response.text[:200], "attr": None}]
        raise Refused(response.status_code, errors)

    @staticmethod
    def _why(error: BaseException) -> str:
        """Return why a connection ended. Raises Stopped where coming back is useless."""
        if isinstance(error, websockets.ConnectionClosed):
            code = error.rcvd.code if error.rcvd else 1006
            if code in DO_NOT_COME_BACK:
                raise Stopped(code) from error
            return f"closed with {code}"
        if isinstance(error, websockets.InvalidStatus) and error.response.status_code in (400, 403, 404):
            raise Refused(error.response.status_code, [{"detail": "the handshake was refused"}]) from error
        return str(error) or type(error).__name__


def _refuse(message: Message) -> None:
    """Raise what the server answered to the subscription, if that was an error."""
    if message["type"] == "error" and message["code"] != "history_lost":
        raise Refused(400, [{"code": message["code"], "detail": message["message"], "attr": None}])


class Agent(_Base):
    """Blocks. ``with Agent(url, token) as agent`` closes its connections at the end."""

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None) -> None:
        super().__init__(url, token)
        self._http = httpx.Client(base_url=self.url, headers=self._headers, timeout=TIMEOUT_S)

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Return the answer of an endpoint, such as ``call("POST", "/api/scanner/run", {...})``. Raises Refused."""
        return self._answer(self._http.request(method, path, json=body, params=query or None))

    def socket_url(self) -> str:
        """Return the address to connect to now, with a ticket if there is a token."""
        return self._socket_url(self.call("POST", "/api/auth/ws-ticket")["ticket"] if self._token else None)

    def status(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.call("GET", "/api/agent/status"))

    def toggle(self, enabled: bool) -> dict[str, Any]:
        return cast(dict[str, Any], self.call("PUT", "/api/agent/toggle", {"enabled": enabled}))

    def score(self, symbol: str, timeframe: str) -> dict[str, Any]:
        body = {"symbol": symbol, "timeframe": timeframe}
        return cast(dict[str, Any], self.call("POST", "/api/signals/score", body))

    def signals(self, *symbols: str, position: Position | None = None) -> Iterator[Signal]:
        """Yield the signals of some symbols, or of all, as they come; comes back by itself and misses none."""
        for message in self.messages(*symbols, position=position):
            if message["type"] == "signal":
                yield cast(Signal, message)

    def messages(
        self, *symbols: str, position: Position | None = None, report: Report = lambda why: None
    ) -> Iterator[Message]:
        """Yield every message but repeats. ``position``: where to go on from. ``report`` is told of each pause."""
        position, pause = position or Position(symbols), Pause()
        while True:
            try:
                with connect_sync(self.socket_url(), open_timeout=TIMEOUT_S) as socket:
                    socket.send(json.dumps(position.request()))
                    for text in socket:
                        message = json.loads(text)
                        _refuse(message)
                        pause.reset()
                        if position.take(message):
                            yield message
                report("closed")
            except LOST as error:
                report(self._why(error))
            time.sleep(pause.next_s())


class AsyncAgent(_Base):
    """Awaits. ``async with AsyncAgent(url, token) as agent`` closes its connections at the end."""

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None) -> None:
        super().__init__(url, token)
        self._http = httpx.AsyncClient(base_url=self.url, headers=self._headers, timeout=TIMEOUT_S)

    async def __aenter__(self) -> "AsyncAgent":
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Return the answer of an endpoint, such as ``call("POST", "/api/scanner/run", {...})``. Raises Refused."""
        return self._answer(await self._http.request(method, path, json=body, params=query or None))

    async def status(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self.call("GET", "/api/agent/status"))

    async def toggle(self, enabled: bool) -> dict[str, Any]:
        return cast(dict[str, Any], await self.call("PUT", "/api/agent/toggle", {"enabled": enabled}))

    async def score(self, symbol: str, timeframe: str) -> dict[str, Any]:
        body = {"symbol": symbol, "timeframe": timeframe}
        return cast(dict[str, Any], await self.call("POST", "/api/signals/score", body))

    async def signals(self, *symbols: str, position: Position | None = None) -> AsyncIterator[Signal]:
        """Yield the signals of some symbols, or of all, as they come; comes back by itself and misses none."""
        async for message in self.messages(*symbols, position=position):
            if message["type"] == "signal":
                yield cast(Signal, message)

    async def messages(
        self, *symbols: str, position: Position | None = None, report: Report = lambda why: None
    ) -> AsyncIterator[Message]:
        """Yield every message but repeats. ``position``: where to go on from. ``report`` is told of each pause."""
        position, pause = position or Position(symbols), Pause()
        while True:
            try:
                ticket = (await self.call("POST", "/api/auth/ws-ticket"))["ticket"] if self._token else None
                async with connect(self._socket_url(ticket), open_timeout=TIMEOUT_S) as socket:
                    await socket.send(json.dumps(position.request()))
                    async for text in socket:
                        message = json.loads(text)
                        _refuse(message)
                        pause.reset()
                        if position.take(message):
                            yield message
                report("closed")
            except LOST as error:
                report(self._why(error))
            await asyncio.sleep(pause.next_s())
