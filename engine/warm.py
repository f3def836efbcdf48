"""``python -m engine.warm [--if-cold]``: compile the kernels into the cache, so that the first scan does not wait."""

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


def main(only_if_cold: bool) -> None:
    """Warm the cache, or with ``only_if_cold`` only where the folder of this very code does not exist."""
    from engine.jit import cache_dir

    mark = cache_dir() / "warm"
    if only_if_cold and mark.exists():
        return
    begun = time.monotonic()
    sys.stdout.write("compiling the scoring kernels (a minute, the first time)\n")
    sys.stdout.flush()
    warm()
    mark.touch()
    sys.stdout.write(f"kernels ready after {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main("--if-cold" in sys.argv)
