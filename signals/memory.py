"""The memory of a process that lives long."""

import gc
from functools import cache


@cache
def settle() -> None:
    """Have the collector leave alone what is loaded by now, and look less often for cycles; once in a process.

    Rows, windows and messages are no cycles: reference counts free them. Walking through all that Django and numba have
    loaded took an eighth of a scan of 500 symbols.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20)
