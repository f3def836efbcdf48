"""What the API says of outcomes."""

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from rest.shapes import DirectionWord, Ts, Unit, Uuid


class OutcomeRow(TypedDict):
    """What became of a signal. ``r``: multiples of what the stop would have cost; null while open or void."""

    id: Uuid
    symbol: str
    seq: int
    ts: Ts
    direction: DirectionWord
    score: Unit
    probability: Unit | None
    preset: str
    timeframe: Annotated[str, Meta(description="whose bars it is followed on")]
    outcome: Literal["open", "stop", "target", "time", "void"]
    entry_ts: Ts | None
    known_ts: Ts | None
    entry_price: float | None
    stop_price: float | None
    target_price: float | None
    exit_price: float | None
    bars: int
    best_r: float
    worst_r: float
    r: float | None
    percent: float | None
    fee: float
    slippage: float


class Baseline(TypedDict):
    """The mean of random entries on the same bars with the same side, stop, target, horizon and costs."""

    hit_rate: Unit
    expectancy_r: float


class Summary(TypedDict):
    """``insufficient``: under 30 outcomes, no numbers. ``interval``: 95 %, Wilson."""

    count: int
    hits: int
    status: Literal["ok", "insufficient"]
    hit_rate: Unit | None
    interval: list[Unit] | None
    expectancy_r: float | None
    expectancy_percent: float | None
    baseline: Baseline | None


class Group(Summary):
    key: str


class Groups(TypedDict):
    """An outcome counts for each detector and timeframe that had the signal's direction."""

    detector: list[Group]
    preset: list[Group]
    symbol: list[Group]
    timeframe: list[Group]
    score: list[Group]


class ReliabilityBin(TypedDict):
    """About one probability: how many, their mean, and the share that came."""

    count: int
    said: Unit
    came: Unit


class Reliability(TypedDict):
    """How well probabilities were kept. Under 300 outcomes nothing is said, under 7,000 no calibration error."""

    count: int
    status: Literal["ok", "insufficient"]
    bins: list[ReliabilityBin]
    brier: float | None
    brier_of_mean: float | None
    calibration_error: float | None
    error_of_perfect: float | None


class Record(TypedDict):
    """Were the signals right? ``open``, ``void``: signals without a result."""

    overall: Summary
    groups: Groups
    calibration: Reliability
    open: int
    void: int


class OutcomePage(TypedDict):
    next: str | None
    previous: str | None
    results: list[OutcomeRow]
