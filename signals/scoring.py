"""Scores of symbols from stored bars: the one way from candles to numbers, for the scan and for every request."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

from engine.score import Levels, Policy, SymbolScore, TimeframeScore, combine, components_json, consensus
from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market.models import Instrument, Series
from market.windows import Cuts, NoScore, Windows


@dataclass(frozen=True)
class SeriesResult:
    """One series at one close: its score, the bars behind it and the detectors' evidence."""

    score: TimeframeScore
    window: Window
    evidence: Any  # engine.evidence.Evidence, which a process that never scores does not load


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
) -> list[SymbolResult]:
    """Score each instrument at its close; ``windows`` hold the bars of its series. All series in one engine call."""
    from engine.evidence import scan

    cuts = {
        (instrument.pk, one.timeframe): windows.cut(one, as_of)
        for instrument, as_of, series in wanted
        for one in series
    }
    ready = {key: window for key, window in cuts.items() if isinstance(window, Window)}
    evidence = dict(zip(ready, scan(list(ready.values()), explain=True), strict=True))
    results = []
    for instrument, as_of, _ in wanted:
        scored: dict[str, SeriesResult] = {}
        skipped: dict[str, NoScore] = {}
        for timeframe in timeframes:
            key = (instrument.pk, timeframe)
            cut = cuts.get(key) or NoScore("unavailable", f"{instrument.symbol} has no {timeframe} candles")
            if isinstance(cut, NoScore):
                skipped[timeframe] = cut
            else:
                scored[timeframe] = SeriesResult(
                    _combined(evidence[key], ready[key], policy), ready[key], evidence[key]
                )
        score = consensus({t: r.score for t, r in scored.items()}, timeframes, policy)
        results.append(SymbolResult(instrument, as_of, score, scored, skipped))
    return results


def _combined(evidence: Any, window: Window, policy: Policy) -> TimeframeScore:
    return combine(
        evidence.score[:, 0, 0].tolist(),
        evidence.confidence[:, 0, 0].tolist(),
        float(evidence.atr[0, 0]),
        float(evidence.atr_rank[0, 0]),
        policy,
        Levels(float(window.values[3, -1]), exp(evidence.swing_low[0, 0]), exp(evidence.swing_high[0, 0])),
    )


def components(result: SeriesResult) -> list[dict[str, float | str]]:
    """Return a series' components as the wire has them, each with its reason."""
    return components_json(result.score.parts, reasons(result))


def reasons(result: SeriesResult) -> list[str]:
    """Return one sentence for each detector that is installed."""
    from engine import explain

    return explain.reasons(result.evidence)


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
