"""What the API says of alerts; the documents are generated from these types."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from rest.shapes import AdviceWord, At, DirectionWord, Timeframe, Ts, Unit, Url, Uuid

DeliveryStatus = Literal["pending", "sent", "dead", "cancelled"]
DeliveryKind = Literal["alert", "digest", "test"]


class AlertDetector(TypedDict):
    """``min_score``: 0.5..1; for BEARISH a component scores ``1 - min_score`` at most. ``timeframe`` null: any."""

    name: str
    direction: Literal["BULLISH", "BEARISH"]
    min_score: Unit
    timeframe: Timeframe | None


class AlertConditions(TypedDict):
    """All must hold. The rule is left when one is missed by more than ``hysteresis``, or at its exit."""

    hysteresis: Unit
    symbols: NotRequired[list[str]]
    score_above: NotRequired[Unit]
    score_below: NotRequired[Unit]
    exit_above: NotRequired[Unit]
    exit_below: NotRequired[Unit]
    directions: NotRequired[list[DirectionWord]]
    advices: NotRequired[list[AdviceWord]]
    min_confidence: NotRequired[Unit]
    min_consensus: NotRequired[Unit]
    detectors: NotRequired[list[AlertDetector]]


class QuietHours(TypedDict):
    """Messages wait until ``end``, over midnight if that is before ``start``."""

    start: str
    end: str
    timezone: str


class AlertRule(TypedDict):
    """``cooldown_s``: of market time, per symbol; ``digest_s``: 0 sends each alert at once; ``entered``: symbols."""

    id: int
    name: str
    enabled: bool
    watches: Literal["signals", "scores"]
    trigger: Literal["enter", "every"]
    conditions: AlertConditions
    cooldown_s: int
    quiet: QuietHours | None
    digest_s: int
    title: str
    text: str
    targets: list[int]
    entered: list[str]


class AlertRuleList(TypedDict):
    rules: list[AlertRule]


class AlertTarget(TypedDict):
    """``address``: without what is secret. ``secret``: of a webhook, shown only where it was made just now."""

    id: int
    name: str
    kind: Literal["apprise", "webhook"]
    address: str
    enabled: bool
    failures: Annotated[int, Meta(description="attempts that failed in a row")]
    paused_until: At | None
    secret: NotRequired[str]


class AlertTargetList(TypedDict):
    targets: list[AlertTarget]


class AlertSignal(TypedDict):
    """The stored signal that an alert tells of."""

    id: Uuid
    seq: int
    because: str


class AlertEvent(TypedDict):
    """What was found, as webhooks get it. ``signal`` null: a close that was scored and gave no signal."""

    id: Uuid
    rule: str
    symbol: str
    ts: Ts
    score: Unit
    confidence: Unit
    consensus: Unit
    direction: DirectionWord
    advice: AdviceWord
    price: float
    timeframes: dict[str, Unit]
    preset: str
    source: str
    signal: AlertSignal | None


class AlertRow(TypedDict):
    """An alert in a list, with the words it is told in."""

    id: Uuid
    created: Ts
    title: str
    text: str
    event: AlertEvent


class AlertPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[AlertRow]


class DeliveryRow(TypedDict):
    """A message to a target. ``answer``: HTTP status of the last attempt. ``due``: of the next one."""

    id: Uuid
    kind: DeliveryKind
    status: DeliveryStatus
    target: int | None
    target_name: str
    created: Ts
    due: At
    attempts: int
    sent_at: At | None
    answer: int | None
    error: str
    title: str
    count: int


class DeliveryPage(TypedDict):
    next: Url | None
    previous: Url | None
    results: list[DeliveryRow]
    counts: dict[str, int]


class DeliveryDetail(DeliveryRow):
    """With the message as a webhook gets it."""

    message: dict[str, Any]


class Replayed(TypedDict):
    """How many messages were put back into the outbox."""

    replayed: int
