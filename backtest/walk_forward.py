"""Walk-forward: search weights on one stretch of the past, judge them on the next, move on.

The search ranks with products of arrays; what is judged comes from ``engine.decisions`` and ``engine.outcomes``, as
live, on bars that the search did not see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from backtest import reports
from backtest.candles import Source
from backtest.history import decide
from backtest.running import Result, Spec, Symbol, traded
from backtest.search import Found, Material, material, search, stability
from backtest.significance import Entries, Test, against_random, deflated_sharpe, shifted_r
from backtest.windows import Fold, folds
from engine.calibration import wilson
from engine.decisions import Decisions, score_series
from engine.outcomes import Course
from engine.plan import ENTER_LONG, Terms
from engine.rules import Rules
from engine.score import Policy
from engine.simulation import Costs
from engine.timeframes import INTERVAL_MS
from market.holes import gaps

LEVEL = 0.05
SHARE = 0.3  # of bars that ``act`` lets pass: with half of it windows hold too few trades to tell a planted edge
DRAWS = 1000
RISK = 0.01
COURSE = Course()

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Study:
    """What to walk through. start, end: ms. train, test, gap: bars; the gap at least the course's horizon."""

    symbols: tuple[str, ...]
    timeframe: str
    start: int
    end: int
    train: int = 2000
    test: int = 500
    gap: int = 25
    anchored: bool = False
    trials: int = 500
    seed: int = 0
    course: Course = COURSE
    capital: float = 10_000.0
    draws: int = DRAWS

    @property
    def interval(self) -> int:
        return INTERVAL_MS[self.timeframe]


class Step(NamedTuple):
    """One fold: who took part, what was found (None where nothing traded), the decisions and entries of the test."""

    fold: Fold
    members: list[str]
    found: Found | None
    decisions: dict[str, Decisions]
    entries: Entries | None


class Walk(NamedTuple):
    """A finished walk-forward. final: found on the last stretch as long as a training window, for what comes next."""

    study: Study
    steps: list[Step]
    test: Test
    hits: int
    equity: Result | None
    final: Found | None

    @property
    def edge(self) -> bool:
        """Whether entries out of sample earned something, and more than random ones at the 5 % level."""
        return self.test.trades > 0 and self.test.mean_r > 0.0 and self.test.p <= LEVEL


def walk(study: Study, source: Source, progress: Progress = lambda share: None) -> Walk:
    """Walk through the candles of ``source``. Raises ValueError for windows that do not fit or overlap."""
    require_gap(study)
    steps_of = list(
        folds(
            study.start,
            study.end,
            study.train * study.interval,
            study.test * study.interval,
            study.gap * study.interval,
            study.anchored,
        )
    )
    generator = np.random.default_rng(study.seed)
    found = []
    for i, name in enumerate(study.symbols):
        progress(0.3 * i / len(study.symbols))
        past = source.read(name, study.timeframe, study.start, study.end)
        found.append(material(name, past, study.timeframe, study.course))
    everyone = [one for one in found if one is not None]
    steps = []
    for i, fold in enumerate(steps_of):
        progress(0.3 + 0.6 * i / len(steps_of))
        steps.append(_step(study, everyone, fold, generator))
    progress(0.9)
    windows = [step.entries for step in steps if step.entries is not None]
    last = _known(everyone, study.end - study.train * study.interval, study.end)
    final = search(last, study.end - study.train * study.interval, study.end, SHARE, study.trials, generator)
    test = against_random(windows, study.draws, generator)
    return Walk(study, steps, test, _hits(windows), _equity(study, everyone, steps), final)


def require_gap(study: Study) -> None:
    """Raise ValueError for a gap in which the last trained outcome could still be open."""
    if study.gap <= study.course.horizon:
        raise ValueError(f"gap must be above the horizon of {study.course.horizon} bars, was {study.gap}")


def _known(everyone: Sequence[Material], start: int, end: int) -> list[Material]:
    """Return who could have been chosen then: listed before ``start`` and not over before ``end``, ms."""
    return [one for one in everyone if one.past.first_open <= start and one.closes[-1] > end - 1]


def _step(study: Study, everyone: Sequence[Material], fold: Fold, generator: np.random.Generator) -> Step:
    # A symbol that ends within the test takes part until then; one listed during training would be learned from late.
    members = [m for m in everyone if m.past.first_open <= fold.train_start and m.closes[-1] > fold.test_start]
    names = [one.name for one in members]
    found = search(members, fold.train_start, fold.train_end, SHARE, study.trials, generator)
    if found is None:
        return Step(fold, names, None, {}, None)
    policy = Policy(found.weights, found.act, min_confidence=0.0)
    decisions = {one.name: _decisions(study, one, policy, fold.test_start, fold.test_end) for one in members}
    return Step(fold, names, found, decisions, entries_of(members, decisions, fold.test_start, fold.test_end))


def _decisions(study: Study, one: Material, policy: Policy, start: int, end: int) -> Decisions:
    times = one.past.window.open_times
    scored = score_series(times, study.interval, one.scored, one.evidence, one.usable, policy)
    pasts = {study.timeframe: one.past}
    return decide(pasts, {study.timeframe: scored}, policy, Rules(), start, end, study.interval)


