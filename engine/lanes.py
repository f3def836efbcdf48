"""Loops over the lanes of one row, which several kernels share. A row is (lane,)."""

import numpy as np

from engine.bars import FloatArray
from engine.jit import formula, kernel


@kernel
def zeros(rows: int, lanes: int) -> FloatArray:
    """Return zeros (rows, lanes) that begin at a line of the cache, which numpy does not promise."""
    return np.zeros((rows, lanes))


@kernel
def blank(x: FloatArray, first: int, begin: int) -> FloatArray:
    """Return an array like ``x`` whose rows ``first`` to ``begin`` are 0; the others are unset and cost nothing."""
    out = np.empty_like(x)
    out[first:begin] = 0.0
    return out


@formula
def copy_row(source, target):
    for lane in range(target.size):
        target[lane] = source[lane]


@kernel
def pick(flags, picked):
    """Put the lanes whose flag is up first into ``picked``; return how many they are.

    Where little happens a loop over all lanes only flags, in SIMD, and what follows looks at the picked ones alone.
    """
    count = 0
    for lane in range(flags.size):
        picked[count] = lane
        count += 1 if flags[lane] != 0.0 else 0
    return count
