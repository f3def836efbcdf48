"""What a number depends on besides its bars: the engine's code, installed detectors, libraries, architecture."""

import hashlib
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from engine.catalogue import INSTALLED_VERSIONS

ENGINE = Path(__file__).resolve().parent


@lru_cache(maxsize=8)
def code_hash(*extra: str, requirements: bool = False) -> str:
    """Return 16 hex digits over every Python file of engine/ (names and text), ``extra`` and the pinned packages."""
    digest = hashlib.blake2b(digest_size=8)
    files = sorted(ENGINE.rglob("*.py"))
    if requirements and (ENGINE.parent / "requirements.txt").exists():
        files.append(ENGINE.parent / "requirements.txt")
    for path in files:
        digest.update(str(path.relative_to(ENGINE.parent)).encode())
        digest.update(path.read_bytes())
    for text in extra:
        digest.update(text.encode())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def scoring_version() -> str:
    """Return the identity within which equal bars give equal bits: code, numpy, numba, architecture."""
    return f"{code_hash(*INSTALLED_VERSIONS)}/numpy-{version('numpy')}/numba-{version('numba')}/{platform.machine()}"
