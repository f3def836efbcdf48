"""The perpetuals of the simulated exchange: Binance's USD-M protocol, with faults of its own by schedule."""

import math
from collections import Counter, deque
from urllib.parse import unquote
from zlib import crc32

from engine.side import HOUR_MS

FIVE_MINUTES = 300_000
LIMITS = {"/fapi/v1/fundingRate": 500, "/futures/data/": 1000}  # requests in any five minutes


class Perpetuals:
    """What is true of every symbol's perpetual at any time, and what is told of it.

    lacking: symbols without a perpetual. by_thousands: those whose perpetual counts a thousand coins as one.
    """

    def __init__(self, symbols: list[str], lacking: set[str] = frozenset(), by_thousands: set[str] = frozenset()):
        self.symbols, self.lacking, self.by_thousands = symbols, lacking, by_thousands
        self.asked: deque[tuple[int, str]] = deque()
        self.most: Counter[str] = Counter()
        self.funding_hours = 8

    def name(self, symbol: str) -> str:
        return f"1000{symbol}" if symbol in self.by_thousands else symbol

    def value(self, kind: str, symbol: str, time: int) -> float:
        """Return the truth: as told of the spot market's coin, funding per 8 hours."""
        turn = math.sin(time / HOUR_MS / 11.0 + crc32(symbol.encode()) % 7)
        if kind == "funding_rate":
            return round(0.0001 + 0.0002 * turn, 8)
        return round(50_000.0 * (1.0 + 0.1 * turn), 3) if kind == "open_interest" else round(1.5 + 0.5 * turn, 4)

    def note(self, now: int, path: str) -> None:
        """Count a request against the limits that the exchange publishes."""
        self.asked.append((now, path))
        while self.asked[0][0] <= now - FIVE_MINUTES:
            self.asked.popleft()
        for prefix in LIMITS:
            count = sum(asked.startswith(prefix) for _, asked in self.asked)
            self.most[prefix] = max(self.most[prefix], count)

    def answer(self, path: str, query: dict[str, str], now: int):
        """Return the body of an answer, or None for a path that is not there."""
        if path == "/fapi/v1/exchangeInfo":
            return {"timezone": "UTC", "serverTime": now, "rateLimits": [], "symbols": self._listings()}
        if not path.startswith(("/fapi/v1/fundingRate", "/futures/data/")):
            return None
        told = {self.name(s): s for s in self.symbols if s not in self.lacking}
        symbol = told.get(unquote(query["symbol"]))
        if symbol is None:
            return {"code": -1121, "msg": "Invalid symbol."}
        kind = {"fundingRate": "funding_rate", "openInterestHist": "open_interest"}.get(path.rpartition("/")[2])
        step = self.funding_hours * HOUR_MS if kind == "funding_rate" else HOUR_MS
        start, end = int(query["startTime"]), min(int(query["endTime"]), now)
        times = range(-(-start // step) * step, end + 1, step)[: int(query["limit"])]
        return [self._row(kind or "long_short_ratio", symbol, time) for time in times]

    def _listings(self) -> list[dict]:
        return [
            {
                "symbol": self.name(symbol), "pair": self.name(symbol), "contractType": "PERPETUAL",
                "deliveryDate": 4133404800000, "onboardDate": 1569398400000, "status": "TRADING",
                "baseAsset": self.name(symbol).removesuffix("USDT"), "quoteAsset": "USDT", "marginAsset": "USDT",
                "pricePrecision": 2, "quantityPrecision": 3, "underlyingType": "COIN", "filters": [],
                "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC"],
            }
            for symbol in self.symbols
            if symbol not in self.lacking
        ]  # fmt: skip

    def _row(self, kind: str, symbol: str, time: int) -> dict:
        name, value = self.name(symbol), self.value(kind, symbol, time)
        if kind == "funding_rate":
            rate = value * self.funding_hours / 8
            return {"symbol": name, "fundingTime": time, "fundingRate": f"{rate:.12f}", "markPrice": "43.1"}
        if kind == "open_interest":
            coins = value / (1000.0 if symbol in self.by_thousands else 1.0)
            return {
                "symbol": name, "sumOpenInterest": f"{coins:.8f}", "sumOpenInterestValue": f"{43.1 * value:.8f}",
                "CMCCirculatingSupply": "19700000.0", "timestamp": time,
            }  # fmt: skip
        share = value / (1.0 + value)
        return {
            "symbol": name, "longShortRatio": f"{value:.4f}", "longAccount": f"{share:.4f}",
            "shortAccount": f"{1.0 - share:.4f}", "timestamp": time,
        }  # fmt: skip


NUMBERS = ("fundingRate", "sumOpenInterest", "longShortRatio")
TIMES = ("fundingTime", "timestamp")


def spoiled(rows: list[dict], faults, now: int) -> list[dict]:
    """Return rows with what the schedule of faults asks for: one fault an answer, so that each is seen by itself."""
    if len(rows) < 3:
        return rows
    if faults.now("perpetual_dropped_page", now):
        return []
    if faults.now("perpetual_duplicates", now):
        return [*rows, rows[-1]]
    if faults.now("perpetual_reversed", now):
        return rows[::-1]
    if faults.now("perpetual_nan", now):
        return [_with(rows[0], NUMBERS, "NaN"), *rows[1:]]
    if faults.now("perpetual_nonsense", now):
        return [*rows[:-1], _with(rows[-1], NUMBERS, "-7")]
    if faults.now("perpetual_future", now):
        return [*rows, _with(rows[-1], TIMES, now + 50 * HOUR_MS)]
    return [{"open": 1}] if faults.now("perpetual_shape", now) else rows


def _with(row: dict, names: tuple[str, ...], value) -> dict:
    return {name: value if name in names else told for name, told in row.items()}
