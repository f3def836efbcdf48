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


BECAUSE = ("unchanged", "cooldown", "min_score", "advice", "direction", "moved", "first")
UNCHANGED, COOLDOWN, MIN_SCORE, ADVICE, DIRECTION, MOVED, FIRST = range(7)
CALLS = {"BUY": 1, "HOLD": 0, "SELL": -1}
LEANS = {"BULLISH": 1, "NEUTRAL": 0, "BEARISH": -1}


class Numeric(NamedTuple):
    """``Scored`` in numbers: call 1 BUY, 0 HOLD, -1 SELL; lean 1 BULLISH, 0 NEUTRAL, -1 BEARISH."""

    score: float
    lean: int
    call: int
    as_of: int


def emits(code: int) -> bool:
    """Whether a verdict is a signal."""
    return code >= ADVICE


def verdict(
    previous: Numeric, current: Numeric, hysteresis: float, step: float, cooldown_ms: float, min_score: float
) -> int:
    """Return what becomes of a score, as an index of BECAUSE. Compiled by ``engine.decisions`` for a history."""
    moved = abs(current.score - previous.score)
    if current.call != previous.call and moved >= ADVICE_CHANGE:
        because = ADVICE
    elif current.lean != previous.lean and moved >= hysteresis:
        because = DIRECTION
    elif moved >= step:
        because = MOVED
    else:
        return UNCHANGED
    swapped = current.call * previous.call == -1
    if current.as_of - previous.as_of < cooldown_ms and not swapped:
        return COOLDOWN
    calms_down = (current.call == 0 and previous.call != 0) or (current.lean == 0 and previous.lean != 0)
    if abs(current.score - 0.5) < min_score - 0.5 and not calms_down:
        return MIN_SCORE
    return because


def decide(previous: Scored | None, current: Scored, rules: Rules) -> Decision:
    """Compare a symbol's current score with its last stored signal.

    Emits ``first``, ``advice``, ``direction`` or ``moved``; otherwise holds back for ``unchanged``, ``cooldown``
    (nothing within cooldown_s unless BUY and SELL swap) or ``min_score`` (a weak score is only told when it is a
    return to HOLD or NEUTRAL).
    """
    if previous is None:
        return Decision(True, BECAUSE[FIRST])
    limits = (rules.hysteresis, rules.step, rules.cooldown_s * 1000, rules.min_score)
    code = verdict(_numeric(previous), _numeric(current), *limits)
    return Decision(emits(code), BECAUSE[code])


def _numeric(one: Scored) -> Numeric:
    return Numeric(one.score, LEANS[one.direction], CALLS[one.advice], one.as_of)
