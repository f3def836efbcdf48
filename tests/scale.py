"""How much is tried: a part in ``make test``, all of it in ``make fuzz``."""

import os


def tries(test: int, fuzz: int) -> int:
    """Return the number of tries of this run."""
    return fuzz if os.environ.get("FUZZ") == "1" else test
