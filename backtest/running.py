"""One backtest from its specification to its result. Stores nothing and knows no request."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtest.candles import Source
from backtest.history import decisions_of, merged
from engine.decisions import Decisions
from engine.plan import Terms
from engine.rules import Rules
from engine.score import Policy
from engine.simulation import Costs, Orders, Prices, Simulation, simulate
from engine.timeframes import INTERVAL_MS, WINDOW_BARS
from engine.window import Window
from market.holes import gaps

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Spec:
    """What to run. start, end: ms; decisions as of (start, end]. timeframes: shortest first; trades on the first."""

    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    start: int
    end: int
    policy: Policy
    rules: Rules
    terms: Terms
    costs: Costs
    capital: float
    scan_interval_ms: int

    @property
    def base(self) -> str:
        return self.timeframes[0]

    @property
    def bars(self) -> int:
        """How many bars are read and scored at most, the warm-up's included."""
        spans = [(self.end - self.start) // INTERVAL_MS[t] + WINDOW_BARS for t in self.timeframes]
        return len(self.symbols) * sum(spans)


class Symbol(NamedTuple):
    """One symbol's part: bars of the base timeframe within the range, decisions, holes within the range."""

    name: str
    bars: Window
    decisions: Decisions
    holes: list[tuple[int, int]]
    digest: str


class Result(NamedTuple):
    """A finished backtest. times: open of each row of the grid, ms, (bar,)."""

    spec: Spec
    symbols: list[Symbol]
    times: IntArray
    prices: Prices
    simulation: Simulation

    @property
    def digest(self) -> str:
        """32 hex digits over every bar that was read."""
        return hashlib.blake2b("".join(s.digest for s in self.symbols).encode(), digest_size=16).hexdigest()


Progress = Callable[[float], None]


def run(spec: Spec, source: Source, progress: Progress = lambda share: None) -> Result:
    """Run ``spec`` on the candles of ``source``; ``progress`` is told the share that is done and may raise to stop."""
    symbols = []
    for i, name in enumerate(spec.symbols):
        progress(0.9 * i / len(spec.symbols))
        symbols.append(_symbol(spec, source, name))
    progress(0.9)
    return traded(spec, symbols)


def traded(spec: Spec, symbols: list[Symbol]) -> Result:
    """Return what trading the decisions of ``symbols`` comes to."""
    times = merged([one.bars.open_times for one in symbols])
    prices = _prices(symbols, times)
    simulation = simulate(prices, _orders(symbols, times, spec), spec.capital, spec.costs, spec.terms)
    return Result(spec, symbols, times, prices, simulation)


def _symbol(spec: Spec, source: Source, name: str) -> Symbol:
    pasts = {t: source.read(name, t, spec.start, spec.end) for t in spec.timeframes}
    decisions = decisions_of(pasts, spec.policy, spec.rules, spec.start, spec.end, spec.scan_interval_ms)
    interval, base = INTERVAL_MS[spec.base], pasts[spec.base]
    bars = base.window.between(spec.start, spec.end - interval + 1)
    digest = "".join(past.window.digest() for past in pasts.values())
    return Symbol(name, bars, decisions, gaps(bars.open_times, interval), digest)


def _prices(symbols: Sequence[Symbol], times: IntArray) -> Prices:
    if len(symbols) == 1:
        return Prices(*(values[:, None] for values in np.ascontiguousarray(symbols[0].bars.values[:4])))
    table = np.full((4, len(times), len(symbols)), np.nan)
    for column, one in enumerate(symbols):
        table[:, np.searchsorted(times, one.bars.open_times), column] = one.bars.values[:4]
    return Prices(*table)


def _orders(symbols: Sequence[Symbol], times: IntArray, spec: Spec) -> Orders:
    """Return what the emitted signals ask for, each at the last row that is closed as of it."""
    parts = []
    for column, one in enumerate(symbols):
        signals = one.decisions.signals()
        row = np.searchsorted(times, signals.as_of - INTERVAL_MS[spec.base], side="right") - 1
        columns = np.full(len(row), column)
        known = row >= 0  # before the first bar there is nothing to fill an order of an older close with
        order = Orders(row, columns, signals.intents(), signals.atr, *signals.swings())
        parts.append([values[known] for values in order])
    joined = Orders._make(np.concatenate(values) for values in zip(*parts, strict=True))
    by_time = np.lexsort((joined.symbol, joined.bar))
    return Orders._make(values[by_time] for values in joined)
