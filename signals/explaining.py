"""Deriving a stored signal again from the stored candles and the preset version it used."""

from dataclasses import replace
from typing import Any

from django.db.models import Q

from engine.score import SymbolScore
from engine.version import scoring_version
from engine.window import Window
from market import side
from market.holes import HoleSpan
from market.models import Candle, Hole, Series
from market.revisions import known_then
from market.windows import NoScore, cut
from signals.models import Signal
from signals.planning import Account, account_of, plan_json
from signals.scoring import SymbolResult, record, score_symbols


def explain(signal: Signal) -> dict[str, Any]:
    """Return {"stored", "derived", "identical", "reason"}.

    identical is None where equality cannot be told: ``engine_changed`` (other code or libraries made the signal) or
    ``candles_pruned`` (its bars are no longer kept). False comes with ``differs``.
    """
    stored = _stored(signal)
    series = list(Series.objects.filter(instrument=signal.instrument).select_related("instrument"))
    if _pruned(signal, {one.timeframe: one for one in series}):
        return {"stored": stored, "derived": None, "identical": None, "reason": "candles_pruned"}
    result = derive(signal, series)
    derived = _derived(result, account_of(signal.plan))
    if signal.scoring_version != scoring_version():
        return {"stored": stored, "derived": derived, "identical": None, "reason": "engine_changed"}
    identical = stored == derived
    return {"stored": stored, "derived": derived, "identical": identical, "reason": None if identical else "differs"}


class PastWindows:
    """The bars that a signal was made from, as they were known then.

    What arrived later, or was corrected later, is left out; a timeframe that gave it no score gives none again.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal

    def cut(self, series: Series, as_of: int) -> Window | NoScore:
        """Return the window of ``series`` for ``as_of``, or why it has none."""
        used = self._signal.timeframes.get(series.timeframe)
        if used is None:
            return NoScore("unavailable", "the signal was made without it")
        holes = [HoleSpan(*hole) for hole in Hole.objects.filter(series=series).values_list("start", "end", "reason")]

        def window(bars: Window) -> Window | NoScore:
            return cut(series, bars, holes, as_of, beside)

        def recognise(bars: Window) -> bool:
            return isinstance(found := window(bars), Window) and found.digest() == used["digest"]

        start, end = used["first_open"], used["last_open"] + 1
        beside = side.beside(series.instrument_id, used["last_open"])
        return window(known_then(series, start, end, self._signal.created_at, recognise))


def derive(signal: Signal, series: list[Series]) -> SymbolResult:
    """Score the signal's symbol again at its close."""
    policy = replace(signal.preset_version.policy(), min_confidence=signal.min_confidence)
    asked = [(signal.instrument, signal.as_of, series)]
    return score_symbols(asked, signal.configured, policy, PastWindows(signal))[0]


def _pruned(signal: Signal, series: dict[str, Series]) -> bool:
    """Whether a bar that the signal used from the start of its window is no longer there."""
    first_bars = Q()
    for timeframe, used in signal.timeframes.items():
        if timeframe not in series:
            return True
        first_bars |= Q(series=series[timeframe], open_time=used["first_open"])
    return Candle.objects.filter(first_bars).count() < len(signal.timeframes)


def _stored(signal: Signal) -> dict[str, Any]:
    return {
        "score": signal.score,
        "confidence": signal.confidence,
        "consensus": signal.consensus,
        "direction": signal.direction,
        "advice": signal.advice,
        "risk_level": signal.risk_level,
        "atr": signal.atr,
        "atr_rank": signal.atr_rank,
        "stop_distance": signal.stop_distance,
        "disagreement": signal.disagreement,
        "plan": signal.plan,
        "price": signal.price,
        "timeframes": signal.timeframes,
    }


def _derived(result: SymbolResult, account: Account) -> dict[str, Any] | None:
    score: SymbolScore | None = result.score
    if score is None:
        return None
    return {
        "score": score.score,
        "confidence": score.confidence,
        "consensus": score.consensus,
        "direction": score.direction,
        "advice": score.advice,
        "risk_level": score.risk_level,
        "atr": score.atr,
        "atr_rank": score.atr_rank,
        "stop_distance": score.stop_distance,
        "disagreement": score.disagreement,
        "plan": plan_json(score, account),
        "price": result.price,
        "timeframes": record(result),
    }
