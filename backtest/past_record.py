"""Were the presets right on a folder of candles? The outcomes of what they would have told, beside random entries.

Outcomes are followed as ``signals.outcomes`` follows live ones: on the smallest timeframe, from the bar behind the
signal, with the same stop, target, horizon and costs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backtest.candles import History, RecordedCandles
from backtest.history import decide, scores_of
from backtest.reports import number
from backtest.significance import Entries, against_random
from engine import calibration
from engine.decisions import Decisions
from engine.outcomes import Course, follow_all
from engine.plan import ENTER_LONG
from engine.rules import Rules
from engine.score import Policy
from engine.timeframes import INTERVAL_MS
from market.feeds import files
from signals.outcomes.calibrating import FEWEST as FEWEST_TO_FIT
from signals.outcomes.calibrating import GROWTH, fitted
from signals.outcomes.opening import HORIZON_BARS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Told(NamedTuple):
    """One symbol's signals with a direction, (n,) each, and what each bar would have given a random entry.

    distance: of the score from 0.5. r: after costs, NaN where the bars end first. as_of, known_at: ms.
    """

    as_of: IntArray
    distance: FloatArray
    called: npt.NDArray[np.bool_]
    r: FloatArray
    known_at: IntArray
    grid: IntArray
    entries: Entries


def told_by(pasts: Mapping[str, History], policy: Policy, costs: Course) -> Told:
    """Return the outcomes of a symbol's past; ``pasts`` by timeframe, shortest first."""
    base, longest = next(iter(pasts)), list(pasts)[-1]
    interval = INTERVAL_MS[base]
    course = costs._replace(horizon=HORIZON_BARS * INTERVAL_MS[longest] // interval)
    window = pasts[base].window
    scores = {t: scores_of(past, t, policy) for t, past in pasts.items()}
    decided = decide(pasts, scores, policy, Rules(), 0, 2**53, interval)
    opened, high, low = (np.ascontiguousarray(values) for values in window.values[:3])
    first = np.searchsorted(window.open_times, decided.as_of)
    ends = [
        follow_all((opened, high, low), first, np.full(len(first), side), decided.atr, course) for side in (1.0, -1.0)
    ]
    closes = np.append(window.open_times + interval, 2**53)
    return _told(decided, np.stack([e.r for e in ends]), closes[np.stack([e.last for e in ends])])


def _told(decided: Decisions, r: FloatArray, known_at: IntArray) -> Told:
    emitted = (decided.code >= 0) & np.isin(decided.as_of, decided.signals().as_of)
    leaning = np.flatnonzero(emitted & (decided.lean != 0))
    row = np.where(decided.lean[leaning] > 0, 0, 1)
    called = np.abs(decided.intents()) == ENTER_LONG
    side = np.where(emitted & called, decided.call, 0).astype(np.int8)
    last = np.searchsorted(decided.as_of, known_at)
    return Told(
        decided.as_of[leaning],
        np.abs(decided.score[leaning] - 0.5),
        called[leaning],
        r[row, leaning],
        known_at[row, leaning],
        decided.as_of,
        Entries(side[None], r[None], last[None]),
    )


def joined(parts: Sequence[Told]) -> Entries:
    """Return the entries of several symbols on one grid of closes."""
    grid = np.unique(np.concatenate([one.grid for one in parts]))
    side = np.zeros((len(parts), len(grid)), np.int8)
    r = np.full((len(parts), 2, len(grid)), np.nan)
    last = np.zeros((len(parts), 2, len(grid)), np.int64)
    for i, one in enumerate(parts):
        place = np.searchsorted(grid, one.grid)
        side[i, place], r[i][:, place] = one.entries.side[0], one.entries.r[0]
        last[i][:, place] = np.append(place, len(grid))[one.entries.last[0]]
    return Entries(side, r, last)


def tested(parts: Sequence[Told], draws: int, seed: int) -> dict[str, Any]:
    """Return the record of one preset over symbols: counts, hit rate, expectancy, and the test of BUY and SELL."""
    r = np.concatenate([one.r for one in parts])
    called = np.concatenate([one.called for one in parts])[np.isfinite(r)]
    known = r[np.isfinite(r)]
    entries = joined(parts)
    test = against_random([entries], draws, np.random.default_rng(seed))
    everyone = entries.r[np.isfinite(entries.r)]
    return {
        "all": _counted(known),
        "calls": _counted(known[called]),
        "random": {"hit_rate": float(np.mean(everyone > 0.0)), "expectancy_r": float(np.mean(everyone))},
        "test": {name: number(value) for name, value in test._asdict().items()},
    }


def _counted(r: FloatArray) -> dict[str, Any]:
    hits = int(np.count_nonzero(r > 0.0))
    mean, rate = (float(np.mean(r)), hits / len(r)) if len(r) else (None, None)
    return {
        "count": len(r),
        "hits": hits,
        "hit_rate": rate,
        "interval": calibration.wilson(hits, len(r)),
        "expectancy_r": mean,
    }


def said_before(parts: Sequence[Told]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return (probability, hit) of each signal that had a fit before it, fitted as live: on outcomes known by then."""
    known = np.concatenate([one.known_at for one in parts])
    as_of = np.concatenate([one.as_of for one in parts])
    distance = np.concatenate([one.distance for one in parts])
    r = np.concatenate([one.r for one in parts])
    hit = r > 0.0
    ended = np.argsort(np.where(np.isfinite(r), known, 2**53), kind="stable")[: np.count_nonzero(np.isfinite(r))]
    p = np.full(len(r), np.nan)
    count = FEWEST_TO_FIT
    while count <= len(ended):
        own = ended[:count]
        since = known[own[-1]]
        fit = calibration.Fit(*fitted(distance[own], hit[own].astype(np.float64)))
        later = as_of >= since
        p[later] = fit.probability(distance[later])
        count = int(np.ceil(GROWTH * count))
    counted = np.isfinite(p) & np.isfinite(r)
    return p[counted], hit[counted]


def read(source: RecordedCandles, symbol: str, timeframes: Sequence[str]) -> dict[str, History]:
    """Return a symbol's whole past by timeframe."""
    return {t: source.read(symbol, t, 0, 2**53) for t in timeframes}


class Files(RecordedCandles):
    """The files of one timeframe in a folder, whatever smaller ones lie beside them."""

    def __init__(self, folder: Path, timeframe: str) -> None:
        named = {path: files.parse_name(path) for path in sorted(folder.iterdir())}
        self._files = {name[0]: path for path, name in named.items() if name and name[1] == timeframe}

    @property
    def symbols(self) -> list[str]:
        return sorted(self._files)
