"""The three presets that every installation has. Their ``act`` comes from ``manage.py derive_thresholds``."""

from typing import NamedTuple


class Default(NamedTuple):
    """share: which part of decisions on the 2024 candles ``act`` is meant to let pass."""

    description: str
    weights: dict[str, float]
    act: float
    min_confidence: float
    share: float


# No weight as long as nothing measures them: no candles we derive from have these series beside them, so neither their
# share of the weights nor an ``act`` with them has a ground; and weight on a detector that abstains lowers every score.
NOT_FROM_CANDLES = {"sentiment": 0.0, "news": 0.0}

DEFAULTS = {
    "balanced": Default(
        "trend and momentum first, stretched ranges against them",
        {
            "trend": 0.22,
            "momentum": 0.18,
            "mean_reversion": 0.12,
            "volatility": 0.08,
            "volume": 0.1,
            "sar": 0.06,
            "price_action": 0.08,
            "smc": 0.08,
            "fibonacci": 0.03,
            "harmonic": 0.02,
            "elliott": 0.02,
            "whales": 0.01,
            **NOT_FROM_CANDLES,
        },
        act=0.2609,
        min_confidence=0.25,
        share=0.03,
    ),
    "aggressive": Default(
        "momentum and releases first: early, more often, more often wrong",
        {
            "trend": 0.12,
            "momentum": 0.22,
            "mean_reversion": 0.06,
            "volatility": 0.1,
            "volume": 0.1,
            "sar": 0.08,
            "price_action": 0.1,
            "smc": 0.1,
            "fibonacci": 0.03,
            "harmonic": 0.03,
            "elliott": 0.03,
            "whales": 0.03,
            **NOT_FROM_CANDLES,
        },
        act=0.2182,
        min_confidence=0.2,
        share=0.08,
    ),
    "conservative": Default(
        "the established trend first: rare and late",
        {
            "trend": 0.34,
            "momentum": 0.14,
            "mean_reversion": 0.16,
            "volatility": 0.06,
            "volume": 0.1,
            "sar": 0.05,
            "price_action": 0.05,
            "smc": 0.05,
            "fibonacci": 0.02,
            "harmonic": 0.01,
            "elliott": 0.01,
            "whales": 0.01,
            **NOT_FROM_CANDLES,
        },
        act=0.3113,
        min_confidence=0.3,
        share=0.01,
    ),
}
FALLBACK = "balanced"
