"""Scores on demand: one series, or a ranked scan, from stored bars at the market's present time."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import expm1
from typing import Any

from engine.catalogue import DETECTORS
from engine.score import Policy, advice_of, direction_of, risk_level_of
from engine.timeframes import INTERVAL_MS, shares
from market.models import Instrument, Market, Series
from market.windows import NoScore, Windows
from presets.models import PresetVersion
from signals.scoring import SymbolResult, components, newest_close, score_symbols


def policy_of(preset: PresetVersion, weights: dict[str, float] | None, min_confidence: float | None = None) -> Policy:
    """Return a preset's policy, with other weights or another min_confidence if given."""
    policy = preset.policy()
    if weights is not None:
        policy = replace(policy, weights=weights)
    return policy if min_confidence is None else replace(policy, min_confidence=min_confidence)


def scan(
    market: Market, instruments: Sequence[Instrument], timeframes: Sequence[str], policy: Policy
) -> list[SymbolResult]:
    """Score each instrument at its newest close."""
    series: dict[int, list[Series]] = {instrument.pk: [] for instrument in instruments}
    wanted = Series.objects.filter(instrument__in=instruments, timeframe__in=timeframes)
    for one in wanted.select_related("instrument"):
        series[one.instrument_id].append(one)
    now = market.position or 0
    windows = Windows()
    windows.refresh([one for members in series.values() for one in members], now)
    # At the market's time, not at each symbol's last bar: what has gone silent is stale.
    asked = [(instrument, now, series[instrument.pk]) for instrument in instruments]
    results = score_symbols(asked, timeframes, policy, windows)
    return [
        replace(result, as_of=newest_close(series[result.instrument.pk], windows, now) or now) for result in results
    ]


def score_json(result: SymbolResult, timeframe: str, policy: Policy, preset: PresetVersion) -> dict[str, Any]:
    """Return one series' Score of the contract."""
    one = result.series[timeframe]
    return {
        "symbol": result.symbol,
        "timeframe": timeframe,
        "score": one.score.score,
        "direction": direction_of(one.score.score, policy),
        "confidence": one.score.confidence,
        "advice": advice_of(one.score.score, one.score.confidence, policy),
        "risk_level": risk_level_of(one.score.atr_rank, policy),
        "price": float(one.window.values[3, -1]),
        "candle_ts": int(one.window.open_times[-1]),
        "preset": preset.preset.name,
        "preset_version": preset.version,
        "components": components(one),
    }


def scan_json(results: Sequence[SymbolResult], started: float, preset: str, rules: dict[str, float]) -> dict[str, Any]:
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


def _distance(result: SymbolResult) -> float:
    return abs(result.score.score - 0.5) if result.score else 0.0


def _passes(result: SymbolResult, rules: dict[str, float]) -> bool:
    if result.score is None:
        return False
    far_enough = _distance(result) >= rules.get("min_score", 0.5) - 0.5
    return far_enough and result.score.confidence >= rules.get("min_confidence", 0.0)


def _skipped(symbol: str, timeframe: str, none: NoScore) -> dict[str, str]:
    return {"symbol": symbol, "timeframe": timeframe, "reason": none.reason, "detail": none.detail}


def item(rank: int, result: SymbolResult) -> dict[str, Any]:
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
        "risk": risk_json(score.atr, score.atr_rank),
        "risk_level": score.risk_level,
        "consensus": score.consensus,
        "timeframes": {t: one.score for t, one in score.timeframes.items()},
        "components": _symbol_components(result),
        "as_of": result.as_of,
    }


def risk_json(atr: float, atr_rank: float) -> dict[str, float]:
    """Return the risk of the contract; atr_pct is the average true range in percent of the price."""
    return {"atr_pct": 100.0 * expm1(atr), "volatility_percentile": atr_rank}


def _symbol_components(result: SymbolResult) -> dict[str, float]:
    """Return each detector's s x c over the timeframes by their share, on 0..1 (0.5: silent or neutral)."""
    assert result.score is not None
    configured = [*result.score.timeframes, *result.score.missing]
    share = shares(configured)
    lean = dict.fromkeys(DETECTORS, 0.0)
    for timeframe, one in result.score.timeframes.items():
        for part in one.parts:
            lean[part.name] += share[timeframe] * part.score * part.confidence
    return {name: 0.5 + 0.5 * value for name, value in lean.items()}


def ordered(timeframes: Sequence[str]) -> list[str]:
    """Return timeframes shortest first, each once."""
    return sorted(set(timeframes), key=INTERVAL_MS.__getitem__)
