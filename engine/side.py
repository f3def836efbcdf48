"""Series beside the candles, each with times of its own, and what was known of them at a bar's close. Needs no numba.

Funding, open interest and the long/short ratio come when the exchange publishes them, news when somebody writes it; a
bar reads what was known when it closed. All that is read is a pure function of the close and of the values that were
known by then and are at most HISTORY_MS old, so a restarted process, a history and a live scan read the same bits.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HOUR_MS = 3_600_000
STEP_MS = 8 * HOUR_MS  # most exchanges settle funding at 0, 8 and 16 h UTC: the week is sampled there
SAMPLES = 21  # a week of these
WEEK_MS = SAMPLES * STEP_MS
HISTORY_MS = WEEK_MS + 24 * HOUR_MS  # the week, the step under way, and the longest gap in front of it

MISSING, STALE, TOO_SHORT, GAPPED, KNOWN = 0.0, 1.0, 2.0, 3.0, 4.0
STATUS, VALUE, LEVEL, DEVIATION = range(4)  # rows of a kind, see ``as_of``


class Kind(NamedTuple):
    """What is measured.

    low, high: the values that are sound. longest_ms: how old the newest value, and how wide a gap, may
    be. logged: its natural log is read. mirrored: its sign turns with the market. sampled: read against its own week.
    """

    low: float
    high: float
    longest_ms: int
    logged: bool = False
    mirrored: bool = True
    sampled: bool = True


POSITIVE = sys.float_info.min, sys.float_info.max
# longest_ms: one and a half times the longest interval at which exchanges publish (funding 8 h, the others 4 h).
KINDS = {
    "funding_rate": Kind(-1.0, 1.0, 12 * HOUR_MS),
    "open_interest": Kind(*POSITIVE, 6 * HOUR_MS, logged=True, mirrored=False),
    "long_short_ratio": Kind(*POSITIVE, 6 * HOUR_MS, logged=True),
    "news": Kind(-1.0, 1.0, 24 * HOUR_MS, sampled=False),
}
PER_KIND = 4
ROWS = PER_KIND * len(KINDS)
FUNDING, OPEN_INTEREST, RATIO, NEWS = range(0, ROWS, PER_KIND)  # first row of each kind


class SideValues(NamedTuple):
    """Values of one side series, oldest first, each array (n,).

    times, known_at: int64 ms; times increase, known_at never falls and is not before the time. values: as ``read_as``
    gives them.
    """

    times: IntArray
    known_at: IntArray
    values: FloatArray

    def newer_than(self, time: int) -> "SideValues":
        """Return the values of later times."""
        first = np.searchsorted(self.times, time, side="right")
        return SideValues(self.times[first:], self.known_at[first:], self.values[first:])


def read_as(kind: str, values: list[float]) -> FloatArray:
    """Return stored values as detectors read them: the log of what is a size or a ratio, the others as they are."""
    # One scalar routine, so a value has one log wherever it stands.
    return np.array([math.log(v) for v in values] if KINDS[kind].logged else values, dtype=np.float64)


def at_closes(series: Mapping[str, SideValues], closes: IntArray) -> FloatArray | None:
    """Return what was known of each kind at each close (ms), (ROWS, n); None where nothing was known at any of them.

    So a series that begins later leaves a window of before as it was.
    """
    if not series:
        return None
    parts = [as_of(kind, series[name], closes) if name in series else _nothing(closes) for name, kind in KINDS.items()]
    return np.concatenate(parts) if any(part[STATUS].any() for part in parts) else None


def _nothing(closes: IntArray) -> FloatArray:
    return np.zeros((PER_KIND, len(closes)))


def as_of(kind: Kind, series: SideValues, closes: IntArray) -> FloatArray:
    """Return what was known of one series at each close (ms): rows STATUS, VALUE, LEVEL, DEVIATION, (4, n).

    KNOWN: the newest value, the mean and the standard deviation of the week's samples (of what is not sampled: its age
    in hours, and 0). Else the row VALUE has the hours that were found and LEVEL those that are the limit: STALE the
    newest value's age, TOO_SHORT how far back values reach, GAPPED the last hole between two of them. MISSING: zeros.
    """
    out = _nothing(closes)
    times = series.times
    if not len(times):
        return out
    newest = np.minimum(_last(times, closes), _last(series.known_at, closes))
    oldest = _last(times, closes - HISTORY_MS) + 1
    present = newest >= oldest
    newest, oldest = np.maximum(newest, 0), np.minimum(oldest, len(times) - 1)
    age = (closes - times[newest]) / HOUR_MS
    longest = kind.longest_ms / HOUR_MS
    _put(out, present, KNOWN, series.values[newest], age)
    if kind.sampled:
        samples = closes[:, None] // STEP_MS * STEP_MS - STEP_MS * np.arange(SAMPLES - 1, -1, -1)
        found = np.minimum(_last(times, samples), newest[:, None])
        _put(out, present, KNOWN, series.values[newest], *_spread(series.values[np.maximum(found, 0)]))
        holes = np.flatnonzero(np.diff(times) > kind.longest_ms)
        last = _last(holes, newest - 1)
        hole = holes[np.maximum(last, 0)] if len(holes) else np.zeros_like(newest)
        width = (times[np.minimum(hole + 1, len(times) - 1)] - times[hole]) / HOUR_MS
        _put(out, present & (last >= 0) & (hole >= found[:, 0]), GAPPED, width, longest)
        reach = (closes - times[oldest]) / HOUR_MS
        _put(out, present & (times[oldest] > samples[:, 0]), TOO_SHORT, reach, (closes - samples[:, 0]) / HOUR_MS)
    _put(out, present & (age > longest), STALE, age, longest)
    return out


def _last(sorted_values: IntArray, at: IntArray) -> IntArray:
    """Return the place of the last of ``sorted_values`` that is not beyond ``at``, -1 where there is none."""
    return np.searchsorted(sorted_values, at, side="right") - 1


def _put(
    out: FloatArray,
    where: npt.NDArray[np.bool_],
    status: float,
    value: FloatArray,
    level: FloatArray | float,
    deviation: FloatArray | float = 0.0,
) -> None:
    for row, values in enumerate((status, value, level, deviation)):
        out[row] = np.where(where, values, out[row])


def _spread(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of each row, (n, SAMPLES) to (n,); summed in one order, so the bits hold."""
    mean, square = np.zeros(len(samples)), np.zeros(len(samples))
    for j in range(SAMPLES):
        mean += samples[:, j]
    mean /= SAMPLES
    for j in range(SAMPLES):
        square += (samples[:, j] - mean) * (samples[:, j] - mean)
    return mean, np.sqrt(square / SAMPLES)


