"""The detectors by name, in the order of ``engine.catalogue``."""

from engine.catalogue import DETECTORS
from engine.detectors import mean_reversion, momentum, trend, volatility
from engine.detectors.base import Detector

REGISTRY: dict[str, Detector] = {
    module.DETECTOR.name: module.DETECTOR for module in (trend, momentum, mean_reversion, volatility)
}

if tuple(REGISTRY) != DETECTORS:
    raise ImportError(f"engine.catalogue lists {DETECTORS}, engine.detectors registers {tuple(REGISTRY)}")
