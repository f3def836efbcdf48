"""Scores of symbols from stored bars: the one way from candles to numbers, for the scan and for every request."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING, Any

from engine.score import Levels, Policy, SymbolScore, TimeframeScore, combine, components_json, consensus
from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market.models import Instrument, Series
from market.windows import Cuts, NoScore, Windows

if TYPE_CHECKING:
    from engine.steps import Steps


@dataclass(frozen=True)
class SeriesResult:
    """One series at one close: its score, the bars behind it and the detectors' evidence."""

    score: TimeframeScore
    window: Window
    said: Any  # engine.steps.Said, which a process that never scores does not load

    @cached_property
    def reasons(self) -> list[str]:
        """One sentence for each detector that is installed."""
        from engine import explain

        return explain.reasons(self.said)


@dataclass(frozen=True)
class SymbolResult:
    """One symbol at one close. ``score`` is None when too few timeframes have one; ``skipped`` says why."""

    instrument: Instrument
    as_of: int
    score: SymbolScore | None
    series: dict[str, SeriesResult]
    skipped: dict[str, NoScore]

    @property
    def price(self) -> float:
        """Close of the smallest scored timeframe, quote asset."""
        smallest = min(self.series, key=INTERVAL_MS.__getitem__)
        return float(self.series[smallest].window.values[3, -1])

    @property
    def symbol(self) -> str:
        return self.instrument.symbol


def score_symbols(
    wanted: Sequence[tuple[Instrument, int, Sequence[Series]]],
    timeframes: Sequence[str],
    policy: Policy,
    windows: Cuts,
    steps: "Steps | None" = None,
) -> list[SymbolResult]:
    """Score each instrument at its close; ``windows`` hold the bars of its series. All series in one engine call.

    ``steps``: of earlier calls with the same windows; a bar that only follows then costs little.
    """
    from engine.steps import Followed, Steps

    cuts = {
        (instrument.pk, one.timeframe): (one, windows.cut(one, as_of))
        for instrument, as_of, series in wanted
        for one in series
    }
    ready: dict[Hashable, Followed] = {
        key: Followed(window, (windows.mark(one), int(window.open_times[0])))
        for key, (one, window) in cuts.items()
        if isinstance(window, Window)
    }
    said = (steps or Steps()).scan(ready)
    results = []
    for instrument, as_of, _ in wanted:
        scored: dict[str, SeriesResult] = {}
        skipped: dict[str, NoScore] = {}
        for timeframe in timeframes:
            key = (instrument.pk, timeframe)
            if key not in cuts:
                skipped[timeframe] = NoScore("unavailable", f"{instrument.symbol} has no {timeframe} candles")
                continue
            _, cut = cuts[key]
            if isinstance(cut, NoScore):
                skipped[timeframe] = cut
            else:
                scored[timeframe] = SeriesResult(_combined(said[key], cut, policy), cut, said[key])
        score = consensus({t: r.score for t, r in scored.items()}, timeframes, policy)
        results.append(SymbolResult(instrument, as_of, score, scored, skipped))
    return results


def _combined(said: Any, window: Window, policy: Policy) -> TimeframeScore:
    levels = Levels(float(window.values[3, -1]), exp(said.swing_low), exp(said.swing_high))
    return combine(said.score, said.confidence, said.atr, said.atr_rank, policy, levels)


def components(result: SeriesResult) -> list[dict[str, float | str]]:
    """Return a series' components as the wire has them, each with its reason."""
    return components_json(result.score.parts, result.reasons)


def record(result: SymbolResult) -> dict[str, dict[str, Any]]:
    """Return what a signal stores of each timeframe: numbers, reasons, and the bars they came from."""
    return {
        timeframe: {
            "score": one.score.score,
            "confidence": one.score.confidence,
            "components": components(one),
            "first_open": int(one.window.open_times[0]),
            "last_open": int(one.window.open_times[-1]),
            "count": len(one.window.open_times),
            "digest": one.window.digest(),
        }
        for timeframe, one in result.series.items()
    }


def newest_close(series: Sequence[Series], windows: Windows, now: int) -> int | None:
    """Return the latest close (ms, at ``now`` or before) of any of a symbol's series, or None without bars."""
    closes = [close for one in series if (close := windows.newest_close(one, now)) is not None]
    return max(closes, default=None)
