"""The record: hit rates and expectancy of outcomes, each beside random entries on the same bars.

A hit is a result above 0 after fees. Outcomes overlap in time and across symbols, so they are fewer independent ones
than their count: the interval is the least doubt there is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.window import Window
from market.candles import read_candles
from market.models import Series
from signals.outcomes.models import Outcome

FEWEST = 30  # outcomes: under it a percentage says more about luck than about signals
# Ten bins of 700: the error of a perfect forecaster is then about 0.014, half of the 0.03 that is asked for.
FEWEST_CALIBRATED = 7000
DRAWS = 20  # random entries an outcome
MOST_DRAWS = 20_000
BUCKETS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of a score in the direction of its signal

FloatArray = npt.NDArray[np.float64]


class Ended(NamedTuple):
    """One outcome that counts. baseline_*: means over its random entries, NaN without any."""

    row: Outcome
    r: float
    percent: float
    baseline_hit: float
    baseline_r: float


def ended(rows: Sequence[Outcome], fee: float | None = None) -> list[Ended]:
    """Return ``rows`` (ended ones, with series and signal) with results after ``fee``, by default their own."""
    found: dict[Any, Ended] = {}
    for members in _by_series(rows).values():
        bars = _bars(members)
        draws = max(1, min(DRAWS, MOST_DRAWS // len(rows)))
        for row in members:
            own = row.fee if fee is None else fee
            r, percent = result(row, own)
            drawn = _random_r(row, bars, own, draws)
            known = drawn[np.isfinite(drawn)]
            share, mean = (float(np.mean(known > 0.0)), float(np.mean(known))) if len(known) else (np.nan, np.nan)
            found[row.pk] = Ended(row, r, percent, share, mean)
    return [found[row.pk] for row in rows]


def result(row: Outcome, fee: float) -> tuple[float, float]:
    """Return an ended outcome's result after ``fee`` of each fill, in R and percent."""
    assert row.entry is not None and row.exit is not None and row.stop is not None
    gained = row.side * (row.exit - row.entry) - fee * (row.entry + row.exit)
    return gained / abs(row.entry - row.stop), 100.0 * gained / row.entry


def _by_series(rows: Sequence[Outcome]) -> dict[int, list[Outcome]]:
    found = defaultdict(list)
    for row in rows:
        found[row.series_id].append(row)
    return found


def _bars(rows: Sequence[Outcome]) -> Window:
    """Return the bars of one series from the first entry among ``rows`` to the last end."""
    series: Series = rows[0].series
    first, last = min(row.entered_at or 0 for row in rows), max(row.known_at or 0 for row in rows)
    return read_candles([series], first, last)[series.pk]


def _random_r(row: Outcome, bars: Window, fee: float, draws: int) -> FloatArray:
    """Return what random entries on the same bars became: same side, stop, target, horizon and costs, (draws,) R.

    Drawn from the signal's id, so the answer is the same each time; NaN where the bars end first.
    """
    from engine.outcomes import Course, follow_all  # brings numba

    generator = np.random.default_rng(row.signal_id.int)
    first = generator.integers(0, len(bars.open_times), draws)
    opened, high, low = (np.ascontiguousarray(values) for values in bars.values[:3])
    side, atr = np.full(draws, float(row.side)), np.full(draws, row.signal.atr)
    course = Course(row.stop_atr, row.target_r, row.horizon, fee, row.slippage)
    return follow_all((opened, high, low), first, side, atr, course).r


def summary(rows: Sequence[Ended]) -> dict[str, Any]:
    """Return count, hits, hit rate with its 95 % Wilson interval, expectancy, and the baseline's; few: no numbers."""
    from engine.calibration import wilson

    count, hits = len(rows), sum(one.r > 0.0 for one in rows)
    if count < FEWEST:
        empty = dict.fromkeys(("hit_rate", "interval", "expectancy_r", "expectancy_percent", "baseline"))
        return {"count": count, "hits": hits, "status": "insufficient", **empty}
    return {
        "count": count,
        "hits": hits,
        "status": "ok",
        "hit_rate": hits / count,
        "interval": list(wilson(hits, count)),
        "expectancy_r": float(np.mean([one.r for one in rows])),
        "expectancy_percent": float(np.mean([one.percent for one in rows])),
        "baseline": _baseline(rows),
    }


def _baseline(rows: Sequence[Ended]) -> dict[str, float] | None:
    drawn = [one for one in rows if np.isfinite(one.baseline_r)]
    if not drawn:
        return None
    hit, r = ([one.baseline_hit for one in drawn], [one.baseline_r for one in drawn])
    return {"hit_rate": float(np.mean(hit)), "expectancy_r": float(np.mean(r))}


def groups(rows: Sequence[Ended]) -> dict[str, list[dict[str, Any]]]:
    """Return the summaries by detector, preset, symbol, timeframe and score bucket, each ``{"key", …}``.

    An outcome counts for each detector and timeframe whose score had the signal's direction.
    """
    return {name: _grouped(rows, keys_of) for name, keys_of in KEYS.items()}


def bucket(score: float, side: int) -> str:
    """Return the bucket of a score, mirrored for a bearish signal: 0.62 and 0.38 are both 0.6-0.7."""
    strength = 0.5 + side * (score - 0.5)
    at = min(max(int(np.searchsorted(BUCKETS, strength, side="right")) - 1, 0), len(BUCKETS) - 2)
    return f"{BUCKETS[at]:.1f}-{BUCKETS[at + 1]:.1f}"


KEYS: dict[str, Any] = {
    "detector": lambda row: row.detectors,
    "preset": lambda row: [row.signal.preset_version.preset.name],
    "symbol": lambda row: [row.signal.instrument.symbol],
    "timeframe": lambda row: row.timeframes,
    "score": lambda row: [bucket(row.signal.score, row.side)],
}


def _grouped(rows: Sequence[Ended], keys_of: Any) -> list[dict[str, Any]]:
    found = defaultdict(list)
    for one in rows:
        for key in keys_of(one.row):
            found[key].append(one)
    return [{"key": key, **summary(found[key])} for key in sorted(found)]


def reliability(pairs: Iterable[tuple[float, bool]]) -> dict[str, Any]:
    """Return the reliability table, Brier score and calibration error of probabilities that were said beforehand."""
    from engine import calibration

    said = np.array(list(pairs), dtype=np.float64).reshape(-1, 2)
    p, came = said[:, 0], said[:, 1]
    answer: dict[str, Any] = {"count": len(p), "status": "insufficient", "bins": []}
    answer |= dict.fromkeys(("brier", "brier_of_mean", "calibration_error", "error_of_perfect"))
    if len(p) >= FEWEST * calibration.BINS:
        answer["bins"] = [one._asdict() for one in calibration.reliability(p, came)]
        answer["brier"] = calibration.brier(p, came)
        answer["brier_of_mean"] = calibration.brier(np.full(len(p), came.mean()), came)
    if len(p) >= FEWEST_CALIBRATED:
        answer["status"] = "ok"
        answer["calibration_error"] = calibration.calibration_error(calibration.reliability(p, came))
        answer["error_of_perfect"] = calibration.error_of_perfect(p)
    return answer
