"""What ccxt drops and we need: a small subclass for each exchange that says more than prices and volume.

Rows are ccxt's [time, open, high, low, close, volume] and then taker buy volume (None: not told) and closed (True,
False, or None: not told).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from market.feeds.exchange.faults import ExchangeFault

BINANCE_WEIGHTS = {"/klines": 2, "/exchangeInfo": 20, "/ticker/24hr": 80, "/time": 1, "/ping": 1}


class BinanceRows:
    """Binance: field 9 of a kline and ``V`` of a frame are the taker buy volume, ``x`` says whether it is closed.

    https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#klinecandlestick-data
    """

    on_row: Callable[[str, str, list[Any]], None] | None = None
    on_trouble: Callable[[ExchangeFault], None] | None = None

    def parse_ohlcv(self, ohlcv: Any, market: Any = None) -> list[Any]:
        if not isinstance(ohlcv, list) or len(ohlcv) < 11:
            raise ExchangeFault("bad_answer", f"a kline has another shape: {str(ohlcv)[:120]}")
        return [int(ohlcv[0]), *(float(x) for x in ohlcv[1:6]), float(ohlcv[9]), None]

    def parse_ohlcvs(self, ohlcvs: list[Any], *_arguments: Any, **_options: Any) -> list[Any]:
        return [self.parse_ohlcv(one) for one in ohlcvs]  # in the order they came: ccxt would hide that it is wrong

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        k = message["k"]
        row = [k["t"], *(float(k[name]) for name in "ohlcv"), float(k["V"]), bool(k["x"])]
        if self.on_row:
            # The market is looked up by id: the id of a spot and of a swap market may be the same text.
            self.on_row(self.safe_symbol(k["s"], None, None, "spot"), k["i"], row)  # type: ignore[attr-defined]

    def handle_message(self, client: Any, message: Any) -> None:
        if isinstance(message, dict):
            inner = message.get("data")
            body: dict[str, Any] = inner if isinstance(inner, dict) else message
            if body.get("e") == "serverShutdown" and self.on_trouble:
                self.on_trouble(ExchangeFault("server_shutdown", "the exchange announced that it closes the socket"))
                return
            if isinstance(body.get("error"), dict) and self.on_trouble:
                self.on_trouble(ExchangeFault("ws_error", str(body["error"])[:200]))
                return
        super().handle_message(client, message)  # type: ignore[misc]


class OkxRows:
    """OKX: field 8 of a candle, ``confirm``, is "1" once it is closed, by REST and by socket alike.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-candlesticks
    """

    on_row = on_trouble = None

    def parse_ohlcv(self, ohlcv: Any, market: Any = None) -> list[Any]:
        if not isinstance(ohlcv, list) or len(ohlcv) < 6:
            raise ExchangeFault("bad_answer", f"a candle has another shape: {str(ohlcv)[:120]}")
        row = super().parse_ohlcv(ohlcv, market)  # type: ignore[misc]
        return [*row, None, str(ohlcv[8]) == "1" if len(ohlcv) > 8 else None]


class PlainRows:
    """Any other exchange of ccxt: a bar is closed once a newer one exists or its time is well past."""

    on_row = on_trouble = None


@dataclass(frozen=True)
class Derivatives:
    """How an exchange tells of its perpetuals. name: ccxt's, where another class of it has them.

    page: values a request. limit: request weight a minute, 0 for ccxt's own limiter. weight: of one request.
    settle_ms: how old a value has to be to be taken: until then it may change.
    """

    name: str = ""
    page: int = 100
    limit: int = 0
    weight: int = 1
    settle_ms: int = 3_600_000  # a value stands for the hour that it begins: then that hour is over
    urls: Callable[[str], dict[str, Any]] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def _binance_perpetual_urls(rest: str) -> dict[str, Any]:
    return {"fapiPublic": f"{rest}/fapi/v1", "fapiData": f"{rest}/futures/data"}


# A statistic bears the time of its hour's end. Beside the weight of a minute there may be 500 requests of funding rates
# and 1,000 of statistics in any 5 minutes: so heavy a request is that all of them together are 400 at the most.
# https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
BINANCE_PERPETUALS = Derivatives(
    page=500,
    limit=2400,
    weight=24,
    settle_ms=60_000,
    urls=_binance_perpetual_urls,
    options={"fetchMarkets": {"types": ["linear"]}},
)


@dataclass(frozen=True)
class Kind:
    """How an exchange differs. page: bars a request. weights: request weight by path, with ``limit`` a minute."""

    rows: type = PlainRows
    flagged: bool = False
    pushes: bool = False  # each frame is handed on as it comes, not read out of ccxt's cache
    page: int = 500
    group: int = 100  # series on one socket
    weights: dict[str, int] = field(default_factory=dict)
    limit: int = 0
    lists_first: bool = False  # a request from time 0 answers with the first bar there ever was
    spot_urls: Callable[[str, str], dict[str, Any]] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    perpetuals: Derivatives = field(default_factory=Derivatives)


def _binance_urls(rest: str, stream: str) -> dict[str, Any]:
    return {"public": f"{rest}/api/v3", "ws": {"spot": f"{stream}/ws"}}


KINDS = {
    # 1,024 streams fit on a connection, 200 are ccxt's own bound. The limit is the one published in 2023; exchangeInfo
    # tells the present one.
    "binance": Kind(
        rows=BinanceRows,
        flagged=True,
        pushes=True,
        page=1000,
        group=150,
        weights=BINANCE_WEIGHTS,
        limit=6000,
        lists_first=True,
        spot_urls=_binance_urls,
        options={"fetchMarkets": {"types": ["spot"]}, "subscriptionLimitByStream": {"spot": 1000}},
        perpetuals=BINANCE_PERPETUALS,
    ),
    "binanceus": Kind(
        rows=BinanceRows,
        flagged=True,
        pushes=True,
        page=1000,
        group=150,
        weights=BINANCE_WEIGHTS,
        limit=1200,
        lists_first=True,
        spot_urls=_binance_urls,
        options={"fetchMarkets": {"types": ["spot"]}, "subscriptionLimitByStream": {"spot": 1000}},
    ),
    "okx": Kind(
        rows=OkxRows,
        flagged=True,
        page=100,
        spot_urls=lambda rest, stream: {"rest": rest, "ws": f"{stream}/ws/v5"},
        options={"fetchMarkets": {"types": ["spot"]}},
        perpetuals=Derivatives(urls=lambda rest: {"rest": rest}, options={"fetchMarkets": {"types": ["swap"]}}),
    ),
    "bybit": Kind(perpetuals=Derivatives(page=200)),
    "kraken": Kind(page=720, perpetuals=Derivatives(name="krakenfutures")),
}
