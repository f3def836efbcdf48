"""The detectors by name, in the order of ``engine.catalogue``: ours, then those that other packages bring."""

from engine.catalogue import DETECTORS
from engine.detectors import (
    elliott,
    fibonacci,
    harmonic,
    mean_reversion,
    momentum,
    news,
    price_action,
    sar,
    sentiment,
    smc,
    trend,
    volatility,
    volume,
    whales,
)
from engine.detectors.base import Detector
from engine.detectors.installed import load_installed

_MODULES = (
    trend,
    momentum,
    mean_reversion,
    volatility,
    volume,
    sar,
    price_action,
    smc,
    fibonacci,
    harmonic,
    elliott,
    whales,
    sentiment,
    news,
)
REGISTRY: dict[str, Detector] = {module.DETECTOR.name: module.DETECTOR for module in _MODULES} | load_installed()

if tuple(REGISTRY) != DETECTORS:
    raise ImportError(f"engine.catalogue lists {DETECTORS}, engine.detectors registers {tuple(REGISTRY)}")
