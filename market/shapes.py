"""What the API says of the market."""

from typing import TypedDict

from rest.shapes import Timeframe, Ts


class SeriesFacts(TypedDict):
    timeframe: Timeframe
    first_open: Ts | None
    ended_at: Ts | None


class SymbolFacts(TypedDict):
    symbol: str
    series: list[SeriesFacts]


class SymbolList(TypedDict):
    source: str
    now: Ts | None
    symbols: list[SymbolFacts]


class SeriesStatus(TypedDict):
    """``last_close``: of the newest stored candle. ``holes``: how many, by reason."""

    symbol: str
    timeframe: Timeframe
    last_close: Ts | None
    ended_at: Ts | None
    holes: dict[str, int]


class SeriesList(TypedDict):
    source: str
    now: Ts | None
    series: list[SeriesStatus]


class CandleRow(TypedDict):
    open_time: Ts
    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy_volume: float | None


class CandleList(TypedDict):
    """Closed candles, oldest first."""

    symbol: str
    timeframe: Timeframe
    source: str
    candles: list[CandleRow]


class Closes(TypedDict):
    """Closes of every symbol's last bars, oldest first."""

    timeframe: Timeframe
    source: str
    closes: dict[str, list[float]]
