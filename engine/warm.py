"""``python -m engine.warm``: compile every kernel into the cache, so that the first scan does not wait for it."""

import sys
import time

import numpy as np

from engine.timeframes import INTERVAL_MS, MIN_BARS
from engine.window import Window


def warm() -> None:
    """Run a scan and a history over a few made-up bars; what they compile is kept."""
    from engine.evidence import history, scan

    steps = np.arange(MIN_BARS, dtype=np.int64)
    closes = 100.0 + np.sin(steps / 5.0)
    window = Window(
        steps * INTERVAL_MS["5m"], np.stack([closes, closes + 1.0, closes - 1.0, closes, closes, closes / 2.0])
    )
    scan([window], explain=True)
    history(window, INTERVAL_MS["5m"])


if __name__ == "__main__":
    begun = time.monotonic()
    sys.stdout.write("compiling the scoring kernels (half a minute the first time)\n")
    sys.stdout.flush()
    warm()
    sys.stdout.write(f"kernels ready after {time.monotonic() - begun:.0f} s\n")
