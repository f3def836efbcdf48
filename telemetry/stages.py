"""How long the stages of a scan take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from telemetry.catalogue import STAGE_SECONDS

STAGES = ("claim", "load", "score", "rules", "store", "publish")
_children = {stage: STAGE_SECONDS.labels(stage) for stage in STAGES}


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Observe what happens inside as ``stage``; what fails took no time worth knowing."""
    began = time.perf_counter()
    yield
    _children[stage].observe(time.perf_counter() - began)
