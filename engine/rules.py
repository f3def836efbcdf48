"""Whether a score is worth a signal: one pure function for scan, replay and backtest."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Rules:
    """When to emit. hysteresis, step: distances between scores. cooldown_s: market time. min_score 0.5 is off."""

    hysteresis: float = 0.04
    step: float = 0.15
    cooldown_s: float = 900.0
    min_score: float = 0.5


class Scored(NamedTuple):
    """What a decision compares: a score 0..1, its words, and the close (ms of market time) it was made at."""

    score: float
    direction: str
    advice: str
    as_of: int


class Decision(NamedTuple):
    """emit: store a signal. because: why, or what held it back."""

    emit: bool
    because: str


ADVICE_CHANGE = 0.02  # a change of advice by less than this is a score dithering at the threshold


def decide(previous: Scored | None, current: Scored, rules: Rules) -> Decision:
    """Compare a symbol's current score with its last stored signal.

    Emits ``first``, ``advice``, ``direction`` or ``moved``; otherwise holds back for ``unchanged``, ``cooldown``
    (nothing within cooldown_s unless BUY and SELL swap) or ``min_score`` (a weak score is only told when it is a
    return to HOLD or NEUTRAL).
    """
    if previous is None:
        return Decision(True, "first")
    because = _change(previous, current, rules)
    if because is None:
        return Decision(False, "unchanged")
    swapped = {previous.advice, current.advice} == {"BUY", "SELL"}
    if current.as_of - previous.as_of < rules.cooldown_s * 1000 and not swapped:
        return Decision(False, "cooldown")
    if abs(current.score - 0.5) < rules.min_score - 0.5 and not _calms_down(previous, current):
        return Decision(False, "min_score")
    return Decision(True, because)


def _change(previous: Scored, current: Scored, rules: Rules) -> str | None:
    moved = abs(current.score - previous.score)
    if current.advice != previous.advice and moved >= ADVICE_CHANGE:
        return "advice"
    if current.direction != previous.direction and moved >= rules.hysteresis:
        return "direction"
    return "moved" if moved >= rules.step else None


def _calms_down(previous: Scored, current: Scored) -> bool:
    to_hold = current.advice == "HOLD" and previous.advice != "HOLD"
    return to_hold or (current.direction == "NEUTRAL" and previous.direction != "NEUTRAL")
