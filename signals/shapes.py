"""What the API and the socket say of scores and signals; the documents are generated from these types."""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from rest.shapes import AdviceWord, At, DirectionWord, RiskWord, Timeframe, Ts, Unit, Uuid


class Component(TypedDict):
    """One detector's part in a score. An abstaining one has score 0.5, confidence 0, contribution 0."""

    name: str
    score: Unit
    confidence: Unit
    weight: Unit
    contribution: Annotated[float, Meta(ge=-0.5, le=0.5, description="all of them add up to score - 0.5")]
    reason: str


class Loading(TypedDict):
    """A worker has it under way: ask again after Retry-After seconds."""

    status: Literal["loading"]
    detail: str


class Score(TypedDict):
    """One series' score: 0 strongly bearish, 0.5 neutral, 1 strongly bullish."""

    symbol: str
    timeframe: Timeframe
    score: Unit
    direction: DirectionWord
    confidence: Unit
    advice: AdviceWord
    risk_level: RiskWord
    price: float
    candle_ts: Ts
    preset: str
    preset_version: int
    components: list[Component]


class SignalRisk(TypedDict):
    """``atr_pct``: average true range in percent of the price. The last two are null in signals older than they are."""

    atr_pct: float
    volatility_percentile: Unit
    stop_distance: Annotated[
        float | None, Meta(description="to the plan's stop, a share of the price; without a direction the farther side")
    ]
    disagreement: Annotated[
        Unit | None,
        Meta(description="0: all evidence points one way, 1: it cancels out"),
    ]


class ScanItem(TypedDict):
    """One symbol's consensus over the timeframes."""

    rank: Annotated[int, Meta(ge=1)]
    symbol: str
    price: float
    final_score: Unit
    direction: DirectionWord
    confidence: Unit
    advice: AdviceWord
    risk: SignalRisk
    risk_level: RiskWord
    consensus: Unit
    timeframes: dict[str, Unit]
    components: dict[str, Unit]
    as_of: Ts


class SkippedTimeframe(TypedDict):
    """A timeframe without a score, and why."""

    timeframe: str
    reason: str
    detail: str


class Skipped(SkippedTimeframe):
    """A series without a score, and why."""

    symbol: str


class ScanMeta(TypedDict):
    scan_ms: float
    symbols_scanned: int
    opportunities_found: Annotated[int, Meta(description="results whose advice is not HOLD")]
    skipped: list[Skipped]
    preset: str


class ScannerResponse(TypedDict):
    """Every symbol that has a score, strongest first."""

    results: list[ScanItem]
    meta: ScanMeta


class SignalBody(TypedDict):
    """What a signal says, on the socket and in lists."""

    symbol: str
    seq: Annotated[int, Meta(ge=1, description="counts per symbol, without holes")]
    id: Uuid
    direction: DirectionWord
    confidence: Unit
    probability: Annotated[Unit | None, Meta(description="share of hits among past outcomes of this score")]
    score: Unit
    advice: AdviceWord
    risk_level: RiskWord
    price: float
    timeframes: dict[str, Unit]
    because: str
    preset: str
    source: str
    ts: Ts


class StoredSignal(SignalBody):
    """A signal as lists have it."""

    consensus: Unit
    risk: SignalRisk
    preset_version: int
    created_at: At


class SignalPage(TypedDict):
    next: str | None
    previous: str | None
    results: list[StoredSignal]


class LatestSignals(TypedDict):
    """The newest signal of each symbol. ``epoch``: of their numbers."""

    epoch: Uuid
    results: list[StoredSignal]


class TimeframeRecord(TypedDict):
    """A timeframe's part in a signal, and the bars it came from."""

    score: Unit
    confidence: Unit
    components: list[Component]
    first_open: Ts
    last_open: Ts
    count: int
    digest: str


class PlanTarget(TypedDict):
    """``r``: multiple of the stop's distance. ``reward_to_risk``: after fees and slippage of entering and leaving."""

    r: float
    price: float
    reward_to_risk: float


