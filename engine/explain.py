"""A score in words: each detector's part with the reason behind it."""

from engine.bars import EPSILON
from engine.detectors import REGISTRY
from engine.steps import Said


def reasons(said: Said) -> list[str]:
    """Return one sentence a detector for what was said of one bar."""
    if said.atr <= EPSILON:
        return ["abstains: the price has not moved (ATR 0)" for _ in REGISTRY]
    values, at, sentences = said.readings.tolist(), 0, []
    for detector in REGISTRY.values():
        names = detector.readings
        sentences.append(detector.reason(dict(zip(names, values[at : at + len(names)], strict=True))))
        at += len(names)
    return sentences
