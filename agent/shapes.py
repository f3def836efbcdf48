"""What the API says of the agent, its scans, its figures and its health."""

from typing import Any, Literal, TypedDict

from rest.shapes import At, Timeframe, Unit
from signals.shapes import MarketStatus, RunSummary


class RulesInForce(TypedDict, total=False):
    """The agent's rules; ``min_confidence`` only where it overrides the preset's."""

    hysteresis: float
    step: float
    cooldown_s: float
    min_confidence: Unit
    min_score: float


class AgentConfig(TypedDict):
    scan_interval_ms: int
    symbols: list[str]
    timeframes: list[Timeframe]
    preset: str
    rules: RulesInForce


class RunPage(TypedDict):
    next: str | None
    previous: str | None
    results: list[RunSummary]


class WebsocketFigures(TypedDict):
    """Of this process. ``closed``: by close code; ``write_paths``: connections by the way frames are written."""

    connections: int
    subscriptions: int
    messages_sent: int
    uptime: int
    closed: dict[str, int]
    write_paths: dict[str, int]
    write_path_fallback: str | None


class AgentFigures(TypedDict):
    enabled: bool
    scan_interval_ms: int
    scans_total: int
    scans_per_min: int
    last_scan_latency_ms: float | None
    last_scan_at: At | None


class FeedFigures(TypedDict, total=False):
    """Of an exchange's feed since it began; empty for a played market.

    ``counts``: bars by way and faults by reason. ``delays``: ms from a bar's end to its arrival, newest bar, by series.
    """

    counts: dict[str, int]
    delays: dict[str, int]
    history: dict[str, int]
    sockets: list[dict[str, Any]]
    weight: dict[str, int] | None
    clock_offset_ms: int
    derivatives: dict[str, Any] | None


class MarketFigures(MarketStatus):
    series: int
    holes: int
    feed: FeedFigures


class SystemFigures(TypedDict):
    """``active_signals``: symbols whose latest advice is not HOLD."""

    version: str
    active_signals: int
    signals_total: int
    uptime_seconds: int


class Metrics(TypedDict):
    websocket: WebsocketFigures
    agent: AgentFigures
    market: MarketFigures
    system: SystemFigures


CheckWord = Literal["ok", "degraded", "down", "off"]


class HealthChecks(TypedDict):
    database: CheckWord
    channel_layer: CheckWord
    broker: CheckWord
    market: CheckWord
    agent: CheckWord


class Health(TypedDict):
    """Unhealthy: the database or the channel layer does not answer."""

    status: Literal["healthy", "unhealthy"]
    version: str
    time: At
    checks: HealthChecks


class Alive(TypedDict):
    status: Literal["alive"]


class Readiness(TypedDict):
    status: Literal["ready", "not ready"]
    checks: HealthChecks


ApiLinks = dict[str, str]
OpenApiDocument = dict[str, Any]
