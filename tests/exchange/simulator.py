"""A local exchange that speaks Binance's spot protocol by HTTP and websocket, with faults by schedule.

Shapes (field order, numbers as text, klines without trades with f = L = -1) follow recorded frames. Time is the
clock it is given, plus ``skew_ms``.
"""

import asyncio
import json
import random
from collections import Counter, deque
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from engine.timeframes import INTERVAL_MS
from tests.exchange.perpetuals import Perpetuals, spoiled
from tests.exchange.truth import Truth

WEIGHTS = {"/api/v3/klines": 2, "/api/v3/exchangeInfo": 20, "/api/v3/ticker/24hr": 80, "/api/v3/time": 1}
CLOSING_DELAY_MS = 4  # E of a closing frame is 4 ms after T in the recordings
CLOUDFRONT = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"><HTML><HEAD><TITLE>ERROR: The request could not '
    "be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>Request blocked.</BODY></HTML>"
)


@dataclass
class Faults:
    """When which fault happens: (kind, from ms, to ms, share of the requests or frames, 0..1)."""

    schedule: list[tuple[str, int, int, float]] = field(default_factory=list)
    seed: int = 1
    happened: Counter = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def add(self, kind: str, start: int, end: int, share: float = 1.0) -> None:
        self.schedule.append((kind, start, end, share))

    def now(self, kind: str, now: int) -> bool:
        for name, start, end, share in self.schedule:
            if name == kind and start <= now < end and self._random.random() < share:
                self.happened[kind] += 1
                return True
        return False

    def lie(self, low: float, high: float) -> float:
        """Return a factor, another one each time: what is told twice alike is the truth, as far as anybody can know."""
        return self._random.uniform(low, high)


