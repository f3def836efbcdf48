"""Probabilities from past outcomes: fitted as they become known, used only for signals behind them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from signals.outcomes.models import Calibration, Outcome

if TYPE_CHECKING:
    from signals.models import Signal

FloatArray = npt.NDArray[np.float64]

FEWEST = 2000  # outcomes: they overlap and move together, and fewer know one mood of the market only
# Part of the fit's distance from the mean that is believed. Overlapping outcomes are fewer independent ones than their
# count, so a plain fit promises too much at both ends; docs/record.md has what other values came to.
BELIEVED = 0.5
GROWTH = 1.1  # a new fit when there are a tenth more outcomes


def refit(groups: Iterable[tuple[int, str]], market_id: int, now: int) -> None:
    """Fit the (preset version, timeframes) of ``groups`` anew where enough outcomes have come in. now: ms."""
    for preset_id, basis in groups:
        own = Outcome.objects.ended().filter(
            signal__preset_version=preset_id, basis=basis, series__instrument__market=market_id, known_at__lte=now
        )
        fits = Calibration.objects.filter(market=market_id, preset_version=preset_id, basis=basis)
        newest = fits.order_by("-known_until").first()
        if own.count() >= max(FEWEST, GROWTH * newest.count if newest else 0):
            _fit(
                own.values_list("signal__score", "r"),
                Calibration(market_id=market_id, preset_version_id=preset_id, basis=basis, known_until=now),
            )


def _fit(pairs: "Iterable[tuple[float, float | None]]", empty: Calibration) -> None:
    score, r = np.array(list(pairs), dtype=np.float64).T
    hit = (r > 0.0).astype(np.float64)
    edges, values = fitted(np.abs(score - 0.5), hit)
    empty.count, empty.hits = len(hit), int(hit.sum())
    empty.edges, empty.values = edges.tolist(), values.tolist()
    Calibration.objects.bulk_create([empty], ignore_conflicts=True)


def fitted(distance: FloatArray, hit: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (edges, values) of the isotonic fit of hits (0 or 1) by a score's distance from 0.5, drawn to its mean."""
    from engine.calibration import isotonic  # brings numba

    fit = isotonic(distance, hit)
    mean = float(hit.mean())
    return fit.edges, mean + BELIEVED * (fit.values - mean)


def set_probabilities(signals: list["Signal"], market_id: int) -> None:
    """Set the probability of each signal that has a direction and a fit known before it; the others keep None."""
    fits: dict[tuple[int, str, int], Calibration | None] = {}
    for signal in signals:
        if signal.direction == "NEUTRAL":
            continue
        key = (signal.preset_version_id, " ".join(signal.configured), signal.as_of)
        if key not in fits:
            fits[key] = known_fit(market_id, *key)
        fit = fits[key]
        signal.probability = fit.probability(signal.score) if fit else None


def known_fit(market_id: int, preset_id: int, basis: str, at: int) -> Calibration | None:
    """Return the newest fit whose outcomes were all known at ``at`` (ms)."""
    fits = Calibration.objects.filter(market=market_id, preset_version=preset_id, basis=basis, known_until__lte=at)
    return fits.order_by("-known_until").first()
