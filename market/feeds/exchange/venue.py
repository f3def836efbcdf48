"""One exchange as the feed sees it: its symbols, its time, bars by time range, and sockets of live bars."""

import asyncio
import difflib
import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from engine.timeframes import INTERVAL_MS
from market.feeds.base import FeedError
from market.feeds.exchange.bars import Bar, bar_of
from market.feeds.exchange.budget import Budget
from market.feeds.exchange.clock import Clock, WallClock
from market.feeds.exchange.faults import ExchangeFault, fault_of
from market.feeds.exchange.guard import ON_THE_WAY, Door, Traffic, opened
from market.feeds.exchange.kinds import KINDS, Kind
from market.feeds.exchange.perpetuals import Perpetuals

logger = logging.getLogger(__name__)

ROWS_A_LOOK = 3  # newest rows of each series that are read out of ccxt's cache at a time

OnBar = Callable[[str, str, Bar], None]


def exchange_names() -> list[str]:
    """Return the exchanges that ccxt has, without importing it."""
    spec = find_spec("ccxt")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "async_support"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def require_exchange(name: str) -> None:
    """Raise FeedError, with the nearest names, unless ccxt has the exchange."""
    known = exchange_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3) or ["binance", "kraken", "okx"]
        raise FeedError(f"MARKET_SOURCE: no exchange is called {name!r}; did you mean {', '.join(near)}?")


class Listing(NamedTuple):
    """A spot market of the exchange. created: ms, None where the exchange does not say.

    step (base asset), min_notional (quote asset): of an order, 0 where the exchange names none.
    """

    symbol: str
    quote: str
    active: bool
    created: int | None
    step: float = 0.0
    min_notional: float = 0.0


