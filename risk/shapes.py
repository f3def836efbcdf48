"""What the API says of risk and the paper portfolio; the documents are generated from these types."""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from rest.shapes import At, Timeframe, Ts, Url, Uuid

Share = Annotated[float, Meta(description="part of the equity: 0.01 is 1 %")]
Money = Annotated[float, Meta(description="quote asset")]
SideWord = Literal["LONG", "SHORT"]


class RiskLimits(TypedDict):
    """Shares of the equity, but max_positions, max_correlation and max_leverage (a multiple of the equity)."""

    max_risk_per_trade: Share
    max_risk_per_day: Share
    max_positions: int
    max_correlation: float
    max_single_asset: Share
    max_drawdown: Share
    max_var_95: Share
    max_leverage: float


class VersionedLimits(RiskLimits):
    """``version``: 0 before anybody has changed the defaults."""

    version: int


class LimitsVersionRow(VersionedLimits):
    created_at: At
    created_by: str | None


class LimitsHistory(TypedDict):
    """Newest first."""

    versions: list[LimitsVersionRow]


class MethodRisk(TypedDict):
    """One method's answer. ``reason``: why there is none."""

    var: Share | None
    cvar: Share | None
    window: Annotated[int, Meta(description="returns used")]
    reason: str | None


class ValueAtRisk(TypedDict):
    """What the portfolio may lose within one bar of ``timeframe``; zeros when nothing is held."""

    confidence: float
    method: Literal["historical", "parametric", "filtered"]
    timeframe: Timeframe
    as_of: Ts
    var: Share | None
    cvar: Share | None
    var_amount: Money | None
    cvar_amount: Money | None
    window: int
    reason: str | None
    methods: dict[str, MethodRisk]


class PaperPosition(TypedDict):
    """A position of the paper portfolio; closed, it is a trade. ``outcome``: open, or what closed it."""

    id: int
    symbol: str
    side: SideWord
    quantity: float
    entry_ts: Ts
    entry_price: float
    stop_loss: float
    take_profit: float | None
    mark_price: Annotated[float, Meta(description="the last close")]
    notional: Money
    risk_amount: Annotated[float, Meta(description="what the stop would cost before fees, quote asset")]
    unrealised: Annotated[float | None, Meta(description="after fees and funding so far; null once closed")]
    fees: Money
    funding: Annotated[float, Meta(description="received; paid is negative; quote asset")]
    bars: int
    outcome: Literal["open", "signal", "stop", "target", "hand", "ended"]
    exit_ts: Ts | None
    exit_price: float | None
    profit: Money | None
    signal_id: Uuid | None


class PaperPositionPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[PaperPosition]


class RiskProtection(TypedDict):
    """A time in which nothing is opened; ``symbol`` null: of any symbol."""

    id: int
    kind: Literal["symbol_cooldown", "cooldown", "drawdown_pause"]
    symbol: str | None
    since: Ts
    until: Ts
    reason: str
    lifted_ts: Ts | None
    lifted_by: str


class RiskProtectionPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[RiskProtection]


class RiskStatus(TypedDict):
    """The paper portfolio in one look. Empty, its risk is 0; ``var95`` is null where candles do not suffice."""

    as_of: Annotated[int | None, Meta(description="ms: bars that closed by then are done")]
    source: str
    follows: Annotated[bool, Meta(description="opens and closes positions as signals say")]
    equity: Money
    initial_equity: Money
    cash: Money
    realised: Annotated[float, Meta(description="profit of all closed positions, quote asset")]
    unrealised: Annotated[float, Meta(description="of the open ones, with their fees and funding, quote asset")]
    var95: Share | None
    cvar95: Share | None
    var95_reason: str | None
    leverage: Annotated[float, Meta(description="notional of all positions over the equity")]
    exposure: Annotated[float, Meta(description="long less short notional over the equity")]
    drawdown: Annotated[float, Meta(description="share of the highest equity there was")]
    limit_drawdown: Annotated[float, Meta(description="the same since the last pause: what max_drawdown is held to")]
    lost_today: Money
    counted_from: Annotated[int, Meta(description="ms: losses since then count for the day")]
    open_risk: Annotated[float, Meta(description="what all stops together would cost, quote asset")]
    open_positions: int
    positions: list[PaperPosition]
    waiting_orders: int
    protections: list[RiskProtection]
    limits: RiskLimits
    limits_version: int