def entries_of(members: Sequence[Material], decisions: dict[str, Decisions], start: int, end: int) -> Entries | None:
    """Return the entries that decisions in (start, end] asked for, on the grid of all bars that close in it."""
    rows = [one.rows(start, end) for one in members]
    closes = [one.closes[one.scored[at]] for one, at in zip(members, rows, strict=True)]
    grid = np.unique(np.concatenate(closes)) if closes else np.zeros(0, np.int64)
    if not len(grid):
        return None
    side = np.zeros((len(members), len(grid)), np.int8)
    r = np.full((len(members), 2, len(grid)), np.nan)
    last = np.zeros((len(members), 2, len(grid)), np.int64)
    for i, (one, at, own) in enumerate(zip(members, rows, closes, strict=True)):
        place = np.searchsorted(grid, own)
        r[i][:, place] = one.r[:, at]
        ends = one.closes[np.minimum(one.last[:, at], len(one.closes) - 1)]
        last[i][:, place] = np.searchsorted(grid, ends)
        signals = decisions[one.name].signals()
        wanted = np.abs(signals.intents()) == ENTER_LONG
        side[i, np.searchsorted(grid, signals.as_of[wanted])] = np.sign(signals.intents()[wanted])
    return Entries(side, r, last)


def _hits(windows: Sequence[Entries]) -> int:
    """Return how many trades ended above 0 after costs."""
    hits = [(window._replace(r=np.where(np.isnan(window.r), np.nan, window.r > 0.0))) for window in windows]
    return int(sum(shifted_r(*window, 0)[1] for window in hits))


def _equity(study: Study, everyone: Sequence[Material], steps: Sequence[Step]) -> Result | None:
    """Return the out-of-sample decisions of all steps traded on one capital, as a backtest trades them."""
    judged = [step for step in steps if step.found is not None]
    if not judged:
        return None
    start, end = judged[0].fold.test_start, judged[-1].fold.test_end
    symbols = []
    for one in everyone:
        parts = [step.decisions[one.name] for step in judged if one.name in step.decisions]
        bars = one.past.window.between(start, end - study.interval + 1)
        if parts and len(bars.open_times):
            joined = Decisions._make(np.concatenate(values) for values in zip(*parts, strict=True))
            holes = gaps(bars.open_times, study.interval)
            symbols.append(Symbol(one.name, bars, joined, holes, one.past.window.digest()))
    if not symbols:
        return None
    course = study.course
    spec = Spec(
        symbols=tuple(one.name for one in symbols),
        timeframes=(study.timeframe,),
        start=start,
        end=end,
        policy=Policy(judged[-1].found.weights, judged[-1].found.act, 0.0),  # type: ignore[union-attr]
        rules=Rules(),
        terms=Terms(stop_atr=course.stop_atr, target_r=course.target_r, max_bars=course.horizon, risk=RISK),
        costs=Costs(course.fee, course.slippage),
        capital=study.capital,
        scan_interval_ms=study.interval,
    )
    return traded(spec, symbols)


def report(result: Walk) -> dict[str, Any]:
    """Return a walk-forward as JSON: the verdict, the test out of sample, each window, what was found."""
    study, test = result.study, result.test
    weights = [step.found.weights for step in result.steps if step.found]
    low, high = wilson(result.hits, test.trades)
    return {
        "edge": result.edge,
        "verdict": verdict(result),
        "out_of_sample": {
            "trades": test.trades,
            "hits": result.hits,
            "hit_rate": result.hits / test.trades if test.trades else None,
            "interval": [low, high] if test.trades else None,
            "mean_r": reports.number(test.mean_r),
            "random_r": reports.number(test.random_r),
            "p": reports.number(test.p),
            "draws": study.draws,
        },
        "equity": reports.metrics(result.equity) if result.equity else None,
        "equity_series": reports.answer(result.equity)["equity_series"] if result.equity else [],
        "stability": reports.number(stability(weights)) if weights else None,
        "windows": [_window(step) for step in result.steps],
        "final": _found(result.final) if result.final else None,
        "settings": {
            "symbols": list(study.symbols),
            "timeframe": study.timeframe,
            "start": study.start,
            "end": study.end,
            **{k: getattr(study, k) for k in ("train", "test", "gap", "anchored", "trials", "seed")},
            "share": SHARE,
            "course": study.course._asdict(),
        },
    }


def verdict(result: Walk) -> str:
    """Return the outcome in a sentence."""
    test = result.test
    if not test.trades:
        return "no edge found: nothing was traded out of sample"
    told = f"{test.mean_r:+.3f} R a trade out of sample against {test.random_r:+.3f} R of random entries"
    told += f" ({test.trades} trades, p = {test.p:.3f})"
    return f"edge: {told}" if result.edge else f"no edge found: {told}"


def _window(step: Step) -> dict[str, Any]:
    own = shifted_r(*step.entries, 0) if step.entries is not None else (0, 0.0)
    return {
        **step.fold._asdict(),
        "symbols": step.members,
        "found": _found(step.found) if step.found else None,
        "trades": own[0],
        "mean_r": own[1] / own[0] if own[0] else None,
    }


def _found(found: Found) -> dict[str, Any]:
    sharpe = found.mean_r and found.quality / found.trades**0.5
    spread = float(np.std(found.sharpes))
    deflated = deflated_sharpe(sharpe, found.trades, *found.moments, len(found.sharpes), spread)
    return {
        "weights": found.weights,
        "act": found.act,
        "in_sample": {
            "trades": found.trades,
            "mean_r": found.mean_r,
            "t": found.quality,
            "deflated_sharpe": deflated if isfinite(deflated) else None,
            "trials": len(found.sharpes),
        },
    }