class Simulator:
    def __init__(self, truth: Truth, clock, faults: Faults | None = None, limit: int = 6000) -> None:
        self.truth, self.clock, self.faults, self.limit = truth, clock, faults or Faults(), limit
        self.skew_ms = 0
        self.halted: set[str] = set()  # delisted symbols
        self.mute = False  # sockets stay open and say nothing
        self.flagged = True
        self.asked: deque[tuple[int, int, str]] = deque()
        self.refused_at = self.refused_until = 0
        self.asked_while_refused = 0
        self.heaviest_minute = 0
        self.in_flight = self.held = self.sent = self.requests = self.followed = 0
        self.perpetuals = Perpetuals(truth.symbols)
        self.sockets: dict[web.WebSocketResponse, set[str]] = {}
        self.volumes: dict[str, float] = {}
        self.wrong_at_first: set[tuple[str, str, int]] = set()
        self._emitted = clock.now_ms()
        self._runner: web.AppRunner | None = None
        self._held: set[asyncio.Task] = set()

    # Life

    async def start(self) -> tuple[str, str]:
        """Listen on a free port of loopback; return the addresses for REST and for sockets."""
        app = web.Application()
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v3/{name:.*}", self._answer)
        app.router.add_get("/{host:fapi|futures}/{name:.*}", self._answer)
        app.router.add_get("/ws/{number}", self._socket)
        app.router.add_get("/ws", self._socket)

    async def stop(self) -> None:
        for task in self._held:
            task.cancel()
        for socket in list(self.sockets):
            await socket.close()
        await self._runner.cleanup()

    def now(self) -> int:
        return self.clock.now_ms() + self.skew_ms

    # REST

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        try:
            return await self._weighed(request)
        finally:
            self.in_flight -= 1

    async def _weighed(self, request: web.Request) -> web.StreamResponse:
        now, path = self.now(), request.path
        if not path.startswith("/api/v3/"):
            return await self._perpetual(request, now)
        self.requests += 1
        self.asked.append((now, WEIGHTS.get(path, 1), path))
        while self.asked[0][0] <= now - 60_000:
            self.asked.popleft()
        recent = sum(weight for _, weight, _ in self.asked)
        self.heaviest_minute = max(self.heaviest_minute, recent)
        # What left before the refusal arrived is nobody's fault: a second's grace.
        if self.refused_at + 1000 < now < self.refused_until:
            self.asked_while_refused += 1
        fault = await self._http_fault(request, now)
        if fault is not None:
            return fault
        if path == "/api/v3/time":
            body = {"serverTime": now}
        elif path == "/api/v3/exchangeInfo":
            body = self._exchange_info(request)
        elif path == "/api/v3/ticker/24hr":
            body = [self._ticker(symbol) for symbol in self.truth.symbols]
        elif path == "/api/v3/klines":
            return self._klines(request, now, recent)
        else:
            self.followed += path == "/api/v3/elsewhere"
            return web.Response(status=404)
        return self._json(body, recent)

    async def _perpetual(self, request: web.Request, now: int) -> web.StreamResponse:
        """Answer for the derivatives' host: it has weights and faults of its own."""
        self.requests += 1
        self.perpetuals.note(now, request.path)
        fault = await self._http_fault(request, now, "perpetual_")
        if fault is not None:
            return fault
        body = self.perpetuals.answer(request.path, dict(request.query), now)
        if body is None:
            return web.Response(status=404)
        if isinstance(body, list):
            body = spoiled(body, self.faults, now)
        return self._json(body, status=400 if isinstance(body, dict) and body.get("code") else 200)

    def _json(self, body, used: int = 0, status: int = 200, headers: dict | None = None) -> web.Response:
        known = {"x-mbx-used-weight": str(used), "x-mbx-used-weight-1m": str(used), "Server": "nginx"}
        text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
        return web.Response(text=text, status=status, headers=known | (headers or {}), content_type="application/json")

    async def _http_fault(self, request: web.Request, now: int, host: str = "") -> web.StreamResponse | None:
        for kind, answer in self._refusals.items():
            if self.faults.now(host + kind, now):
                return answer(now)
        if self.faults.now(host + "reset", now):
            request.transport.abort()
            return web.Response()
        if self.faults.now(host + "slow", now) or self.faults.now(host + "rest_silent", now):
            return await self._slow(request)
        return None

    @property
    def _refusals(self) -> dict:
        """Return what a fault is answered with. Messages are those that users quoted."""
        page = web.Response
        region = {"code": 0, "msg": "Service unavailable from a restricted location"}
        return {
            "429": self._too_much,
            "418": self._banned,
            "5xx": lambda _: page(status=504, text="<html>Gateway Time-out</html>", content_type="text/html"),
            "html": lambda _: page(text="<html><body>maintenance</body></html>", content_type="text/html"),
            "403": lambda _: page(status=403, text=CLOUDFRONT, content_type="text/html"),
            "451": lambda _: self._json(region, 0, 451),
            "redirect": lambda _: page(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
            "invalid_symbol": lambda _: self._json({"code": -1121, "msg": "Invalid symbol."}, 0, 400),
            "big": lambda _: page(body=b"[" + b" " * 10_000_000 + b"]", content_type="application/json"),
            "shape": lambda _: self._json([{"open": 1}, [1, 2]]),
        }

    def _too_much(self, now: int) -> web.Response:
        self.refused_at, self.refused_until = now, now + 37_000
        text = (
            f"Too much request weight used; current limit is {self.limit} request weight per 1 MINUTE. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        return self._json({"code": -1003, "msg": text}, 0, 429, {"Retry-After": "37"})

    def _banned(self, now: int) -> web.Response:
        self.refused_at, self.refused_until = now, now + 237_000
        text = (
            f"Way too much request weight used; IP banned until {self.refused_until}. "
            "Please use the websocket for live updates to avoid bans."
        )
        return self._json({"code": -1003, "msg": text}, 0, 418)

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        """Send a byte now and then, until whoever asked has gone."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self.held += 1  # it keeps nobody waiting but the client: the clock may go on
        try:
            for _ in range(10_000):
                await response.write(b" ")
                await self.clock.sleep(5.0)
        except ConnectionError:
            pass  # the client gave up, as it should
        finally:
            self.held -= 1
        return response

    def _exchange_info(self, request: web.Request) -> dict:
        names = [request.query["symbol"]] if "symbol" in request.query else self.truth.symbols
        symbols = [self._listing(s) for s in names if s in self.truth.symbols]
        limits = [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.limit},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 6100},
        ]
        return {
            "timezone": "UTC",
            "serverTime": self.now(),
            "rateLimits": limits,
            "exchangeFilters": [],
            "symbols": symbols,
        }

    def _listing(self, symbol: str) -> dict:
        prices = {"minPrice": "0.00000100", "maxPrice": "922327.00000000", "tickSize": "0.00000100"}
        filters = [
            {"filterType": "PRICE_FILTER", **prices},
            {"filterType": "LOT_SIZE", "minQty": "0.00010000", "maxQty": "100000.00000000", "stepSize": "0.00010000"},
            {"filterType": "MIN_NOTIONAL", "minNotional": "0.00010000", "applyToMarket": True, "avgPriceMins": 5},
        ]  # fmt: skip
        return {
            "symbol": symbol,
            "status": "BREAK" if symbol in self.halted else "TRADING",
            "baseAsset": symbol.removesuffix("USDT"),
            "baseAssetPrecision": 8,
            "quoteAsset": "USDT",
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "icebergAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters,
            "permissions": ["SPOT"],
        }

    def _ticker(self, symbol: str) -> dict:
        volume = self.volumes.get(symbol, 1000.0 + self.truth.symbols.index(symbol))
        return {"symbol": symbol, "lastPrice": "1.0", "quoteVolume": f"{volume:.8f}", "closeTime": self.now()}

    def _klines(self, request: web.Request, now: int, used: int) -> web.Response:
        symbol, timeframe = request.query["symbol"], request.query["interval"]
        if symbol not in self.truth.symbols or symbol in self.halted:
            return self._json({"code": -1121, "msg": "Invalid symbol."}, used, 400)
        limit = min(int(request.query.get("limit", "500")), 1000)
        start = int(request.query.get("startTime", "0"))
        end = min(int(request.query.get("endTime", now)), now)
        if timeframe not in self.truth.timeframes:  # the first minute of trading
            first = self.truth.first(symbol)
            return self._json([self._kline(first, (1.0, 1.0, 1.0, 1.0, 1.0, 0.5), 60_000)], used)
        rows = self._rows(symbol, timeframe, start, end, now)[:limit]
        return self._json(self._spoiled(rows, INTERVAL_MS[timeframe], now), used)

    def _rows(self, symbol: str, timeframe: str, start: int, end: int, now: int) -> list[list]:
        interval = INTERVAL_MS[timeframe]
        bars = self.truth.between(symbol, timeframe, start, end + 1)
        rows = []
        for open_time, final in zip(bars.open_times.tolist(), bars.values.T.tolist(), strict=True):
            values = final
            if open_time + interval > now:
                values = forming(final, (now - open_time) / interval)
            elif (symbol, timeframe, open_time) in self.wrong_at_first:
                values = early(final)
            rows.append(self._kline(open_time, values, interval))
        return rows

    def _kline(self, open_time: int, values, interval: int) -> list:
        o, h, low, c, v, taker = values
        trades = 0 if v == 0 else 583
        return [
            open_time, *(f"{x:.8f}" for x in (o, h, low, c, v)), open_time + interval - 1, f"{v * c:.8f}", trades,
            f"{taker:.8f}", f"{taker * c:.8f}", "0",
        ]  # fmt: skip

    def _spoiled(self, rows: list[list], interval: int, now: int) -> list[list] | str:
        faults = self.faults
        if rows and faults.now("dropped_page", now):
            return []
        if len(rows) > 2 and faults.now("dropped_rows", now):
            rows = rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :]
        if rows and faults.now("duplicates", now):
            rows = [*rows, rows[-1]]
        if len(rows) > 1 and faults.now("reversed", now):
            rows = rows[::-1]
        if rows and faults.now("future", now):
            rows = [*rows, [rows[-1][0] + 50 * interval, *rows[-1][1:]]]
        if rows and faults.now("nan", now):
            rows = [[rows[0][0], "NaN", *rows[0][2:]], *rows[1:]]
        if rows and faults.now("jump", now):
            middle = len(rows) // 2
            factor = faults.lie(1.4, 1.6)
            prices = [f"{float(x) * factor:.8f}" for x in rows[middle][1:5]]
            rows = [*rows[:middle], [rows[middle][0], *prices, *rows[middle][5:]], *rows[middle + 1 :]]
        return rows

    # Sockets

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.faults.now("handshake_504", self.now()):
            return web.Response(status=504)
        if self.faults.now("handshake_302", self.now()):
            return web.Response(status=302, headers={"Location": f"http://{request.host}/api/v3/elsewhere"})
        socket = web.WebSocketResponse(autoping=True, max_msg_size=1 << 20)
        await socket.prepare(request)
        self.sockets[socket] = set()
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._heard(socket, message.data)
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def _heard(self, socket: web.WebSocketResponse, text: str) -> None:
        await self._subscribe(socket, json.loads(text))

    async def _subscribe(self, socket: web.WebSocketResponse, message: dict) -> None:
        if self.faults.now("too_many_subscriptions", self.now()):
            error = {"code": 4, "msg": "Too many subscriptions"}
            await self._send(socket, {"error": error, "id": message["id"]})
            return
        streams = set(message["params"])
        if self.faults.now("some_streams_mute", self.now()):
            streams = set(sorted(streams)[1:])
        self.sockets[socket] |= streams
        await self._send(socket, {"result": None, "id": message["id"]})

    async def _send(self, socket: web.WebSocketResponse, message: dict | str) -> None:
        if self.mute or socket.closed:
            return
        self.sent += 1
        try:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message, separators=(",", ":")))
        except ConnectionError:
            self.sockets.pop(socket, None)

    async def emit(self) -> None:
        """Send what the sockets have to say since the last call."""
        before, self._emitted = self._emitted, self.now()
        for timeframe in self.truth.timeframes:
            interval = INTERVAL_MS[timeframe]
            for close in range(before // interval * interval, self.now() + 1, interval):
                if before < close + CLOSING_DELAY_MS <= self.now():
                    await self._close_bars(timeframe, close)
        if before // 30_000 != self.now() // 30_000:
            await self._sign_of_life()
        await self._break_sockets()

    async def _close_bars(self, timeframe: str, close: int) -> None:
        for symbol in self.truth.symbols:
            if symbol in self.halted:
                continue
            stream = f"{symbol.lower()}@kline_{timeframe}"
            for socket in [s for s, streams in self.sockets.items() if stream in streams]:
                for frame in self._closing_frames(symbol, timeframe, close):
                    await self._send(socket, frame)

    def _closing_frames(self, symbol: str, timeframe: str, close: int) -> list:
        values = self.truth.closing(timeframe, close, symbol)
        opening = self._forming_frame(symbol, timeframe, close)
        if values is None:
            return opening
        frames = self._told(symbol, timeframe, close, values, opening)
        return self._spoiled_frames(frames, symbol, timeframe, close, values)

    def _told(self, symbol: str, timeframe: str, close: int, values, opening: list) -> list:
        interval, faults, now = INTERVAL_MS[timeframe], self.faults, self.now()
        key = (symbol, timeframe, close - interval)
        if faults.now("late_correction", now):
            self.wrong_at_first.add(key)
        told = early(values) if key in self.wrong_at_first else values
        frame = self._frame(symbol, timeframe, close - interval, told, True)
        frames = [frame, *opening] if self.flagged else [*opening]
        if faults.now("ws_dropped", now):
            frames = opening
        if faults.now("ws_duplicate", now):
            frames = [*frames, frame]
        return frames[::-1] if faults.now("ws_reversed", now) else frames

    def _spoiled_frames(self, frames: list, symbol: str, timeframe: str, close: int, told) -> list:
        interval, faults, now = INTERVAL_MS[timeframe], self.faults, self.now()
        if faults.now("ws_future", now):
            frames.append(self._frame(symbol, timeframe, close + 90 * interval, told, False))
        if faults.now("ws_half_formed", now):
            frames.append(self._frame(symbol, timeframe, close, forming(list(told), 0.1), True))
        if frames and faults.now("ws_nan", now):
            frames[0] = frames[0].replace(f'"c":"{told[3]:.8f}"', '"c":"NaN"')
        if frames and faults.now("ws_jump", now):
            factor = faults.lie(0.5, 0.6)
            frames[0] = self._frame(
                symbol, timeframe, close - interval, [x * factor for x in told[:4]] + list(told[4:]), True
            )
        if faults.now("ws_shape", now):
            frames.append('{"e":"kline","E":1,"s":"' + symbol + '","k":{"t":"x"}}')
        if faults.now("ws_not_json", now):
            frames.append('{"e":"kline",')
        return frames

    def _forming_frame(self, symbol: str, timeframe: str, open_time: int) -> list[str]:
        interval = INTERVAL_MS[timeframe]
        values = self.truth.closing(timeframe, open_time + interval, symbol)
        if values is None:
            return []
        return [self._frame(symbol, timeframe, open_time, forming(list(values), 0.05), False)]

    def _frame(self, symbol: str, timeframe: str, open_time: int, values, closed: bool) -> str:
        interval = INTERVAL_MS[timeframe]
        o, h, low, c, v, taker = values
        first, last, trades = (-1, -1, 0) if v == 0 else (35012468, 35012969, 502)
        kline = {
            "t": open_time, "T": open_time + interval - 1, "s": symbol, "i": timeframe, "f": first, "L": last,
            "o": f"{o:.8f}", "c": f"{c:.8f}", "h": f"{h:.8f}", "l": f"{low:.8f}", "v": f"{v:.8f}", "n": trades,
            "x": closed, "q": f"{v * c:.8f}", "V": f"{taker:.8f}", "Q": f"{taker * c:.8f}", "B": "0",
        }  # fmt: skip
        return json.dumps({"e": "kline", "E": self.now(), "s": symbol, "k": kline}, separators=(",", ":"))

    async def _sign_of_life(self) -> None:
        for socket, streams in list(self.sockets.items()):
            for stream in sorted(streams)[:1]:
                symbol, timeframe = stream.upper().split("@KLINE_")[0], stream.split("@kline_")[1]
                if symbol in self.halted:
                    continue
                open_time = self.now() // INTERVAL_MS[timeframe] * INTERVAL_MS[timeframe]
                for frame in self._forming_frame(symbol, timeframe, open_time):
                    await self._send(socket, frame)
        for key in [k for k in self.wrong_at_first if self.now() > k[2] + INTERVAL_MS[k[1]] + 30_000]:
            self.wrong_at_first.discard(key)
            await self._correct(*key)

    async def _correct(self, symbol: str, timeframe: str, open_time: int) -> None:
        values = self.truth.closing(timeframe, open_time + INTERVAL_MS[timeframe], symbol)
        for socket, streams in list(self.sockets.items()):
            if f"{symbol.lower()}@kline_{timeframe}" in streams:
                await self._send(socket, self._frame(symbol, timeframe, open_time, values, True))

    async def _break_sockets(self) -> None:
        now = self.now()
        for socket in list(self.sockets):
            if self.faults.now("ws_reset", now):
                socket._req.transport.abort()
            elif self.faults.now("ws_1008", now):
                await socket.close(code=1008, message=b"Too many requests")
            elif self.faults.now("ws_cut", now):
                await socket.close(code=1001, message=b"going away")
            elif self.faults.now("server_shutdown", now):
                await self._send(socket, {"e": "serverShutdown", "E": now})


def forming(values: list, share: float) -> list:
    """Return a bar as it looks after ``share`` of its time: its last price is not yet its close."""
    o, h, low, c, v, taker = values
    price = o + (c - o) * share
    return [
        o,
        max(o, price, o + (h - o) * share),
        min(o, price, o - (o - low) * share),
        price,
        v * share,
        taker * share,
    ]


def early(values) -> list:
    """Return a bar as the exchange first told it, before it corrected the volume."""
    return [*values[:4], round(values[4] * 0.97, 8), round(values[5] * 0.97, 8)]