class PlanSize(TypedDict):
    """How much, and what that was sized by: what the account was when the signal was made.

    ``risk``, ``max_share``: shares of the equity; ``max_leverage``: a multiple. ``in_use``: notional of what was open.
    ``step``, ``min_notional``: the symbol's, 0 where they are not known.
    """

    equity: float
    in_use: float
    risk: float
    max_share: float
    max_leverage: float
    step: float
    min_notional: float
    quantity: float
    notional: float
    risk_amount: Annotated[float, Meta(description="what the stop costs before fees, quote asset")]
    refused: Annotated[str | None, Meta(description="why the quantity is 0")]


class SignalPlan(TypedDict):
    """How the signal would be traded. ``zone``: low and high of the entry. ``reward_to_risk``: of the target at 2 R."""

    side: Literal["LONG", "SHORT"]
    entry: float
    zone: Annotated[list[float], Meta(min_length=2, max_length=2)]
    stop: float
    stop_from: Literal["atr", "structure"]
    targets: list[PlanTarget]
    reward_to_risk: float | None
    size: PlanSize


class SignalDetail(StoredSignal):
    """A signal with the components of every timeframe, and its plan; without a direction there is none."""

    components: dict[str, TimeframeRecord]
    missing: list[str]
    scoring_version: str
    plan: SignalPlan | None


class DecisionRow(TypedDict):
    """A symbol's last decision; score and what follows from it are null without one."""

    symbol: str
    as_of: Ts
    price: float | None
    score: Unit | None
    direction: DirectionWord | None
    advice: AdviceWord | None
    confidence: Unit | None
    consensus: Unit | None
    risk_level: RiskWord | None
    timeframes: dict[str, Unit]
    emitted: bool
    because: str
    skipped: list[SkippedTimeframe]
    preset: str
    preset_version: int


class Decisions(TypedDict):
    results: list[DecisionRow]


class Swing(TypedDict):
    ts: Ts
    price: float
    kind: Literal["high", "low"]


class Level(TypedDict):
    name: str
    price: float


class Structure(TypedDict):
    """Swings that are confirmed at the newest close, oldest first, and the levels that detectors draw from them."""

    symbol: str
    timeframe: Timeframe
    as_of: Ts
    swings: list[Swing]
    levels: list[Level]


class DerivedSignal(TypedDict):
    """What a signal stores of its score. ``atr``: log units."""

    score: Unit
    confidence: Unit
    consensus: Unit
    direction: DirectionWord
    advice: AdviceWord
    risk_level: RiskWord
    atr: float
    atr_rank: Unit
    stop_distance: float | None
    disagreement: Unit | None
    plan: SignalPlan | None
    price: float
    timeframes: dict[str, TimeframeRecord]


class Explanation(TypedDict):
    """A signal derived again. ``identical`` is null where equality cannot be told."""

    stored: DerivedSignal
    derived: DerivedSignal | None
    identical: bool | None
    reason: Literal["engine_changed", "candles_pruned", "differs"] | None


class MarketStatus(TypedDict):
    """``now``, ``last_candle_at``: market time. ``speed``: market seconds per second; 0: as fast as the agent goes.

    ``problem``: what an exchange's feed has to say to people, or null.
    """

    source: str
    status: Literal["live", "stale", "down", "ended"]
    now: Ts | None
    last_candle_at: Ts | None
    lag_ms: int | None
    problem: NotRequired[str | None]
    speed: NotRequired[float]


class RunSummary(TypedDict):
    """One scan of the agent. ``held``: decisions that were not told, by reason."""

    id: int
    started_at: At
    duration_ms: float | None
    symbols: int
    signals: int
    status: str
    kind: str
    due_at: Ts
    held: dict[str, int]


class AgentStatus(TypedDict):
    """What the agent does and how its market is. Made by ``agent/``; the socket sends it as well."""

    enabled: bool
    running: bool
    scan_interval_ms: int
    subscribed_symbols: list[str]
    timeframes: list[Timeframe]
    preset: str
    market: MarketStatus
    last_scan: RunSummary | None
    next_scan_at: Ts | None
    version: str
