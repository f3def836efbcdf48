"""The messages of ``/ws/realtime`` as types; ``signals.asyncapi`` makes the AsyncAPI document from them."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from rest.shapes import Ts, Unit, Uuid
from signals.shapes import AgentStatus, SignalBody

Symbols = Annotated[list[str], Meta(min_length=1, max_length=1000)]
Seq = Annotated[int, Meta(ge=0)]


class SubscribeRequest(TypedDict):
    """All or nothing. ``*``: every symbol. ``since``: by symbol the last seq the client has; what it missed follows."""

    action: Literal["subscribe"]
    symbols: Symbols
    since: NotRequired[dict[str, Seq]]
    epoch: NotRequired[Uuid]


class UnsubscribeRequest(TypedDict):
    action: Literal["unsubscribe"]
    symbols: Symbols


class PingRequest(TypedDict):
    action: Literal["ping"]


class SocketFacts(TypedDict):
    """Of the answering process; ``uptime`` in seconds."""

    connections: int
    uptime: int


class StatusMessage(TypedDict):
    """On connect, when the agent is turned on or off, and at least every 30 s. ``seq``: heads of what is subscribed."""

    type: Literal["status"]
    ws: SocketFacts
    agent: AgentStatus
    epoch: Uuid
    seq: dict[str, Seq]


class SubscriptionConfirmed(TypedDict):
    """``seq``: the heads at the time; what ``since`` asked for, and then the live signals, follow."""

    type: Literal["subscription_confirmed"]
    symbols: list[str]
    seq: dict[str, Seq]


class UnsubscriptionConfirmed(TypedDict):
    type: Literal["unsubscription_confirmed"]
    symbols: list[str]


class SignalMessage(SignalBody):
    """A stored, numbered decision."""

    type: Literal["signal"]


class ErrorMessage(TypedDict):
    """The message it answers did nothing; the connection stays open."""

    type: Literal["error"]
    code: Literal[
        "invalid_json", "unknown_action", "invalid_message", "unknown_symbol", "too_many_symbols", "rate_limited"
    ]
    message: str


class HistoryLostMessage(TypedDict):
    """What was asked for with ``since`` is no longer kept, or was never numbered so; live signals follow the head."""

    type: Literal["error"]
    code: Literal["history_lost"]
    symbol: str
    oldest_seq: Seq
    head_seq: Seq
    message: str


class PongMessage(TypedDict):
    type: Literal["pong"]
    ts: Ts


class BacktestMessage(TypedDict):
    """A backtest went on; sent to every client. ``error``: why it failed."""

    type: Literal["backtest"]
    id: Uuid
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: Unit
    error: NotRequired[str]


FROM_CLIENT: dict[str, Any] = {
    "subscribe": SubscribeRequest,
    "unsubscribe": UnsubscribeRequest,
    "ping": PingRequest,
}
FROM_SERVER: dict[str, Any] = {
    "status": StatusMessage,
    "subscription_confirmed": SubscriptionConfirmed,
    "unsubscription_confirmed": UnsubscriptionConfirmed,
    "signal": SignalMessage,
    "error": ErrorMessage,
    "history_lost": HistoryLostMessage,
    "pong": PongMessage,
    "backtest": BacktestMessage,
}
