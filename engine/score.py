"""From evidence to a score, and from a symbol's timeframes to its consensus. Plain floats, no numba.

Functions of numbers alone are compiled by ``engine.decisions`` for a history: one source for both. Every sum runs in
the catalogue's order: the stored number, the shown number and the derived one are the same bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import copysign, isnan, log, nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.catalogue import DETECTORS
from engine.plan import signal_stop
from engine.timeframes import shares

KNOWN = frozenset(DETECTORS)
Numbers = Sequence[float] | npt.NDArray[np.float64]
DIRECTIONS = {1: "BULLISH", 0: "NEUTRAL", -1: "BEARISH"}
ADVICES = {1: "BUY", 0: "HOLD", -1: "SELL"}
RISK_LEVELS = ("LOW", "MEDIUM", "HIGH")
# From where on a risk is at least MEDIUM, and HIGH: a stop so many ATR away, and evidence so divided. Like SPREAD no
# settings: an ATR's rank alone has thresholds in the preset.
FAR_STOP_ATR = (3.0, 5.0)
DIVIDED = (0.5, 0.8)
SPREAD = 2.0  # g: most detectors are silent on most bars, so x is small; part of the scoring version, no setting


@dataclass(frozen=True)
class Policy:
    """What a preset version says about scores.

    weights: by detector, sum 1. act, band: distances of a score from 0.5. min_confidence, low_risk, high_risk: 0..1.
    """

    weights: Mapping[str, float]
    act: float
    min_confidence: float
    band: float = 0.05
    low_risk: float = 0.4
    high_risk: float = 0.8

    def weight_vector(self) -> list[float]:
        """Return the weights in catalogue order, divided by the sum of all, which may be off by 1e-6.

        A detector that is no longer installed keeps its share of the sum: it abstains like any other that has nothing
        to say, and the others' evidence stays. Raises ValueError where no weight is above 0.
        """
        raw = [float(self.weights.get(name, 0.0)) for name in DETECTORS]
        total = self._total(raw)
        return [weight / total for weight in raw]

    def not_installed(self) -> list[tuple[str, float]]:
        """Return (name, weight) of the detectors that have a weight and are not in the catalogue, by name."""
        gone = sorted(name for name in self.weights if name not in KNOWN and self.weights[name] > 0.0)
        if not gone:
            return []
        total = self._total([float(self.weights.get(name, 0.0)) for name in DETECTORS])
        return [(name, self.weights[name] / total) for name in gone]

    def _total(self, raw: Sequence[float]) -> float:
        total = 0.0
        for weight in raw:
            total += weight
        for name in sorted(self.weights.keys() - KNOWN):
            total += float(self.weights[name])
        if not total > 0.0:
            raise ValueError(f"no weight of the preset is above 0: {dict(self.weights)}")
        return total


class Part(NamedTuple):
    """One detector's part in a score: s -1..1, c and w 0..1, contribution -0.5..0.5."""

    name: str
    score: float
    confidence: float
    weight: float
    contribution: float


class Levels(NamedTuple):
    """Prices, quote asset: a series' newest close and its last confirmed swing low and high, NaN if there is none."""

    close: float
    low: float
    high: float


NO_LEVELS = Levels(1.0, nan, nan)  # where prices do not matter: a stop is then by ATR alone


class TimeframeScore(NamedTuple):
    """A series' score 0..1 (0.5 neutral), its confidence 0..1, its parts, its volatility, its prices."""

    score: float
    confidence: float
    parts: tuple[Part, ...]
    atr: float
    atr_rank: float
    levels: Levels = NO_LEVELS


class SymbolRisk(NamedTuple):
    """How risky a trade is. level: LOW, MEDIUM, HIGH. stop_distance: share of the price. disagreement: 0..1."""

    level: str
    stop_distance: float
    disagreement: float


class SymbolScore(NamedTuple):
    """The consensus of a symbol's timeframes. ``missing`` lists the timeframes without a score.

    levels: the close of the shortest timeframe, the swings of the longest; atr: of the longest, log units.
    """

    score: float
    confidence: float
    consensus: float
    direction: str
    advice: str
    risk_level: str
    atr: float
    atr_rank: float
    stop_distance: float
    disagreement: float
    levels: Levels
    timeframes: dict[str, TimeframeScore]
    missing: tuple[str, ...]


