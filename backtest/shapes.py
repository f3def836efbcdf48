"""What the API and the socket say of backtests; the documents are generated from these types."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from rest.shapes import At, Ts, Unit, Url, Uuid

Figure = float | None
JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]


class Job(TypedDict):
    """A backtest that is not told in full. ``error``: why it failed."""

    id: Uuid
    status: JobStatus
    progress: Unit
    error: NotRequired[str]


class EquityPoint(TypedDict):
    ts: Ts
    equity: float


class BacktestMetrics(TypedDict):
    """Statistics; null is no value (no loss, no spread). Shares, not percent. Trades count what is closed."""

    sharpe: Figure
    sortino: Figure
    calmar: Figure
    cagr: Figure
    volatility: Figure
    total_return: Figure
    max_drawdown: Figure
    max_drawdown_bars: int
    win_rate: Figure
    profit_factor: Figure
    expectancy: Figure
    average_win: Figure
    average_loss: Figure
    exposure: Figure
    turnover: Figure
    final_equity: Figure
    buy_and_hold_return: Figure
    fees: Figure
    total_trades: int
    open_trades: int


class BacktestTrade(TypedDict):
    """``r``: profit in units of what the stop would have cost."""

    symbol: str
    side: Literal["LONG", "SHORT"]
    entry_ts: Ts
    exit_ts: Ts
    entry_price: float
    exit_price: float
    quantity: float
    stop: Figure
    fees: float
    profit: float
    return_pct: float
    r: Figure
    bars: int
    exit_reason: Literal["signal", "stop", "target", "time", "open"]


class Hole(TypedDict):
    start: Ts
    end: Ts


class Coverage(TypedDict):
    """What there is of a symbol within the range; ``holes``: the first 20."""

    symbol: str
    first_open: Ts | None
    last_close: Ts | None
    bars: int
    missing_bars: int
    holes: list[Hole]


class BacktestMeta(TypedDict):
    """What the numbers rest on. ``equity_step``: of so many bars the series shows one."""

    candles: int
    elapsed_ms: float
    symbols: list[str]
    timeframes: list[str]
    start: Ts
    end: Ts
    signals: int
    coverage: list[Coverage]
    terms: dict[str, Any]
    rules: dict[str, Any]
    fee: float
    slippage: float
    initial_capital: float
    data_digest: str
    equity_step: Annotated[int, Meta(ge=1)]
    source: str
    preset: str
    preset_version: int
    scoring_version: str


class BacktestResponse(TypedDict):
    """A finished backtest. ``monthly``: return by month, 2024-02."""

    id: Uuid
    equity_series: list[EquityPoint]
    metrics: BacktestMetrics
    trades: list[BacktestTrade]
    monthly: dict[str, Figure]
    meta: BacktestMeta


class BacktestSummary(Job):
    """A backtest in a list."""

    created_at: At
    request: dict[str, Any]
    source: str
    preset: str
    preset_version: int
    metrics: dict[str, Any]


class BacktestPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[BacktestSummary]
