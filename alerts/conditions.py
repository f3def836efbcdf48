"""When a rule holds, when it no longer does, and when it is told: pure functions of a reading and a state.

A rule is entered at its thresholds and left at others, so that a score that dithers at one is told once. The
thresholds behind the words BULLISH or BUY are the preset's, and they too are left by ``hysteresis`` later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

from engine.score import Policy

HYSTERESIS = 0.05
NEUTRAL_BAND = 0.05  # of every default preset; used only to see whether a rule can hold at all

Lean = Literal["BULLISH", "BEARISH"]
SIDES = {"BULLISH": 1.0, "BUY": 1.0, "NEUTRAL": 0.0, "HOLD": 0.0, "BEARISH": -1.0, "SELL": -1.0}


class Heard(NamedTuple):
    """What a detector says on one timeframe, as the wire has it: score 0..1 with 0.5 neutral, confidence 0..1."""

    score: float
    confidence: float


@dataclass(frozen=True)
class Reading:
    """One symbol as it was scored at ``as_of`` (ms of market time). detectors: by timeframe, then by name."""

    symbol: str
    as_of: int
    score: float
    confidence: float
    consensus: float
    direction: str
    advice: str
    detectors: Mapping[str, Mapping[str, Heard]]


@dataclass(frozen=True)
class DetectorCondition:
    """A detector that leans this way, on one timeframe or, with None, on any.

    min_score: 0.5..1, as in the agent's rules; for BEARISH its mirror image, 1 - min_score, is the most.
    """

    name: str
    direction: Lean
    min_score: float = 0.75
    timeframe: str | None = None


@dataclass(frozen=True)
class Conditions:
    """All of these must hold; an empty or absent one asks nothing. hysteresis: of 0..1 scales.

    score_above and score_below are alternatives to each other, as the words of directions and of advices are.
    """

    symbols: frozenset[str] = frozenset()
    score_above: float | None = None
    score_below: float | None = None
    exit_above: float | None = None
    exit_below: float | None = None
    directions: tuple[str, ...] = ()
    advices: tuple[str, ...] = ()
    min_confidence: float | None = None
    min_consensus: float | None = None
    detectors: tuple[DetectorCondition, ...] = ()
    hysteresis: float = HYSTERESIS

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Conditions":
        """Return what a rule stores as JSON; it was checked when it was saved."""
        given = dict(stored)
        given["symbols"] = frozenset(given.get("symbols", ()))
        for name in ("directions", "advices"):
            given[name] = tuple(given.get(name, ()))
        given["detectors"] = tuple(DetectorCondition(**one) for one in given.get("detectors", ()))
        return cls(**given)


@dataclass(frozen=True)
class State:
    """Where a rule stands with a symbol. holds: the alternatives it was entered by, None when it is not entered."""

    holds: str | None = None
    told_as_of: int | None = None
    told: str = ""


def step(
    before: State, reading: Reading, wanted: Conditions, policy: Policy, cooldown_ms: float, every: bool = False
) -> tuple[State, bool]:
    """Return the state after a reading, and whether the rule is to be told.

    Nothing is told within ``cooldown_ms`` of market time of the last, unless BUY and SELL swap. What is entered
    meanwhile and still holds afterwards is told then. ``every``: told at each reading, entered or not.
    """
    if not every and before.holds is not None and still_holds(before.holds, reading, wanted, policy):
        return before, False
    found = entered_by(reading, wanted)
    if found is None or not _cooled(before, reading, found, cooldown_ms):
        return State(None, before.told_as_of, before.told), False
    return State(None if every else found, reading.as_of, found), True


def _cooled(before: State, reading: Reading, found: str, cooldown_ms: float) -> bool:
    if before.told_as_of is None or {"BUY", "SELL"} <= {*before.told.split(), *found.split()}:
        return True
    return not 0 <= reading.as_of - before.told_as_of < cooldown_ms


def entered_by(reading: Reading, wanted: Conditions) -> str | None:
    """Return by which alternatives the conditions hold, such as ``above BULLISH BUY``; None if they do not."""
    if wanted.symbols and reading.symbol not in wanted.symbols:
        return None
    found = []
    if wanted.score_above is not None or wanted.score_below is not None:
        if wanted.score_above is not None and reading.score >= wanted.score_above:
            found.append("above")
        elif wanted.score_below is not None and reading.score <= wanted.score_below:
            found.append("below")
        else:
            return None
    for word, words in ((reading.direction, wanted.directions), (reading.advice, wanted.advices)):
        if words and word not in words:
            return None
        found += [word] if words else []
    return " ".join(found) if _sure_enough(reading, wanted, 0.0) else None


def still_holds(alternatives: str, reading: Reading, wanted: Conditions, policy: Policy) -> bool:
    """Whether what the conditions were entered by holds, with every threshold eased by the hysteresis."""
    eased = all(_eased(one, reading, wanted, policy) for one in alternatives.split())
    return eased and _sure_enough(reading, wanted, wanted.hysteresis)


def _eased(alternative: str, reading: Reading, wanted: Conditions, policy: Policy) -> bool:
    h, lean = wanted.hysteresis, reading.score - 0.5
    if alternative in ("above", "below"):
        return _within_exit(alternative, reading.score, wanted)
    side = SIDES[alternative]
    if alternative in ("BULLISH", "BEARISH"):
        return side * lean > policy.band - h
    if alternative == "NEUTRAL":
        return abs(lean) <= policy.band + h
    if alternative == "HOLD":
        return abs(lean) < policy.act + h or reading.confidence < policy.min_confidence + h
    return side * lean >= policy.act - h and reading.confidence >= policy.min_confidence - h


def _within_exit(alternative: str, score: float, wanted: Conditions) -> bool:
    """Whether a score has not passed the exit: one of its own, else the threshold eased by the hysteresis."""
    h = wanted.hysteresis
    if alternative == "above" and wanted.score_above is not None:
        return score >= (wanted.score_above - h if wanted.exit_above is None else wanted.exit_above)
    if alternative == "below" and wanted.score_below is not None:
        return score <= (wanted.score_below + h if wanted.exit_below is None else wanted.exit_below)
    return False  # the rule no longer asks for it


def _sure_enough(reading: Reading, wanted: Conditions, slack: float) -> bool:
    return (
        reading.confidence >= (wanted.min_confidence or 0.0) - slack
        and reading.consensus >= (wanted.min_consensus or 0.0) - slack
        and all(_leans(reading, one, slack) for one in wanted.detectors)
    )


def _leans(reading: Reading, wanted: DetectorCondition, slack: float) -> bool:
    asked = [wanted.timeframe] if wanted.timeframe else list(reading.detectors)
    heard = (reading.detectors.get(timeframe, {}).get(wanted.name) for timeframe in asked)
    side = SIDES[wanted.direction]
    return any(one.confidence > 0.0 and _far(one.score, side) >= wanted.min_score - slack for one in heard if one)


def _far(score: float, side: float) -> float:
    return score if side > 0 else 1.0 - score


def contradiction(wanted: Conditions, every: bool) -> tuple[str, str] | None:
    """Return (field, why) of conditions that can never be entered or never be left, or None."""
    return next(_contradictions(wanted, every), None)


def _contradictions(wanted: Conditions, every: bool) -> Iterator[tuple[str, str]]:
    above, below = wanted.score_above, wanted.score_below
    if above is not None and below is not None and above <= below:
        yield "score_above", f"every score is above {above} or below {below}: the rule would always hold"
    if above == 0.0 or below == 1.0:
        yield "score_above" if above == 0.0 else "score_below", "every score is within it: the rule would always hold"
    for name, at, left in (("above", above, wanted.exit_above), ("below", below, wanted.exit_below)):
        if left is None:
            continue
        if every:
            yield f"exit_{name}", "a rule that is told every time is never left"
        elif at is None:
            yield f"exit_{name}", f"there is no score_{name} that it could be the exit of"
        elif (left > at) if name == "above" else (left < at):
            yield f"exit_{name}", f"the rule is entered at {at}: at {left} it would be left at once"
    if not every and wanted == Conditions(symbols=wanted.symbols, hysteresis=wanted.hysteresis):
        yield "conditions", 'without a condition the rule would never be left: give one, or trigger "every"'
    if not any(_meet(*ranges) for ranges in product(*_alternatives(wanted))):
        yield "conditions", f"no score can be {_said(wanted)} at once"
    yield from _opposed(wanted.detectors)


RANGES = {
    "BULLISH": (0.5 + NEUTRAL_BAND, 1.0),
    "BEARISH": (0.0, 0.5 - NEUTRAL_BAND),
    "NEUTRAL": (0.5 - NEUTRAL_BAND, 0.5 + NEUTRAL_BAND),
    "BUY": (0.5001, 1.0),
    "SELL": (0.0, 0.4999),
    "HOLD": (0.0, 1.0),
}


def _alternatives(wanted: Conditions) -> Iterator[list[tuple[float, float]]]:
    """Yield, clause by clause, the ranges of score of its alternatives."""
    score = [(wanted.score_above, 1.0)] if wanted.score_above is not None else []
    score += [(0.0, wanted.score_below)] if wanted.score_below is not None else []
    for clause in (score, [RANGES[w] for w in wanted.directions], [RANGES[w] for w in wanted.advices]):
        if clause:
            yield clause


def _meet(*ranges: tuple[float, float]) -> bool:
    return max((low for low, _ in ranges), default=0.0) <= min((high for _, high in ranges), default=1.0)


def _said(wanted: Conditions) -> str:
    bounds = [f"{word} {at}" for word, at in (("above", wanted.score_above), ("below", wanted.score_below)) if at]
    clauses = [" or ".join(c) for c in (bounds, wanted.directions, wanted.advices) if c]
    return " and ".join(clauses)


def _opposed(detectors: tuple[DetectorCondition, ...]) -> Iterator[tuple[str, str]]:
    known: dict[tuple[str, str | None], str] = {}
    for one in detectors:
        key = (one.name, one.timeframe)
        if one.timeframe and known.get(key, one.direction) != one.direction:
            yield "detectors", f"{one.name} cannot lean both ways on {one.timeframe}"
        known[key] = one.direction
