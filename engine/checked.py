"""What comes into the engine, checked once at its doors: ``scan``, ``history`` and ``detector_checks.check``."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.jit import formula, kernel
from engine.side import ROWS
from engine.window import COLUMNS, Window

PIECE = 512  # bars that are looked at together
OPEN_TIME = len(COLUMNS)  # the column of a fault that is the time's


def checked(window: Window) -> Window:
    """Return the window as it is. Raises ValueError naming shape, value and place for what cannot be scored.

    Wrong are: arrays of unequal length or other dtype, times that do not increase, a price that is not above 0 and
    finite, a volume that is not finite or below 0, and a taker volume that is infinite (NaN: the source has none).
    """
    times, values, side = window
    _array("open_times", times, np.int64, (None,))
    _array("values", values, np.float64, (len(COLUMNS), len(times)))
    if side is not None:
        _array("side", side, np.float64, (ROWS, None))
        if side.shape[1] > len(times) or not np.isfinite(side).all():
            raise ValueError(
                f"side has shape {side.shape} beside {len(times)} bars: finite, and no more bars than these"
            )
    column, bar = _first_fault(times, values)
    if column == OPEN_TIME:
        raise ValueError(f"open_times[{bar}] is {times[bar]}, not after open_times[{bar - 1}] = {times[bar - 1]}")
    if column >= 0:
        wanted = "above 0 and finite" if column < 4 else "0 or more and finite" if column == 4 else "finite or NaN"
        raise ValueError(f"{COLUMNS[column]} of bar {bar} (opens {times[bar]}) is {values[column, bar]}, not {wanted}")
    return window


def _array(name: str, found: Any, dtype: npt.DTypeLike, shape: tuple[int | None, ...]) -> None:
    """Raise ValueError where ``found`` is not an array of that type and shape; None stands for any length."""
    if not isinstance(found, np.ndarray) or found.dtype != dtype:
        told = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise ValueError(f"{name} is {told}, expected an array of {np.dtype(dtype)}")
    if found.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, found.shape, strict=True)):
        told = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} has shape {found.shape}, expected ({told})")


@kernel
def _first_fault(times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return (column, bar) of the first value that is no value, (-1, 0) without one."""
    for bar in range(1, times.size):
        if times[bar] <= times[bar - 1]:
            return OPEN_TIME, bar
    for column in range(values.shape[0]):
        row = values[column]
        for first in range(0, row.size, PIECE):
            piece = row[first : first + PIECE]
            faults = 0
            for k in range(piece.size):  # without a way out: so it runs in SIMD
                faults += 0 if _sound(column, piece[k]) else 1
            for k in range(piece.size if faults else 0):
                if not _sound(column, piece[k]):
                    return column, first + k
    return -1, 0


@formula
def _sound(column, value):
    finite = value - value == 0.0
    price, volume, taker = value > 0.0, value >= 0.0, np.isnan(value)
    return finite and price if column < 4 else finite and volume if column == 4 else finite or taker
