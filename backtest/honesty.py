"""Does a score know the future, and does it depend on where its window begins? Asked of detectors and presets."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.catalogue import DETECTORS
from engine.decisions import score_series
from engine.evidence import Evidence, history, scan
from engine.score import Policy
from engine.timeframes import MIN_BARS, WARM_UP_BARS, WINDOW_BARS
from engine.window import Window

FloatArray = npt.NDArray[np.float64]
CUTS = 24  # places at which the future is taken away or shuffled
WINDOWS = 400  # of full length, that are scored with and without their first bars


class Voices(NamedTuple):
    """What is said of bars: names, and values (name, bar): s and c of a detector, the score of a preset."""

    names: tuple[str, ...]
    values: FloatArray


class Finding(NamedTuple):
    """One name's result. differing of compared bars; largest: difference; bar: the first (or worst) one, -1 if none."""

    name: str
    compared: int
    differing: int
    largest: float
    bar: int


def _voices(window: Window, interval_ms: int, presets: Mapping[str, Policy]) -> Voices:
    """Return what is said of every bar of a series, NaN where a bar has no score."""
    rows, evidence = history(window, interval_ms)
    usable = np.ones(len(window.open_times), dtype=bool)
    spread = np.full((2 * len(DETECTORS), len(usable)), np.nan)
    spread[:, rows] = np.concatenate([evidence.score[:, :, 0], evidence.confidence[:, :, 0]])
    scores = [
        score_series(window.open_times, interval_ms, rows, evidence, usable, policy).score
        for policy in presets.values()
    ]
    return Voices((*DETECTORS, *DETECTORS, *presets), np.concatenate([spread, np.reshape(scores, (-1, len(usable)))]))


def look_ahead(window: Window, interval_ms: int, presets: Mapping[str, Policy], seed: int) -> list[Finding]:
    """Compare what is said of the past, to the bit, with the future taken away, and with the future shuffled.

    window: a whole series of more than 256 bars. Returns a finding for each detector and preset, by name.
    """
    whole = _voices(window, interval_ms, presets)
    differ = np.zeros(whole.values.shape, dtype=bool)
    compared, generator = 0, np.random.default_rng(seed)
    bars = len(window.open_times)
    for cut in np.unique(np.linspace(MIN_BARS, bars - 1, CUTS).astype(int)):
        short = Window(window.open_times[:cut], window.values[:, :cut])
        order = np.concatenate([np.arange(cut), cut + generator.permutation(bars - cut)])
        for other in (short, Window(window.open_times, window.values[:, order])):
            said = _voices(other, interval_ms, presets).values[:, :cut]
            differ[:, :cut] |= ~((said == whole.values[:, :cut]) | (np.isnan(said) & np.isnan(whole.values[:, :cut])))
            compared += cut
    return [_finding(name, whole.names, differ, differ.astype(float), compared) for name in _each(whole.names)]


def warm_up(window: Window, presets: Mapping[str, Policy]) -> list[Finding]:
    """Compare what is said of a bar with the longest window and with the shortest anchored one.

    window: a series of at least 767 bars. A detector's value is s c. ``bar`` ends the window that differs most.
    """
    ends = np.unique(np.linspace(WINDOW_BARS, len(window.open_times), WINDOWS).astype(int))
    long, short = (
        _last_bars([Window(window.open_times[e - n : e], window.values[:, e - n : e]) for e in ends], presets)
        for n in (WINDOW_BARS, WARM_UP_BARS)
    )
    distance = np.zeros((len(long.names), len(window.open_times)))
    distance[:, ends - 1] = np.abs(long.values - short.values)
    return [_finding(name, long.names, distance > 0.0, distance, len(ends)) for name in _each(long.names)]


def _last_bars(windows: Sequence[Window], presets: Mapping[str, Policy]) -> Voices:
    found = scan(windows)
    joined = Evidence._make(
        [*(np.concatenate(parts, axis=-2) for parts in zip(*(e[:6] for e in found), strict=True)), ()]
    )
    times, rows = np.arange(len(found)), np.arange(len(found))
    usable = np.ones(len(found), dtype=bool)
    scores = [score_series(times, 1, rows, joined, usable, policy).score for policy in presets.values()]
    said = joined.score[:, :, 0] * joined.confidence[:, :, 0]
    return Voices((*DETECTORS, *presets), np.concatenate([said, np.reshape(scores, (-1, len(found)))]))


def _each(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _finding(
    name: str, names: Sequence[str], differ: npt.NDArray[np.bool_], distance: FloatArray, compared: int
) -> Finding:
    rows = [i for i, one in enumerate(names) if one == name]
    anywhere, largest = differ[rows].any(axis=0), distance[rows].max(axis=0)
    worst = int(largest.argmax()) if anywhere.any() else -1
    return Finding(name, compared, int(anywhere.sum()), float(largest.max()), worst)
