"""From evidence to a score, and from a symbol's timeframes to its consensus. Plain floats, no numba.

Every sum runs in the catalogue's order: the stored number, the shown number and the derived one are the same bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import copysign
from typing import NamedTuple

from engine.catalogue import DETECTORS
from engine.timeframes import shares

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
        """Return the weights in catalogue order, divided by their sum, which may be off by 1e-6."""
        raw = [float(self.weights.get(name, 0.0)) for name in DETECTORS]
        total = 0.0
        for weight in raw:
            total += weight
        return [weight / total for weight in raw]


class Part(NamedTuple):
    """One detector's part in a score: s -1..1, c and w 0..1, contribution -0.5..0.5."""

    name: str
    score: float
    confidence: float
    weight: float
    contribution: float


class TimeframeScore(NamedTuple):
    """A series' score 0..1 (0.5 neutral), its confidence 0..1, its parts, and its volatility."""

    score: float
    confidence: float
    parts: tuple[Part, ...]
    atr: float
    atr_rank: float


class SymbolScore(NamedTuple):
    """The consensus of a symbol's timeframes. ``missing`` lists the timeframes without a score."""

    score: float
    confidence: float
    consensus: float
    direction: str
    advice: str
    risk_level: str
    atr: float
    atr_rank: float
    timeframes: dict[str, TimeframeScore]
    missing: tuple[str, ...]


def spread(x: float) -> float:
    """Return 0.5 + 0.5 x (1 + g) / (1 + g |x|), within 0..1: odd about 0.5 and increasing on -1..1.

    Written with one x: where it stands above and below the line, rounding makes neighbouring values fall back.
    """
    distance = (1.0 + SPREAD) / (2.0 * SPREAD) * (1.0 - 1.0 / (1.0 + SPREAD * abs(x)))
    return min(max(0.5 + copysign(distance, x), 0.0), 1.0)


def combine(
    scores: Sequence[float], confidences: Sequence[float], atr: float, atr_rank: float, policy: Policy
) -> TimeframeScore:
    """Return the score of one series from its detectors' s and c, both in catalogue order.

    e = w c s; x = sum e; contribution = 0.5 (1 + g) e / (1 + g |x|), so contributions add up to score - 0.5.
    """
    weights = policy.weight_vector()
    scores = [s if c > 0.0 else 0.0 for s, c in zip(scores, confidences, strict=True)]  # who abstains, says nothing
    evidence = [w * c * s for w, c, s in zip(weights, confidences, scores, strict=True)]
    x = certainty = size = 0.0
    for e, w, c in zip(evidence, weights, confidences, strict=True):
        x += e
        size += abs(e)
        certainty += w * c
    scale = 0.5 * (1.0 + SPREAD) / (1.0 + SPREAD * abs(x))
    parts = tuple(
        Part(name, s, c, w, scale * e + 0.0)  # + 0.0: what adds nothing is 0, not -0
        for name, s, c, w, e in zip(DETECTORS, scores, confidences, weights, evidence, strict=True)
    )
    confidence = certainty * abs(x) / size if size > 0.0 else 0.0
    return TimeframeScore(spread(x), min(confidence, 1.0), parts, atr, atr_rank)


def direction_of(score: float, policy: Policy) -> str:
    """Return BULLISH or BEARISH beyond the band around 0.5, else NEUTRAL."""
    if score - 0.5 > policy.band:
        return "BULLISH"
    return "BEARISH" if 0.5 - score > policy.band else "NEUTRAL"


def advice_of(score: float, confidence: float, policy: Policy) -> str:
    """Return BUY or SELL beyond the preset's ``act`` when confident enough, else HOLD."""
    if confidence < policy.min_confidence:
        return "HOLD"
    if score - 0.5 > policy.act:
        return "BUY"
    return "SELL" if 0.5 - score > policy.act else "HOLD"


def risk_level_of(atr_rank: float, policy: Policy) -> str:
    """Return LOW, MEDIUM or HIGH by where the ATR ranks in its window."""
    if atr_rank < policy.low_risk:
        return "LOW"
    return "HIGH" if atr_rank >= policy.high_risk else "MEDIUM"


def consensus(scored: Mapping[str, TimeframeScore], configured: Sequence[str], policy: Policy) -> SymbolScore | None:
    """Return a symbol's score from those of its timeframes, or None when they hold less than half of u.

    0.5 + sum u (score - 0.5); a missing timeframe adds 0 and is listed. ``confidence`` is sum u confidence x
    consensus, consensus being u of the timeframes that look the symbol's way. Risk is the longest timeframe's.
    """
    share = shares(list(configured))
    present = [t for t in share if t in scored]
    weight = lean = certainty = 0.0
    for t in present:
        weight += share[t]
        lean += share[t] * (scored[t].score - 0.5)
        certainty += share[t] * scored[t].confidence
    if not present or weight < 0.5 - 1e-12:
        return None
    score = 0.5 + lean
    direction = direction_of(score, policy)
    agreeing = 0.0
    for t in present:
        agreeing += share[t] if direction_of(scored[t].score, policy) == direction else 0.0
    agreeing = min(agreeing, 1.0)
    confidence = min(certainty * agreeing, 1.0)
    longest = scored[present[-1]]
    return SymbolScore(
        score=score,
        confidence=confidence,
        consensus=agreeing,
        direction=direction,
        advice=advice_of(score, confidence, policy),
        risk_level=risk_level_of(longest.atr_rank, policy),
        atr=longest.atr,
        atr_rank=longest.atr_rank,
        timeframes={t: scored[t] for t in present},
        missing=tuple(t for t in share if t not in scored),
    )
