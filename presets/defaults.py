"""The three presets that every installation has. Their ``act`` comes from ``manage.py derive_thresholds``."""

from typing import NamedTuple


class Default(NamedTuple):
    """share: which part of decisions on the 2024 candles ``act`` is meant to let pass."""

    description: str
    weights: dict[str, float]
    act: float
    min_confidence: float
    share: float


DEFAULTS = {
    "balanced": Default(
        "trend and momentum first, stretched ranges against them",
        {"trend": 0.3, "momentum": 0.3, "mean_reversion": 0.25, "volatility": 0.15},
        act=0.2827,
        min_confidence=0.25,
        share=0.03,
    ),
    "aggressive": Default(
        "momentum and releases first: early, more often, more often wrong",
        {"trend": 0.2, "momentum": 0.45, "mean_reversion": 0.15, "volatility": 0.2},
        act=0.2669,
        min_confidence=0.2,
        share=0.08,
    ),
    "conservative": Default(
        "the established trend first: rare and late",
        {"trend": 0.45, "momentum": 0.2, "mean_reversion": 0.25, "volatility": 0.1},
        act=0.3319,
        min_confidence=0.3,
        share=0.01,
    ),
}
FALLBACK = "balanced"
