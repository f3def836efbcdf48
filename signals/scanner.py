"""Scores on demand: one series, or a ranked scan, from stored bars at the market's present time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import expm1
from typing import Any

from engine.catalogue import DETECTORS
from engine.score import (
    Policy,
    SymbolScore,
    TimeframeScore,
    advice_of,
    components_json,
    consensus,
    direction_of,
    lean_of,
    risk_of,
)
from engine.timeframes import INTERVAL_MS, shares
from market.models import Instrument, Market, Series
from market.windows import NoScore
from presets.models import PresetVersion
from signals.models import SeriesState
from signals.states import score_of, states_at


def policy_of(preset: PresetVersion, weights: dict[str, float] | None, min_confidence: float | None = None) -> Policy:
    """Return a preset's policy, with other weights or another min_confidence if given."""
    policy = preset.policy()
    if weights is not None:
        policy = replace(policy, weights=weights)
    return policy if min_confidence is None else replace(policy, min_confidence=min_confidence)


@dataclass(frozen=True)
class Scanned:
    """One symbol at the market's present time. ``score`` is None when too few timeframes have one."""

    instrument: Instrument
    as_of: int
    score: SymbolScore | None
    series: dict[str, TimeframeScore]
    states: dict[str, SeriesState]
    skipped: dict[str, NoScore]

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def price(self) -> float | None:
        """Close of the smallest scored timeframe, quote asset."""
        return self.states[min(self.series, key=INTERVAL_MS.__getitem__)].price


def scan(market: Market, instruments: Sequence[Instrument], timeframes: Sequence[str], policy: Policy) -> list[Scanned]:
    """Score each instrument at the market's time, not at its last bar: what has gone silent is stale.

    Raises StillLoading when a worker needs more time for what the agent does not watch.
    """
    wanted = Series.objects.filter(instrument__in=instruments, timeframe__in=timeframes).select_related("instrument")
    series = list(wanted)
    now = market.position or 0
    if market.blocked:
        reason = NoScore("clock", market.blocked)
        return [Scanned(one, now, None, {}, {}, dict.fromkeys(timeframes, reason)) for one in instruments]
    states = states_at(market, series, now)
    by_symbol: dict[int, dict[str, SeriesState]] = {instrument.pk: {} for instrument in instruments}
    for one in series:
        by_symbol[one.instrument_id][one.timeframe] = states[one.pk]
    return [_scanned(one, by_symbol[one.pk], timeframes, policy, now) for one in instruments]


def _scanned(
    instrument: Instrument, states: dict[str, SeriesState], timeframes: Sequence[str], policy: Policy, now: int
) -> Scanned:
    absent = NoScore("unavailable", f"{instrument.symbol} has no candles of this timeframe")
    scored = {t: score_of(states[t], policy) for t in timeframes if t in states and not states[t].no_score}
    skipped = {
        t: NoScore(states[t].no_score, states[t].detail) if t in states else absent
        for t in timeframes
        if t not in scored
    }
    as_of = max((state.close for state in states.values()), default=0) or now
    return Scanned(instrument, as_of, consensus(scored, timeframes, policy), scored, states, skipped)


def score_json(result: Scanned, timeframe: str, policy: Policy, preset: PresetVersion) -> dict[str, Any]:
    """Return one series' Score of the contract."""
    one, state = result.series[timeframe], result.states[timeframe]
    return {
        "symbol": result.symbol,
        "timeframe": timeframe,
        "score": one.score,
        "direction": direction_of(one.score, policy),
        "confidence": one.confidence,
        "advice": advice_of(one.score, one.confidence, policy),
        "risk_level": risk_of([one], [1.0], lean_of(one.score, policy.band), policy).level,
        "price": state.price,
        "candle_ts": state.close - INTERVAL_MS[timeframe],
        "preset": preset.preset.name,
        "preset_version": preset.version,
        "components": components_json(one.parts, state.reasons),
    }


def scan_json(results: Sequence[Scanned], started: float, preset: str, rules: dict[str, float]) -> dict[str, Any]:
    """Return a ScannerResponse: every symbol that has a score, strongest first, and what was skipped and why."""
    strong = [(_distance(r), r) for r in results if _passes(r, rules)]
    ranked = sorted(strong, key=lambda pair: (-pair[0], pair[1].symbol))
    items = [item(rank, result) for rank, (_, result) in enumerate(ranked, start=1)]
    return {
        "results": items,
        "meta": {
            "scan_ms": round((time.perf_counter() - started) * 1000, 3),
            "symbols_scanned": len(results),
            "opportunities_found": sum(one["advice"] != "HOLD" for one in items),
            "skipped": [_skipped(r.symbol, t, none) for r in results for t, none in r.skipped.items()],
            "preset": preset,
        },
    }


def _distance(result: Scanned) -> float:
    return abs(result.score.score - 0.5) if result.score else 0.0


def _passes(result: Scanned, rules: dict[str, float]) -> bool:
    if result.score is None:
        return False
    far_enough = _distance(result) >= rules.get("min_score", 0.5) - 0.5
    return far_enough and result.score.confidence >= rules.get("min_confidence", 0.0)


def _skipped(symbol: str, timeframe: str, none: NoScore) -> dict[str, str]:
    return {"symbol": symbol, "timeframe": timeframe, "reason": none.reason, "detail": none.detail}


def item(rank: int, result: Scanned) -> dict[str, Any]:
    """Return a ScanItem."""
    score = result.score
    assert score is not None  # callers leave out what has no score
    return {
        "rank": rank,
        "symbol": result.symbol,
        "price": result.price,
        "final_score": score.score,
        "direction": score.direction,
        "confidence": score.confidence,
        "advice": score.advice,
        "risk": risk_json(score.atr, score.atr_rank, score.stop_distance, score.disagreement),
        "risk_level": score.risk_level,
        "consensus": score.consensus,
        "timeframes": {t: one.score for t, one in score.timeframes.items()},
        "components": _symbol_components(result),
        "as_of": result.as_of,
    }


def risk_json(
    atr: float, atr_rank: float, stop_distance: float | None, disagreement: float | None
) -> dict[str, float | None]:
    """Return a symbol's risk; ``atr`` in log units, as everywhere but on the wire."""
    return {
        "atr_pct": 100.0 * expm1(atr),
        "volatility_percentile": atr_rank,
        "stop_distance": stop_distance,
        "disagreement": disagreement,
    }


def _symbol_components(result: Scanned) -> dict[str, float]:
    """Return each detector's s x c over the timeframes by their share, on 0..1 (0.5: silent or neutral)."""
    assert result.score is not None
    configured = [*result.score.timeframes, *result.score.missing]
    share = shares(configured)
    lean = dict.fromkeys(DETECTORS, 0.0)
    for timeframe, one in result.score.timeframes.items():
        for part in one.parts[: len(DETECTORS)]:  # behind them: weighed, but not installed
            lean[part.name] += share[timeframe] * part.score * part.confidence
    return {name: 0.5 + 0.5 * value for name, value in lean.items()}


def ordered(timeframes: Sequence[str]) -> list[str]:
    """Return timeframes shortest first, each once."""
    return sorted(set(timeframes), key=INTERVAL_MS.__getitem__)
