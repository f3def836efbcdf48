"""Detectors that other packages bring, found by their entry points in the group ``realtime_agent.detectors``.

An entry point's name is the detector's name, its object a ``Detector``. Only ``load`` imports the package.
"""

from importlib.metadata import EntryPoint

from engine.catalogue import BUILT_IN, entry_points_of_detectors
from engine.detectors.base import Detector


class UnusableDetector(ImportError):
    """An installed entry point that gives no detector."""


def load_installed() -> dict[str, Detector]:
    """Return the installed detectors by name, sorted. Raises UnusableDetector naming the first bad entry point."""
    detectors: dict[str, Detector] = {}
    for entry in entry_points_of_detectors():
        if entry.name in BUILT_IN or entry.name in detectors:
            raise UnusableDetector(f"{_told(entry)}: there is a detector of this name already")
        detectors[entry.name] = _load(entry)
    return detectors


def _load(entry: EntryPoint) -> Detector:
    try:
        found = entry.load()
    except Exception as error:  # somebody else's module may raise anything
        raise UnusableDetector(f"{_told(entry)}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Detector):
        raise UnusableDetector(f"{_told(entry)}: is no engine.detectors.base.Detector but {found!r}")
    if found.name != entry.name:
        raise UnusableDetector(f"{_told(entry)}: the detector calls itself {found.name!r}")
    return found


def _told(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name}" if entry.dist else ""
    return f"entry point {entry.name} = {entry.value}{package}"
