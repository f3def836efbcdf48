"""The messages of the feed that a client acts on. All of them stand in the AsyncAPI document of the server."""

from typing import Any, Literal, TypedDict


class Signal(TypedDict):
    """A stored, numbered decision. ``seq`` counts per symbol without holes; ``ts``: ms of market time."""

    type: Literal["signal"]
    symbol: str
    seq: int
    id: str
    direction: Literal["BULLISH", "BEARISH", "NEUTRAL"]
    confidence: float
    probability: float | None
    score: float
    advice: Literal["BUY", "SELL", "HOLD"]
    risk_level: Literal["LOW", "MEDIUM", "HIGH"]
    price: float
    timeframes: dict[str, float]
    because: str
    preset: str
    source: str
    ts: int


class Status(TypedDict):
    """What the agent does, at least every 30 s; ``seq``: the heads of what is subscribed."""

    type: Literal["status"]
    ws: dict[str, int]
    agent: dict[str, Any]
    epoch: str
    seq: dict[str, int]


class HistoryLost(TypedDict):
    """What was missed is no longer kept: signals up to ``head_seq`` do not come, the live ones follow."""

    type: Literal["error"]
    code: Literal["history_lost"]
    symbol: str
    oldest_seq: int
    head_seq: int
    message: str


Message = dict[str, Any]