def spread(x: float) -> float:
    """Return 0.5 + 0.5 x (1 + g) / (1 + g |x|), within 0..1: odd about 0.5 and increasing on -1..1.

    Written with one x: where it stands above and below the line, rounding makes neighbouring values fall back.
    """
    distance = (1.0 + SPREAD) / (2.0 * SPREAD) * (1.0 - 1.0 / (1.0 + SPREAD * abs(x)))
    return min(max(0.5 + copysign(distance, x), 0.0), 1.0)


def evidence_of(weight: float, confidence: float, score: float) -> float:
    """Return w c s; who abstains, says nothing."""
    return weight * confidence * (score if confidence > 0.0 else 0.0)


def weigh(scores: Numbers, confidences: Numbers, weights: Numbers) -> tuple[float, float, float]:
    """Return x = sum w c s, its size sum |w c s|, and the certainty sum w c, summed in the order given."""
    x = size = certainty = 0.0
    for i in range(len(weights)):
        e = evidence_of(weights[i], confidences[i], scores[i])
        x += e
        size += abs(e)
        certainty += weights[i] * confidences[i]
    return x, size, certainty


def confidence_of(x: float, size: float, certainty: float) -> float:
    """Return sum w c |x| / sum |w c s|, 0..1; 0 if all abstain."""
    return min(certainty * abs(x) / size, 1.0) if size > 0.0 else 0.0


def combine(
    scores: Sequence[float],
    confidences: Sequence[float],
    atr: float,
    atr_rank: float,
    policy: Policy,
    levels: Levels = NO_LEVELS,
) -> TimeframeScore:
    """Return the score of one series from its detectors' s and c, both in catalogue order.

    e = w c s; x = sum e; contribution = 0.5 (1 + g) e / (1 + g |x|), so contributions add up to score - 0.5. Detectors
    that have a weight and are not installed come last, silent. Raises ValueError where s or c are not one a detector.
    """
    for name, values in (("scores", scores), ("confidences", confidences)):
        if len(values) != len(DETECTORS):
            raise ValueError(f"{len(values)} {name} given, expected {len(DETECTORS)}: one a detector")
    weights = policy.weight_vector()
    x, size, certainty = weigh(scores, confidences, weights)
    scale = 0.5 * (1.0 + SPREAD) / (1.0 + SPREAD * abs(x))
    parts = []
    for name, s, c, w in zip(DETECTORS, scores, confidences, weights, strict=True):
        said = s if c > 0.0 else 0.0
        parts.append(Part(name, said, c, w, scale * (w * c * said) + 0.0))  # + 0.0: what adds nothing is 0, not -0
    parts += [Part(name, 0.0, 0.0, weight, 0.0) for name, weight in policy.not_installed()]
    return TimeframeScore(spread(x), confidence_of(x, size, certainty), tuple(parts), atr, atr_rank, levels)


def lean_of(score: float, band: float) -> int:
    """Return 1 beyond the band above 0.5, -1 beyond it below, else 0."""
    if score - 0.5 > band:
        return 1
    return -1 if 0.5 - score > band else 0


def call_of(score: float, confidence: float, act: float, min_confidence: float) -> int:
    """Return 1 to buy, -1 to sell, 0 to hold."""
    return lean_of(score, act) if confidence >= min_confidence else 0


def direction_of(score: float, policy: Policy) -> str:
    """Return BULLISH or BEARISH beyond the band around 0.5, else NEUTRAL."""
    return DIRECTIONS[lean_of(score, policy.band)]


def advice_of(score: float, confidence: float, policy: Policy) -> str:
    """Return BUY or SELL beyond the preset's ``act`` when confident enough, else HOLD."""
    return ADVICES[call_of(score, confidence, policy.act, policy.min_confidence)]


def risk_level_of(atr_rank: float, policy: Policy, stop_atr: float = 0.0, disagreement: float = 0.0) -> str:
    """Return LOW, MEDIUM or HIGH: the highest that the ATR's rank, the stop's distance or the disagreement asks for."""
    asked = (
        _step_of(atr_rank, policy.low_risk, policy.high_risk),
        _step_of(stop_atr, *FAR_STOP_ATR),
        _step_of(disagreement, *DIVIDED),
    )
    return RISK_LEVELS[max(asked)]


def _step_of(value: float, medium: float, high: float) -> int:
    if value < medium:
        return 0
    return 2 if value >= high else 1


