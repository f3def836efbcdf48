"""The signals of a symbol's past: what live would have stored with the same rules, timeframes and ticks."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from backtest.candles import History
from engine.decisions import Decisions, Scores, decide_history, score_series
from engine.evidence import history
from engine.rules import Rules
from engine.score import Policy
from engine.timeframes import INTERVAL_MS
from market.scoreable import scoreable
from market.windows import STALE_INTERVALS

IntArray = npt.NDArray[np.int64]

THREADS = min(os.cpu_count() or 1, 2)  # of one backtest: somebody else may want the other cores


def scores_of(past: History, timeframe: str, policy: Policy) -> Scores:
    """Return the score of every closed bar of one series."""
    interval, times = INTERVAL_MS[timeframe], past.window.open_times
    if not len(times):
        return Scores(times, *np.empty((5, 0)))
    rows, evidence = history(past.window, interval, THREADS)
    usable = scoreable(times, past.holes, past.first_open, interval)
    return score_series(times, interval, rows, evidence, usable, policy)


def decisions_of(
    pasts: Mapping[str, History], policy: Policy, rules: Rules, start: int, end: int, scan_interval_ms: int
) -> Decisions:
    """Return a symbol's decisions as of closes in (start, end], ms; ``pasts`` by timeframe, all that are configured."""
    scores = {timeframe: scores_of(past, timeframe, policy) for timeframe, past in pasts.items()}
    return decide(pasts, scores, policy, rules, start, end, scan_interval_ms)


def decide(
    pasts: Mapping[str, History],
    scores: Mapping[str, Scores],
    policy: Policy,
    rules: Rules,
    start: int,
    end: int,
    scan_interval_ms: int,
) -> Decisions:
    """Return the decisions that ``scores`` (by timeframe) lead to."""
    closes = merged([one.closes for one in scores.values()])
    within = closes[np.searchsorted(closes, start, "right") : np.searchsorted(closes, end, "right")]
    as_of = seen_at_ticks(within, end, min(INTERVAL_MS[t] for t in pasts), scan_interval_ms)
    # A series that is over counts no longer than its last bar; see market.windows.cut.
    valid = {t: INTERVAL_MS[t] * (STALE_INTERVALS if one.ended_at is None else 1) for t, one in pasts.items()}
    return decide_history(as_of, scores, valid, policy, rules)


def merged(times: Sequence[IntArray]) -> IntArray:
    """Return the times, each rising, as one array that rises."""
    return times[0] if len(times) == 1 else np.unique(np.concatenate(times))


def seen_at_ticks(closes: IntArray, end: int, grid_ms: int, scan_interval_ms: int) -> IntArray:
    """Return the closes (ms, rising) that a tick up to ``end`` sees as the newest one.

    Market time moves on a grid of the smallest timeframe; the first point at or behind each multiple of the scan
    interval is a tick. With an interval up to the grid's every close is seen.
    """
    if scan_interval_ms <= grid_ms or not len(closes):
        return closes
    multiple = ((closes - grid_ms) // scan_interval_ms + 1) * scan_interval_ms
    tick = -(-multiple // grid_ms) * grid_ms
    return closes[np.append(tick[1:] != tick[:-1], True) & (tick <= end)]