class Venue:
    """An exchange through ccxt. Answers are checked by ``guard``; what is asked is bounded by ``budget``."""

    def __init__(self, name: str, clock: Clock | None = None, urls: tuple[str, str] | None = None) -> None:
        require_exchange(name)
        self.name, self.clock = name, clock or WallClock()
        self.kind: Kind = KINDS.get(name, Kind())
        self._urls = urls
        if urls and self.kind.spot_urls is None:
            able = ", ".join(one for one, kind in KINDS.items() if kind.spot_urls)
            raise FeedError(f"EXCHANGE_URL: addresses of {name} cannot be set; only those of {able} can")
        self.budget = Budget(self.clock, self.kind.limit) if self.kind.weights else None
        self.traffic = Traffic()
        self._ccxt_symbols: dict[str, str] = {}
        self.listings: dict[str, Listing] = {}
        self._rest: Any = None

    def perpetuals(self, url: str = "") -> Perpetuals:
        """Return the exchange's perpetuals, which have a host, and so a budget, of their own. Raises FeedError."""
        return Perpetuals(self.name, self.kind.perpetuals, self.clock, self.traffic, url)

    async def load(self) -> None:
        """Read the exchange's markets (again). Raises ExchangeFault."""
        try:
            if self._rest is None:
                self._rest = self._open()
            markets = await self._rest.load_markets(True)
        except Exception as error:
            raise fault_of(error) from error
        spot = {m["base"] + m["quote"]: m for m in markets.values() if m.get("spot")}
        self._ccxt_symbols = {symbol: m["symbol"] for symbol, m in spot.items()}
        self.listings = {
            symbol: Listing(symbol, m["quote"], m.get("active") is not False, m.get("created"), *self._least(m))
            for symbol, m in spot.items()
        }

    def _least(self, market: dict[str, Any]) -> tuple[float, float]:
        """Return a market's step and least notional."""
        import ccxt

        amount, mode = (market.get("precision") or {}).get("amount"), self._rest.precisionMode
        step = 0.0
        if amount is not None and mode == ccxt.TICK_SIZE:
            step = float(amount)
        elif amount is not None and mode == ccxt.DECIMAL_PLACES:
            step = 10.0 ** -float(amount)  # significant digits make no step
        cost = ((market.get("limits") or {}).get("cost") or {}).get("min")
        return step, float(cost or 0.0)

    async def read_limit(self) -> None:
        """Take the weight limit that the exchange publishes, where it does."""
        if self.budget is None or not self.kind.weights:
            return
        answer = await self._ask(self._rest.publicGetExchangeInfo({"symbol": "BTCUSDT"}), dict)
        for rule in answer.get("rateLimits", []):
            if rule.get("rateLimitType") == "REQUEST_WEIGHT" and rule.get("interval") == "MINUTE":
                self.budget.limit = int(rule["limit"]) // int(rule["intervalNum"])

    async def offset_ms(self) -> int | None:
        """Return how far the exchange's clock is ahead of this machine's, or None if it has none to ask."""
        if not self._rest.has.get("fetchTime"):
            return None
        spans: list[tuple[int, int]] = []
        token = ON_THE_WAY.set(spans)
        try:
            told = int(await self._ask(self._rest.fetch_time(), int))
        finally:
            ON_THE_WAY.reset(token)
        return told - sum(spans[-1]) // 2

    async def candles(self, symbol: str, timeframe: str, start: int, end: int) -> list[Bar]:
        """Return bars that open in [start, end), as many as a page holds from ``start`` on. Raises ExchangeFault."""
        limit = min(self.kind.page, (end - start) // INTERVAL_MS[timeframe])
        rows = await self._ask(self._rest.fetch_ohlcv(self._ccxt_symbols[symbol], timeframe, start, limit), list)
        return bars_of(rows)

    def page_end(self, timeframe: str, start: int, end: int) -> int:
        """Return how far a request from ``start`` reaches when ``end`` is wanted and a bar behind it as proof."""
        return min(end + 2 * INTERVAL_MS[timeframe], start + self.kind.page * INTERVAL_MS[timeframe])

    async def first_open(self, symbol: str) -> int | None:
        """Return the minute (ms) of the first trade there ever was, or None where the exchange cannot say."""
        if not self.kind.lists_first:
            return self.listings[symbol].created
        rows = await self._ask(self._rest.fetch_ohlcv(self._ccxt_symbols[symbol], "1m", 0, 1), list)
        bars = bars_of(rows)
        return bars[0].open_time if bars else None

    async def quote_volumes(self) -> dict[str, float]:
        """Return each symbol's traded amount of the last 24 h, in its quote asset."""
        tickers = await self._ask(self._rest.fetch_tickers(), dict)
        by_ccxt = {name: symbol for symbol, name in self._ccxt_symbols.items()}
        return {
            by_ccxt[name]: float(ticker.get("quoteVolume") or 0.0)
            for name, ticker in tickers.items()
            if name in by_ccxt
        }

    async def _ask(self, request: Any, shape: type) -> Any:
        try:
            answer = await request
        except Exception as error:
            raise fault_of(error) from error
        if not isinstance(answer, shape):
            raise ExchangeFault("bad_answer", f"{self.name}: the answer has another shape: {str(answer)[:120]}")
        return answer

    def timeframes(self) -> set[str]:
        """Return those of our timeframes that the exchange has."""
        return {t for t in INTERVAL_MS if t in (self._rest.timeframes or {})}

    @property
    def streams(self) -> bool:
        """Whether live bars come by socket."""
        return bool(self._rest.has.get("watchOHLCVForSymbols") or self._rest.has.get("watchOHLCV"))

    def stream(
        self,
        pairs: Sequence[tuple[str, str]],
        on_bar: OnBar,
        on_frame: Callable[[], None],
        on_bad_frame: Callable[[], None],
    ) -> "Stream":
        """Return a socket for (symbol, timeframe) pairs, on an exchange object of its own."""
        exchange = self._open()
        exchange.set_markets_from_exchange(self._rest)
        symbols = {self._ccxt_symbols[s]: s for s, _ in pairs}
        named = [(self._ccxt_symbols[s], t) for s, t in pairs]
        return Stream(exchange, self.kind, named, symbols, on_bar, on_frame, on_bad_frame)

    def _open(self) -> Any:
        wanted: dict[str, Any] = {"options": self.kind.options}
        if self._urls and self.kind.spot_urls:
            wanted["urls"] = {"api": self.kind.spot_urls(*self._urls)}
        return opened(self.name, self.kind.rows, wanted, self.clock, self.budget, Door(self._weigh, self.traffic))

    def _weigh(self, url: str) -> int:
        path = url.partition("?")[0]
        return next((w for end, w in self.kind.weights.items() if path.endswith(end)), 1)

    async def close(self) -> None:
        if self._rest is not None:
            await self._rest.close()
            self._rest = None


def bars_of(rows: Any) -> list[Bar]:
    """Return ccxt's rows as bars. Raises ExchangeFault for another shape."""
    try:
        return [bar_of(row) for row in rows]
    except (ValueError, TypeError, LookupError) as error:
        raise ExchangeFault("bad_answer", f"candles of another shape: {str(rows)[:120]}") from error


class Stream:
    """One socket with a fixed set of series; to be run once and thrown away."""

    def __init__(
        self,
        exchange: Any,
        kind: Kind,
        pairs: list[tuple[str, str]],
        symbols: dict[str, str],
        on_bar: OnBar,
        on_frame: Callable[[], None],
        on_bad_frame: Callable[[], None],
    ) -> None:
        self._exchange, self._kind, self._pairs, self._symbols = exchange, kind, pairs, symbols
        self._on_bar, self._on_frame, self._on_bad_frame = on_bar, on_frame, on_bad_frame
        self._told: dict[tuple[str, str], list[Any]] = {}
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if kind.pushes:
            exchange.on_row, exchange.on_trouble = self._row, self._fail

    async def run(self) -> None:
        """Hand on bars until the socket breaks. Raises ExchangeFault, always."""
        _refuse_redirects(self._exchange)
        _survive_bad_frames(self._exchange, self._on_bad_frame)
        work = asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait({work, self._trouble}, return_when=asyncio.FIRST_COMPLETED)
            (self._trouble if self._trouble.done() else work).result()
            raise ExchangeFault("ws_closed", "the socket ended")
        except Exception as error:
            raise fault_of(error) from error
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _watch(self) -> None:
        exchange = self._exchange
        if exchange.has.get("watchOHLCVForSymbols"):
            pairs = [list(pair) for pair in self._pairs]
            while True:
                await exchange.watch_ohlcv_for_symbols(pairs)
                self._read_cache()
        await asyncio.gather(*(self._watch_one(*pair) for pair in self._pairs))

    async def _watch_one(self, symbol: str, timeframe: str) -> None:
        while True:
            await self._exchange.watch_ohlcv(symbol, timeframe)
            self._read_cache()

    def _read_cache(self) -> None:
        """Hand on what is new in ccxt's cache: a frame that came between two waits is only there."""
        self._on_frame()  # one that repeats what is known is a sign of life too
        for symbol, timeframe in self._pairs:
            cache = self._exchange.ohlcvs.get(symbol, {}).get(timeframe) or []
            newest = [list(row) for row in list(cache)[-ROWS_A_LOOK:]]
            before = self._told.get((symbol, timeframe), [])
            if newest != before:
                self._told[symbol, timeframe] = newest
                for row in newest:
                    if row not in before:
                        self._row(symbol, timeframe, row)

    def _row(self, symbol: str, timeframe: str, row: list[Any]) -> None:
        self._on_frame()
        if symbol in self._symbols:
            self._on_bar(self._symbols[symbol], timeframe, bar_of(row))

    def _fail(self, fault: ExchangeFault) -> None:
        if not self._trouble.done():
            self._trouble.set_exception(fault)

    async def close(self) -> None:
        if self._trouble.done():
            self._trouble.exception()  # retrieved: asyncio need not complain of it
        await self._exchange.close()


def _refuse_redirects(exchange: Any) -> None:
    """Let the socket's handshake follow no redirect; ccxt leaves that to aiohttp, which would."""
    import aiohttp

    async def refuse(_session: Any, _context: Any, parameters: aiohttp.TraceRequestRedirectParams) -> None:
        raise ExchangeFault("redirect", f"{parameters.url}: the socket redirects, which is not followed")

    exchange.open()
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    trace.freeze()
    exchange.session._trace_configs.append(trace)


def _survive_bad_frames(exchange: Any, on_bad_frame: Callable[[], None]) -> None:
    """Keep reading behind a frame that is no JSON or has another shape: ccxt's loop would end there, unnoticed."""
    make = exchange.client

    def client(url: str) -> Any:
        made = make(url)
        if "handle_text_or_binary_message" not in vars(made):
            handle = made.handle_text_or_binary_message

            def survive(data: Any) -> None:
                try:
                    handle(data)
                except Exception:
                    logger.debug("a frame could not be read: %.200s", data, exc_info=True)
                    on_bad_frame()

            made.handle_text_or_binary_message = survive
        return made

    exchange.client = client