def disagreement_of(parts: Sequence[Sequence[Part]], share: Sequence[float]) -> float:
    """Return how much of the evidence points against the rest: 1 - |sum u e| / sum u |e|, 0 if there is none.

    parts: of each timeframe, share: its u. 0: all that speak agree. 1: they cancel out.
    """
    lean = size = 0.0
    for own, u in zip(parts, share, strict=True):
        for part in own:
            e = u * part.weight * part.confidence * part.score
            lean += e
            size += abs(e)
    return 1.0 - min(abs(lean) / size, 1.0) if size > 0.0 else 0.0


def risk_of(scored: Sequence[TimeframeScore], share: Sequence[float], lean: int, policy: Policy) -> SymbolRisk:
    """Return the risk of trading on these timeframes, shortest first; lean: 1, -1, or 0 without a direction.

    The volatility is the longest timeframe's, as is the stop's; it is measured from the shortest one's close.
    """
    longest, (price, low, high) = scored[-1], levels_of(scored)
    stop = signal_stop(lean, price, longest.atr, low, high)
    stop_atr = abs(log(stop / price)) / longest.atr if longest.atr > 0.0 else 0.0
    divided = disagreement_of([one.parts for one in scored], share)
    level = risk_level_of(longest.atr_rank, policy, stop_atr, divided)
    return SymbolRisk(level, abs(price - stop) / price, divided)


def levels_of(scored: Sequence[TimeframeScore]) -> Levels:
    """Return the close of the shortest timeframe, which comes first, with the swings of the longest."""
    return scored[-1].levels._replace(close=scored[0].levels.close)


def enough(held: float) -> bool:
    """Whether the timeframes that have a score hold half of u; ``held``: the sum of theirs."""
    return held >= 0.5 - 1e-12


def merge(scores: Numbers, confidences: Numbers, share: Numbers, band: float) -> tuple[float, float, float]:
    """Return a symbol's score, confidence and consensus from its timeframes, shortest first; NaN is no score."""
    lean = certainty = 0.0
    for i in range(len(share)):
        if not isnan(scores[i]):
            lean += share[i] * (scores[i] - 0.5)
            certainty += share[i] * confidences[i]
    score = 0.5 + lean
    agreeing = 0.0
    for i in range(len(share)):
        agrees = not isnan(scores[i]) and lean_of(scores[i], band) == lean_of(score, band)
        agreeing += share[i] if agrees else 0.0
    agreeing = min(agreeing, 1.0)
    return score, min(certainty * agreeing, 1.0), agreeing


def consensus(scored: Mapping[str, TimeframeScore], configured: Sequence[str], policy: Policy) -> SymbolScore | None:
    """Return a symbol's score from those of its timeframes, or None when they hold less than half of u.

    0.5 + sum u (score - 0.5); a missing timeframe adds 0 and is listed. ``confidence`` is sum u confidence x
    consensus, consensus being u of the timeframes that look the symbol's way. Risk: ``risk_of``.
    """
    share = shares(list(configured))
    present = [t for t in share if t in scored]
    if not enough(sum(share[t] for t in present)):
        return None
    scores, sure = [scored[t].score for t in present], [scored[t].confidence for t in present]
    score, confidence, agreeing = merge(scores, sure, [share[t] for t in present], policy.band)
    parts = [scored[t] for t in present]
    risk = risk_of(parts, [share[t] for t in present], lean_of(score, policy.band), policy)
    return SymbolScore(
        score=score,
        confidence=confidence,
        consensus=agreeing,
        direction=direction_of(score, policy),
        advice=advice_of(score, confidence, policy),
        risk_level=risk.level,
        atr=parts[-1].atr,
        atr_rank=parts[-1].atr_rank,
        stop_distance=risk.stop_distance,
        disagreement=risk.disagreement,
        levels=levels_of(parts),
        timeframes={t: scored[t] for t in present},
        missing=tuple(t for t in share if t not in scored),
    )


def components_json(parts: Sequence[Part], sentences: Sequence[str]) -> list[dict[str, float | str]]:
    """Return the parts as the wire has them: a component's score is (s + 1) / 2.

    Parts beyond the sentences are of detectors that the preset weighs and that are not installed.
    """
    gone = [
        f"abstains: no detector {part.name!r} is installed (weight {part.weight:g})" for part in parts[len(sentences) :]
    ]
    return [
        {
            "name": part.name,
            "score": (part.score + 1.0) / 2.0,
            "confidence": part.confidence,
            "weight": part.weight,
            "contribution": part.contribution,
            "reason": sentence,
        }
        for part, sentence in zip(parts, [*sentences, *gone], strict=True)
    ]