class AssetExposure(TypedDict):
    """``beta``: to the benchmark; null where candles do not suffice. ``cluster``: number of its cluster."""

    symbol: str
    side: SideWord
    notional: Money
    share: Share
    risk_amount: Money
    beta: float | None
    cluster: int


class ClusterExposure(TypedDict):
    """Symbols tied by correlations of max_correlation or more."""

    cluster: int
    symbols: list[str]
    gross: Share
    net: Share


class CorrelationMatrix(TypedDict):
    """Shrunk towards the mean by ``shrinkage``; null where a pair has too few common returns."""

    symbols: list[str]
    timeframe: Timeframe
    window: int
    minimum_overlap: int
    shrinkage: float | None
    matrix: list[list[float | None]]


class PortfolioAssessment(TypedDict):
    """Where the risk of the paper portfolio lies. Empty lists and zeros when nothing is held."""

    as_of: int | None
    equity: Money
    gross: Share
    net: Share
    long: Share
    short: Share
    assets: list[AssetExposure]
    clusters: list[ClusterExposure]
    benchmark: str | None
    beta: Annotated[float | None, Meta(description="of the portfolio to the benchmark")]
    correlation: CorrelationMatrix
    value_at_risk: ValueAtRisk
    broken: Annotated[list[str], Meta(description="limits that the portfolio is beyond as it stands")]


class LimitBreach(TypedDict):
    """``value``: what the proposal would have come to; ``allowed``: the limit."""

    limit: str
    value: float | None
    allowed: float
    detail: str


class PositionSize(TypedDict):
    """How much may be opened. ``limits``: those that the full size breaks; rejected: quantity 0."""

    status: Literal["accepted", "sized_down", "rejected"]
    symbol: str
    side: SideWord
    equity: Money
    entry_price: float
    stop_loss: float
    stop_distance: float
    quantity: float
    notional: Money
    risk_amount: Money
    risk_share: Share
    take_profit: float | None
    r_multiple: Annotated[float | None, Meta(description="reward to risk of take_profit")]
    limits: list[str]
    breaches: list[LimitBreach]
    unchecked: Annotated[list[str], Meta(description="limits that could not be looked at, and why")]


class StopLoss(TypedDict):
    """``structure_level``: the confirmed swing that the stop lies beyond, null where ATR alone sets it."""

    symbol: str
    direction: Literal["BULLISH", "BEARISH"]
    timeframe: Timeframe
    as_of: Ts
    entry_price: float
    stop_loss: float
    stop_from: Literal["atr", "structure"]
    take_profit: float | None
    targets: list[float | None]
    r_multiple: float
    atr: Annotated[float, Meta(description="average true range, quote asset")]
    atr_pct: float
    structure_level: float | None


class CorrelationPair(TypedDict):
    symbol: str
    correlation: float | None
    overlap: Annotated[int, Meta(description="common returns")]
    passed: Annotated[bool, Meta(description="known, and not above the limit")]
    reason: str | None


class CorrelationCheck(TypedDict):
    symbol: str
    timeframe: Timeframe
    window: int
    limit: float
    passed: bool
    correlations: dict[str, float | None]
    pairs: list[CorrelationPair]


class PaperOrder(TypedDict):
    """What a signal or a person asked of the portfolio. ``side`` FLAT: to leave whatever disagrees."""

    id: int
    symbol: str
    side: Literal["LONG", "SHORT", "FLAT"]
    status: Literal["waiting", "filled", "rejected", "nothing", "superseded", "cancelled"]
    reason: str
    limits: list[str]
    placed_ts: Ts
    fills_from: Ts
    decided_ts: Ts | None
    quantity: float | None
    stop_loss: float | None
    take_profit: float | None
    position_id: int | None
    signal_id: Uuid | None
    by: str


class PaperOrderPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[PaperOrder]


class PaperEquityPoint(TypedDict):
    ts: Ts
    equity: Money
    realised: Money
    unrealised: Money
    drawdown: Share
    positions: int


class PaperEquityPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[PaperEquityPoint]


class PaperPolicy(TypedDict):
    """How the portfolio trades. fee, slippage: shares; target_r 0: none. What is open keeps its stop and target."""

    follows: bool
    fee: float
    slippage: float
    target_r: float
    shorts: bool
    initial_equity: Money
    as_of: NotRequired[int | None]
