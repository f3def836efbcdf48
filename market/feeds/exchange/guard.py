"""The one door for answers: size, time, redirects, status and JSON are checked before ccxt sees a body."""

import json
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from market.feeds.exchange.budget import Budget
from market.feeds.exchange.clock import Clock, within
from market.feeds.exchange.faults import ExchangeFault, RateLimited, RegionRefused

TIMEOUT_S = 20.0
CHUNK = 65_536
MAX_BODY = 2 * 1024 * 1024  # 1,000 klines are 180 KB
# Lists of all symbols: Binance's exchangeInfo is 1.9 MB in the recording of 2021 and has grown since.
MAX_LISTING = 48 * 1024 * 1024
LISTINGS = ("exchangeInfo", "ticker", "instruments", "AssetPairs", "symbols", "products", "markets", "tickers")
BANNED_UNTIL = re.compile(r"banned until (\d{13})")

# When what this task asks leaves and is answered, ms: before that it may have waited for its turn for minutes.
ON_THE_WAY: ContextVar[list[tuple[int, int]] | None] = ContextVar("on_the_way", default=None)


@dataclass
class Traffic:
    """Requests that have left and are not answered."""

    under_way: int = 0


class Door(NamedTuple):
    """weigh: a URL's request weight. traffic: where requests under way are counted."""

    weigh: Callable[[str], int]
    traffic: Traffic


def guarded(base: type, clock: Clock, budget: Budget | None, weigh: Callable[[str], int], traffic: Traffic) -> type:
    """Return the ccxt exchange class ``base`` with its transport replaced; ``weigh`` gives a URL's request weight."""

    class Guarded(base):
        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            if budget:
                await budget.spend(weigh(url))
            self.open(True)
            traffic.under_way += 1
            sent = clock.now_ms()
            try:
                status, answered, text = await within(clock, TIMEOUT_S, self._read(url, method, headers, body))
            finally:
                traffic.under_way -= 1
            if (spans := ON_THE_WAY.get()) is not None:
                spans.append((sent, clock.now_ms()))
            check_status(status, answered, text, url, clock, budget)
            answer = parsed(text, url, status)
            self.handle_errors(status, "", url, method, answered, text, answer, headers, body)
            if status >= 400:
                raise ExchangeFault("refused", f"{_place(url)}: HTTP {status}: {text[:200]}")
            if budget:
                budget.served()
            return answer

        async def _read(self, url: str, method: str, headers: Any, body: Any) -> tuple[int, dict[str, str], str]:
            import aiohttp
            import yarl

            limit = MAX_LISTING if any(name in url for name in LISTINGS) else MAX_BODY
            request = self.session.request(
                method,
                yarl.URL(url, encoded=True),
                data=body.encode() if body else None,
                headers=self.prepare_request_headers(headers),
                allow_redirects=False,
                # The whole answer is bounded by ``within``; this keeps a dead connection out of the pool.
                timeout=aiohttp.ClientTimeout(sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S),
            )
            try:
                async with request as response:
                    parts, size = [], 0
                    async for part in response.content.iter_chunked(CHUNK):
                        size += len(part)
                        if size > limit:
                            raise ExchangeFault("too_big", f"{_place(url)}: the answer exceeds {limit} bytes")
                        parts.append(part)
                    text = b"".join(parts).decode("utf-8", "replace")
                    return response.status, dict(response.headers), text
            except (aiohttp.ClientError, OSError) as error:
                raise ExchangeFault("unreachable", f"{_place(url)}: {type(error).__name__} {error}") from error

    Guarded.__name__ = base.__name__
    return Guarded


def opened(name: str, rows: type, wanted: dict[str, Any], clock: Clock, budget: Budget | None, door: Door) -> Any:
    """Return ccxt's exchange ``name`` behind the guard. rows: what overrides ccxt's class. wanted: its options."""
    import ccxt.pro
    from ccxt import async_support

    base = getattr(ccxt.pro, name, None) or getattr(async_support, name)
    base = type(name, (rows, base), {})
    options = {
        # Ours is kept over any 60 s; ccxt's spaces requests evenly, which costs a start its first minute.
        "enableRateLimit": budget is None,
        "aiohttp_trust_env": True,
    }
    exchange = guarded(base, clock, budget, door.weigh, door.traffic)(options | wanted)
    exchange.timeout_on_exit = 0
    exchange.has["fetchCurrencies"] = False  # needs a key on some exchanges, and we need no currencies
    return exchange


def check_status(
    status: int, headers: Mapping[str, str], text: str, url: str, clock: Clock, budget: Budget | None
) -> None:
    """Raise what an HTTP status says, and tell the budget of it."""
    known = {name.lower(): value for name, value in headers.items()}
    used = known.get("x-mbx-used-weight-1m", "")
    if budget and used.isdigit():
        budget.observe(int(used))
    if 300 <= status < 400:
        raise ExchangeFault("redirect", f"{_place(url)}: redirects to {known.get('location')}, which is not followed")
    if status in (418, 429):
        wait = retry_after(known.get("retry-after"), text, clock.now_ms())
        waits = budget.ban(wait) if budget else (wait or 60.0)
        raise RateLimited(f"http_{status}", f"{_place(url)}: HTTP {status}, asked to wait {waits:.0f} s", waits)
    if status == 451 or (status == 403 and "<html" in text.lower()):
        raise RegionRefused(
            "region_refused",
            f"{_place(url)}: HTTP {status}: the exchange refuses this network or region. Use another exchange in "
            "MARKET_SOURCE, or an address of the exchange that serves you in EXCHANGE_URL.",
        )
    if status >= 500:
        raise ExchangeFault("http_5xx", f"{_place(url)}: HTTP {status}")


def retry_after(header: str | None, text: str, now_ms: int) -> float | None:
    """Return the seconds to wait by Retry-After or by the time that a ban's message names; None if neither does."""
    if header and header.isdigit():
        return float(header)
    until = BANNED_UNTIL.search(text)
    return max((int(until[1]) - now_ms) / 1000.0, 1.0) if until else None


def parsed(text: str, url: str, status: int) -> Any:
    """Return the JSON of ``text``. Raises ExchangeFault if it is none, or holds NaN or Infinity."""

    def refuse(constant: str) -> None:
        raise ExchangeFault("not_json", f"{_place(url)}: the answer holds {constant}")

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise ExchangeFault(
            "not_json", f"{_place(url)}: HTTP {status}: the answer is no JSON: {text[:80]!r}"
        ) from error


def _place(url: str) -> str:
    """Return the URL without its query: it is for people."""
    return url.partition("?")[0]