def why_silent(name: str, row: Sequence[float]) -> str | None:
    """Return in words why a kind cannot be read, from its four rows at one close; None where it is known."""
    status, found, limit, _ = row
    if status == MISSING:
        return f"{name} is missing: no value of the last {HISTORY_MS // (24 * HOUR_MS)} days is stored"
    if status == STALE:
        return f"{name} is stale: its newest value is {found:.1f} h old, {limit:.0f} h is the limit"
    if status == TOO_SHORT:
        return f"{name} is too short: it reaches back {found:.0f} h of {limit:.0f} h needed"
    if status == GAPPED:
        return f"{name} is gapped: {found:.1f} h without a value within its week, {limit:.0f} h is the limit"
    return None


def lanes_of(sides: list[FloatArray | None], ends: list[int], first: int) -> FloatArray:
    """Lay the sides of windows into a tile (time, lane, ROWS), from row ``first`` on, lane i ending at ``ends[i]``.

    sides[i]: (ROWS, m), of the last m bars of the window, or None. A tile without any has no rows.
    """
    if all(side is None for side in sides):
        return NO_SIDE
    tile = np.zeros((max(ends) - first, len(sides), ROWS))
    for lane, (side, end) in enumerate(zip(sides, ends, strict=True)):
        count = 0 if side is None else min(side.shape[1], end - first)
        if count and side is not None:
            tile[end - first - count : end - first, lane] = side[:, side.shape[1] - count :].T
    return tile


NO_SIDE = np.empty((0, 0, 0))


def mirrored(side: FloatArray) -> FloatArray:
    """Return what the mirrored market has, for ``side`` (…, ROWS): funding, ln ratio and news change their sign."""
    out = side.copy()
    for first, kind in zip(range(0, ROWS, PER_KIND), KINDS.values(), strict=True):
        if kind.mirrored and out.size:
            known = out[..., first + STATUS] == KNOWN
            for row in (VALUE, LEVEL) if kind.sampled else (VALUE,):
                out[..., first + row] = np.where(known, -out[..., first + row], out[..., first + row])
    return out
