"""A score in words: each detector's part with the reason behind it."""

from engine.bars import EPSILON
from engine.detectors import REGISTRY
from engine.evidence import Evidence


def reasons(evidence: Evidence) -> list[str]:
    """Return one sentence a detector for evidence of one bar that was folded with ``explain=True``."""
    if float(evidence.atr[0, 0]) <= EPSILON:
        return ["abstains: the price has not moved (ATR 0)" for _ in REGISTRY]
    sentences = []
    for detector, values in zip(REGISTRY.values(), evidence.readings, strict=True):
        named = {name: float(values[i, 0, 0]) for i, name in enumerate(detector.readings)}
        sentences.append(detector.reason(named))
    return sentences
