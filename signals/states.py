"""What each series' last closed bar says: stored by the scan, so that a score needs neither candles nor numba.

A score under any preset or weights is the ordered weighted sum of these values (``engine.score.combine``), the very
sum of the scan. A series that the scan does not keep current is computed by ``settings.SCORE_UNWATCHED``: here, or by
a worker.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from engine.catalogue import DETECTORS
from engine.score import Policy, TimeframeScore, combine
from engine.timeframes import INTERVAL_MS
from market.among import Among
from market.models import CandleRevision, Market, Series
from market.windows import NoScore, Windows
from signals.models import SeriesState
from signals.scoring import SeriesResult, SymbolResult, score_symbols

# What a state holds depends on no policy; the scoring of symbols wants one.
ANY_POLICY = Policy(dict.fromkeys(DETECTORS, 1.0), act=0.5, min_confidence=0.0)
NOTHING: Mapping[int, int] = {}
COLUMNS = ("close", "revision", "price", "values", "reasons", "no_score", "detail")
SAVE = """
INSERT INTO signals_seriesstate (series_id, close, revision, price, "values", reasons, no_score, detail)
SELECT (r->>0)::bigint, (r->>1)::bigint, (r->>2)::bigint, (r->>3)::float8, decode(r->>4, 'base64'), r->5, r->>6, r->>7
FROM jsonb_array_elements(%s::jsonb) AS r
ON CONFLICT (series_id) DO UPDATE SET close = EXCLUDED.close, revision = EXCLUDED.revision, price = EXCLUDED.price,
"values" = EXCLUDED."values", reasons = EXCLUDED.reasons, no_score = EXCLUDED.no_score, detail = EXCLUDED.detail
"""


def scored(one: Series, result: SeriesResult) -> SeriesState:
    """Return the state of a series that has a score."""
    part, close = result.score, int(result.window.open_times[-1]) + one.interval_ms
    state = SeriesState(series=one, close=close)
    installed = part.parts[: len(DETECTORS)]  # behind them: weighed by the preset, but not installed
    said = [p.score for p in installed], [p.confidence for p in installed]
    state.put(*said, part.atr, part.atr_rank, part.levels)
    state.reasons = result.reasons
    return state


def unscored(one: Series, close: int, none: NoScore) -> SeriesState:
    """Return the state of a series that has no score, and why; ``close`` is its last bar's, or 0."""
    return SeriesState(series=one, close=close, no_score=none.reason, detail=none.detail)


def of_result(
    result: SymbolResult, members: Sequence[Series], windows: Windows, told: Mapping[int, int] = NOTHING
) -> Iterator[SeriesState]:
    """Yield the states of a scored symbol's series, but of those whose newest close is in ``told``, by series id."""
    for one in members:
        close = windows.newest_close(one, result.as_of) or 0
        if told.get(one.pk) == close:
            continue
        if one.timeframe in result.series:
            yield scored(one, result.series[one.timeframe])
        else:
            yield unscored(one, close, result.skipped[one.timeframe])


def save(states: Sequence[SeriesState]) -> None:
    """Store states over the series' former ones."""
    if connection.vendor == "postgresql":
        _save_as_json(states)
        return
    SeriesState.objects.bulk_create(
        states, 500, update_conflicts=True, unique_fields=["series"], update_fields=list(COLUMNS)
    )


def _save_as_json(states: Sequence[SeriesState]) -> None:
    """Send all rows as one JSON text: quoting every sentence for itself took longer than scoring the series."""
    rows = [
        [s.pk, s.close, s.revision, s.price, b64encode(s.values).decode(), s.reasons, s.no_score, s.detail]
        for s in states
    ]
    with connection.cursor() as cursor:
        cursor.execute(SAVE, [json.dumps(rows)])


def score_of(state: SeriesState, policy: Policy) -> TimeframeScore:
    """Return the score of a state under a policy, in the bits of the scan."""
    scores, confidences, atr, atr_rank, levels = state.get()
    return combine(scores, confidences, atr, atr_rank, policy, levels)


def states_at(market: Market, series: Sequence[Series], now: int) -> dict[int, SeriesState]:
    """Return the state of each series at market time ``now`` (ms) by its id: stored, else computed.

    Raises StillLoading when a worker needs more time.
    """
    stored = list(SeriesState.objects.filter(Among("series_id", (one.pk for one in series))))
    corrected = _corrections(market, stored)
    # Current: scored at the newest close that there can be. Anything older may have been overtaken.
    newest = {one.pk: now // one.interval_ms * one.interval_ms for one in series}
    current = {s.pk: s for s in stored if s.close == newest[s.pk] and corrected.get(s.pk, 0) <= s.revision}
    others = [one for one in series if one.pk not in current]
    if others:
        compute: Callable[[list[Series], int], Iterable[SeriesState]] = import_string(settings.SCORE_UNWATCHED)
        current |= {state.series_id: state for state in compute(others, now)}
    return current


def _corrections(market: Market, states: Sequence[SeriesState]) -> dict[int, int]:
    """Return by series id the number of the last correction that one of the states may not have seen."""
    seen = min((state.revision for state in states), default=market.corrections)
    if seen >= market.corrections:
        return {}
    return {series: number for number, series in CandleRevision.objects.behind(market.pk, seen)}


def computed(series: Sequence[Series], now: int, windows: Windows | None = None) -> list[SeriesState]:
    """Return states computed here and now from stored bars; ``windows`` may hold some of them already."""
    windows = windows or Windows()
    windows.refresh(series, now)
    members: dict[int, list[Series]] = {}
    for one in series:
        members.setdefault(one.instrument_id, []).append(one)
    asked = [(ones[0].instrument, now, ones) for ones in members.values()]
    timeframes = sorted({one.timeframe for one in series}, key=INTERVAL_MS.__getitem__)
    results = score_symbols(asked, timeframes, ANY_POLICY, windows)
    return [state for result in results for state in of_result(result, members[result.instrument.pk], windows)]


class StillLoading(Exception):
    """A worker has the series under way: ask again."""


def to_json(state: SeriesState) -> dict[str, Any]:
    """Return a state as a task's result carries it: floats as JSON writes them come back bit for bit."""
    return {"series": state.pk, **{name: getattr(state, name) for name in COLUMNS if name != "values"}} | {
        "values": list(state.get_all())
    }


def from_json(data: Mapping[str, Any]) -> SeriesState:
    """Return the state that ``to_json`` wrote."""
    state = SeriesState(series_id=data["series"], **{n: data[n] for n in COLUMNS if n != "values"})
    state.put_all(data["values"])
    return state
