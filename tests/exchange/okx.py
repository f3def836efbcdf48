"""The simulated exchange in OKX's words: rows newest first, exclusive bounds, ``confirm`` as the flag of a closed bar.

Shapes follow recorded REST answers and frames of its candle channel.
"""

import json

from aiohttp import web

from engine.side import HOUR_MS
from tests.exchange.simulator import Simulator


class Okx(Simulator):
    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v5/{name:.*}", self._answer)
        app.router.add_get("/ws/v5/business", self._socket)

    async def _weighed(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        now, path = self.now(), request.path.removeprefix("/api/v5/")
        fault = await self._http_fault(request, now)
        if fault is not None:
            return fault
        query = dict(request.query)
        if path == "public/time":
            return self._answered([{"ts": str(now)}])
        if path == "public/instruments":
            return self._answered([self._instrument(s, query["instType"]) for s in self.truth.symbols])
        if path in ("market/candles", "market/history-candles"):
            return self._answered(self._candles(query, now, 300 if path == "market/candles" else 100))
        if path.startswith(("public/funding-rate-history", "rubik/stat/contracts/")):
            return self._answered(self._beside(path.rpartition("/")[2], query, now))
        return web.Response(status=404)

    def _answered(self, data: list) -> web.Response:
        return self._json({"code": "0", "msg": "", "data": data})

    def _instrument(self, symbol: str, kind: str) -> dict:
        base = symbol.removesuffix("USDT")
        swap = kind == "SWAP"
        return {
            "instType": kind, "instId": f"{base}-USDT-SWAP" if swap else f"{base}-USDT", "state": "live",
            "uly": f"{base}-USDT" if swap else "", "settleCcy": "USDT" if swap else "", "ctVal": "0.01" if swap else "",
            "ctType": "linear" if swap else "", "baseCcy": "" if swap else base, "quoteCcy": "" if swap else "USDT",
            "listTime": str(self.truth.first(symbol)), "tickSz": "0.0001", "lotSz": "0.0001", "minSz": "0.0001",
            "lever": "10", "alias": "", "category": "1", "expTime": "", "optType": "", "stk": "",
        }  # fmt: skip

    def _candles(self, query: dict, now: int, most: int) -> list:
        symbol, timeframe = query["instId"].replace("-", ""), query["bar"].lower()
        start, end = int(query["before"]) + 1, min(int(query["after"]) - 1, now)
        rows = self._rows(symbol, timeframe, start, end, now)[::-1]
        return rows[: min(int(query["limit"]), most)]

    def _kline(self, open_time: int, values, interval: int) -> list:
        return self._row_of(open_time, values, open_time + interval <= self.now())

    def _row_of(self, open_time: int, values, closed: bool) -> list:
        o, h, low, c, v, _ = values
        numbers = [f"{x:.8f}" for x in (o, h, low, c, v, v * c, v * c)]
        return [str(open_time), *numbers, "1" if closed else "0"]

    def _frame(self, symbol: str, timeframe: str, open_time: int, values, closed: bool) -> str:
        channel = f"candle{timeframe.replace('h', 'H')}"
        arg = {"channel": channel, "instId": f"{symbol.removesuffix('USDT')}-USDT"}
        return json.dumps({"arg": arg, "data": [self._row_of(open_time, values, closed)]})

    async def _heard(self, socket: web.WebSocketResponse, text: str) -> None:
        if text == "ping":  # in words: the protocol's own is not answered there
            await socket.send_str("pong")
        else:
            await super()._heard(socket, text)

    async def _subscribe(self, socket: web.WebSocketResponse, message: dict) -> None:
        for arg in message["args"]:
            timeframe = arg["channel"].removeprefix("candle").lower()
            self.sockets[socket].add(f"{arg['instId'].replace('-', '').lower()}@kline_{timeframe}")
            await self._send(socket, {"event": "subscribe", "arg": arg, "connId": "a4d3ae55"})

    def _beside(self, path: str, query: dict, now: int) -> list:
        symbol = query["instId"].removesuffix("-SWAP").replace("-", "")
        funding = path == "funding-rate-history"
        step = 8 * HOUR_MS if funding else HOUR_MS
        # Of the hour under way there is a value already, which is still going to change.
        start, end = int(query["before" if funding else "begin"]) + 1, int(query.get("end", now + 1)) - 1
        times = list(range(-(-start // step) * step, min(end, now) + 1, step))[::-1][: int(query["limit"])]
        return [self._value(path, symbol, time, now) for time in times]

    def _value(self, path: str, symbol: str, time: int, now: int):
        if path == "funding-rate-history":
            rate = f"{self.perpetuals.value('funding_rate', symbol, time):.12f}"
            told = {"instType": "SWAP", "instId": f"{symbol.removesuffix('USDT')}-USDT-SWAP", "fundingRate": rate}
            return told | {"realizedRate": rate, "fundingTime": str(time)}
        unsettled = 0.5 if time + HOUR_MS > now else 1.0
        if path == "open-interest-history":
            coins = self.perpetuals.value("open_interest", symbol, time) * unsettled
            return [str(time), f"{coins * 100:.6f}", f"{coins:.6f}", f"{coins * 43.1:.6f}"]
        return [str(time), f"{self.perpetuals.value('long_short_ratio', symbol, time) * unsettled:.4f}"]
