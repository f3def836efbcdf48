"""Following open outcomes on candles that have closed since. Running it twice, or after a restart, changes nothing."""

from collections import defaultdict
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from engine.window import Window
from market.candles import read_candles
from market.holes import HoleSpan, gaps
from market.models import Hole, Instrument, Series
from market.updating import update_each
from market.windows import hole_reason
from signals.outcomes.calibrating import refit
from signals.outcomes.models import Outcome

if TYPE_CHECKING:
    from engine.outcomes import Course, Position

BATCH = 2000  # outcomes at a time
GIVE_UP = 2  # horizons without the next bar: it will not come
CHANGED = ["awaits", "how", "entry", "stop", "target", "entered_at", "exit"]
CHANGED += ["known_at", "bars", "best", "worst", "r", "percent"]


@transaction.atomic
def follow(instruments: list[Instrument], now: int) -> int:
    """Take the open outcomes of ``instruments`` as far as candles closed at ``now`` (ms) go; return how many ended."""
    due = (
        Outcome.objects.due(instruments, now).select_related("series__instrument", "signal").defer("signal__timeframes")
    )
    rows = list(due.select_for_update(of=("self",)).order_by("awaits", "signal")[:BATCH])
    if not rows:
        return 0
    for members in _together(rows).values():
        _advance_all(members, now)
    update_each(rows, CHANGED)
    ended = [row for row in rows if row.how in Outcome.ENDED]
    if ended:
        refit({(row.signal.preset_version_id, row.basis) for row in ended}, rows[0].series.instrument.market_id, now)
    return sum(row.how != Outcome.How.OPEN for row in rows)


def _together(rows: list[Outcome]) -> dict[tuple[str, int], list[Outcome]]:
    """Return the rows that await the same bar of one timeframe: their candles are read at once."""
    found = defaultdict(list)
    for row in rows:
        found[row.series.timeframe, row.awaits].append(row)
    return found


def _advance_all(rows: list[Outcome], now: int) -> None:
    series = {row.series_id: row.series for row in rows}
    interval = rows[0].series.interval_ms
    since = rows[0].awaits - interval
    bars = read_candles(list(series.values()), since, now - interval + 1)
    known = {pk: _certain(one, bars[pk], since) for pk, one in series.items() if pk in bars}
    for row in rows:
        if row.series_id in known:
            advance(row, known[row.series_id])
        _give_up(row, now)


def _certain(series: Series, bars: Window, since: int) -> Window:
    """Return the bars up to the first hole that may still be filled."""
    interval = series.interval_ms
    missing = gaps(np.append(since - interval, bars.open_times), interval)
    if not missing:
        return bars
    near = Hole.objects.filter(series=series, end__gt=since).values_list("start", "end", "reason")
    holes = [HoleSpan(*hole) for hole in near]
    for start, end in missing:
        if (hole_reason(holes, start, end) or Hole.Reason.MISSING) == Hole.Reason.MISSING:
            return bars.between(since, start)
    return bars


def advance(row: Outcome, bars: Window) -> None:
    """Take one outcome through ``bars``, oldest first, the first being the one it awaits or a later one."""
    from engine import outcomes  # brings numba

    interval, course = row.series.interval_ms, _course(row)
    position = _position(row)
    for open_time, opened, high, low in zip(bars.open_times.tolist(), *bars.values[:3].tolist(), strict=True):
        if position is None:
            position, row.entered_at = outcomes.enter(float(row.side), opened, row.signal.atr, course), open_time
        position = outcomes.follow(position, opened, high, low, course)
        row.awaits = open_time + 2 * interval
        if position.how != outcomes.FOLLOWED:
            row.known_at = open_time + interval
            break
    if position is not None:
        _put(row, position)


def _course(row: Outcome) -> "Course":
    from engine.outcomes import Course

    return Course(row.stop_atr, row.target_r, row.horizon, row.fee, row.slippage)


def _position(row: Outcome) -> "Position | None":
    from engine.outcomes import FOLLOWED, Position

    if row.entry is None or row.stop is None:
        return None
    target = nan if row.target is None else row.target
    return Position(float(row.side), row.entry, row.stop, target, row.best, row.worst, row.bars, FOLLOWED, nan)


def _put(row: Outcome, position: "Position") -> None:
    from engine.outcomes import FOLLOWED, OUTCOMES, earned, result_r

    row.entry, row.stop = position.entry, position.stop
    row.target = None if isnan(position.target) else position.target
    row.best, row.worst, row.bars, row.how = position.best, position.worst, position.bars, OUTCOMES[position.how]
    if position.how != FOLLOWED:
        row.exit, row.r = position.exit, result_r(position, row.fee)
        row.percent = 100.0 * earned(position, row.fee) / position.entry


def _give_up(row: Outcome, now: int) -> None:
    """End without a result what awaits a bar that will not come."""
    interval, ended_at = row.series.interval_ms, row.series.ended_at
    over = ended_at is not None and row.awaits > ended_at
    if row.how == Outcome.How.OPEN and (over or now - row.awaits > GIVE_UP * row.horizon * interval):
        row.how = Outcome.How.VOID
