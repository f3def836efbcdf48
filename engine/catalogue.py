"""The names of the detectors, in the order in which their evidence is summed. Needs no numba.

The order decides the last bit of a sum, so it is part of the scoring version: add new names at the end.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points

BUILT_IN = (
    "trend",
    "momentum",
    "mean_reversion",
    "volatility",
    "volume",
    "sar",
    "price_action",
    "smc",
    "fibonacci",
    "harmonic",
    "elliott",
    "whales",
    "sentiment",
    "news",
)
GROUP = "realtime_agent.detectors"


def entry_points_of_detectors() -> list[EntryPoint]:
    """Return the entry points of detectors that other packages bring, by name. Imports none of them."""
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


INSTALLED = entry_points_of_detectors()
DETECTORS = (*BUILT_IN, *(entry.name for entry in INSTALLED))
# Which further detectors there are decides what is stored, so it is part of the scoring version.
INSTALLED_VERSIONS = tuple(
    f"{entry.name}={entry.dist.name}-{entry.dist.version}" if entry.dist else entry.name for entry in INSTALLED
)


def weight_problem(weights: Mapping[str, object], known: Sequence[str] = DETECTORS) -> tuple[str, str] | None:
    """Return (name, what is wrong) of the first fault in a set of weights, or None.

    Each weight is a number 0..1 of a known detector; together they are 1 within 1e-6.
    """
    total = 0.0
    for name, value in weights.items():
        if name not in known:
            return name, f"{name!r} is no detector; known are {', '.join(known)}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return name, f"the weight of {name} must be a number, was {value!r}"
        if not 0.0 <= value <= 1.0:  # false for NaN as well
            return name, f"the weight of {name} must be 0 to 1, was {value}"
        total += value
    if abs(total - 1.0) > 1e-6:
        return "weights", f"the weights must sum to 1, their sum is {total:.6g}"
    return None
