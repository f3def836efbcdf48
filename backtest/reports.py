"""A finished backtest as the wire has it. What has no value is null; no NaN is ever sent."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from backtest.candles import day
from backtest.running import Result, Symbol
from engine import statistics
from engine.plan import STOPS
from engine.simulation import BY_SIGNAL, BY_TIME, EXIT_REASONS, STILL_OPEN
from engine.timeframes import INTERVAL_MS

MOST_POINTS = 10_000  # of an equity series that is sent; a longer one is thinned, and says so
MOST_HOLES = 20
SIDES = {1: "LONG", -1: "SHORT"}


def number(value: float) -> float | None:
    """Return a number that JSON can carry, or None."""
    return float(value) if isfinite(value) else None


def answer(result: Result) -> dict[str, Any]:
    """Return ``equity_series``, ``metrics``, ``trades``, ``monthly`` and the facts of ``meta``."""
    step = max(1, -(-len(result.times) // MOST_POINTS))
    return {
        "equity_series": _equity_series(result, step),
        "metrics": metrics(result),
        "trades": list(trades(result)),
        "monthly": {month: number(value) for month, value in _monthly(result).items()},
        "meta": facts(result) | {"equity_step": step},
    }


def _closes(result: Result) -> Any:
    return result.times + INTERVAL_MS[result.spec.base]


def _equity_series(result: Result, step: int) -> list[dict[str, float]]:
    rows = np.unique(np.append(np.arange(0, len(result.times), step), len(result.times) - 1))
    values = zip(_closes(result)[rows].tolist(), result.simulation.equity[rows].tolist(), strict=True)
    return [{"ts": ts, "equity": equity} for ts, equity in values]


def equity_from_capital(result: Result) -> Any:
    """Return the capital, then the equity at each close."""
    return np.append(result.spec.capital, result.simulation.equity)


def _monthly(result: Result) -> dict[str, float]:
    return statistics.monthly(_closes(result), equity_from_capital(result))


def metrics(result: Result) -> dict[str, float | int | None]:
    """Return the statistics; those of trades count what is closed, ``open_trades`` the rest."""
    ledger, equity = result.simulation.trades, equity_from_capital(result)
    per_year = statistics.periods_per_year(INTERVAL_MS[result.spec.base])
    closed = ledger.reason != STILL_OPEN
    of_equity, of_trades = statistics.of_equity(equity, per_year), statistics.of_trades(ledger.profit[closed])
    traded = ledger.quantity * (ledger.entry + np.where(closed, ledger.exit, 0.0))
    found = {
        "sharpe": of_equity.sharpe,
        "sortino": of_equity.sortino,
        "calmar": of_equity.calmar,
        "cagr": of_equity.cagr,
        "volatility": of_equity.volatility,
        "total_return": of_equity.total_return,
        "max_drawdown": of_equity.max_drawdown,
        "win_rate": of_trades.win_rate,
        "profit_factor": of_trades.profit_factor,
        "expectancy": of_trades.expectancy,
        "average_win": of_trades.average_win,
        "average_loss": of_trades.average_loss,
        "exposure": statistics.exposure(result.simulation.held),
        "turnover": statistics.turnover(float(traded.sum()), equity, per_year),
        "final_equity": float(equity[-1]),
        "buy_and_hold_return": buy_and_hold(result),
        "fees": float(ledger.fees.sum()),
    }
    counts = {
        "total_trades": of_trades.closed,
        "open_trades": int(np.count_nonzero(~closed)),
        "max_drawdown_bars": of_equity.drawdown_bars,
    }
    return {name: number(value) for name, value in found.items()} | counts


def buy_and_hold(result: Result) -> float:
    """Return the mean over symbols of buying at the first open, with costs, and marking at the last close."""
    costs = result.spec.costs
    returns = [
        statistics.buy_and_hold(float(one.bars.values[0, 0]), float(one.bars.values[3, -1]), costs.fee, costs.slippage)
        for one in result.symbols
        if len(one.bars.open_times)
    ]
    return float(np.mean(returns))


def trades(result: Result) -> Iterator[dict[str, Any]]:
    """Yield the trades in the order in which they ended, what is open last.

    entry_ts: open of the bar. exit_ts: open of the bar for what leaves at an open, else its close. return_pct: profit
    in percent of what was put in; r: profit in units of what the stop would have cost, null without a stop.
    """
    ledger, interval = result.simulation.trades, INTERVAL_MS[result.spec.base]
    for row in zip(*(column.tolist() for column in ledger), strict=True):
        one = dict(zip(ledger._fields, row, strict=True))
        at_open = one["reason"] in (BY_SIGNAL, BY_TIME)
        risked = one["quantity"] * abs(one["entry"] - one["stop"])
        yield {
            "symbol": result.symbols[one["symbol"]].name,
            "side": SIDES[one["side"]],
            "entry_ts": int(result.times[one["entry_bar"]]),
            "exit_ts": int(result.times[one["exit_bar"]]) + (0 if at_open else interval),
            "entry_price": one["entry"],
            "exit_price": one["exit"],
            "quantity": one["quantity"],
            "stop": number(one["stop"]),
            "fees": one["fees"],
            "profit": one["profit"],
            "return_pct": 100.0 * one["profit"] / (one["quantity"] * one["entry"]),
            "r": one["profit"] / risked if risked > 0.0 else None,  # a NaN stop is not above 0
            "bars": one["bars"],
            "exit_reason": EXIT_REASONS[one["reason"]],
        }


def facts(result: Result) -> dict[str, Any]:
    """Return what the numbers rest on: bars, signals, holes, the terms of trading."""
    spec = result.spec
    terms = spec.terms._asdict() | {"stop": {v: k for k, v in STOPS.items()}[spec.terms.stop]}
    return {
        "candles": sum(len(one.bars.open_times) for one in result.symbols),
        "symbols": list(spec.symbols),
        "timeframes": list(spec.timeframes),
        "start": spec.start,
        "end": spec.end,
        "signals": sum(len(one.decisions.signals().as_of) for one in result.symbols),
        "coverage": [_coverage(one, INTERVAL_MS[spec.base]) for one in result.symbols],
        "terms": terms,
        "rules": asdict(spec.rules),
        "fee": spec.costs.fee,
        "slippage": spec.costs.slippage,
        "initial_capital": spec.capital,
        "data_digest": result.digest,
    }


def _coverage(one: Symbol, interval: int) -> dict[str, Any]:
    times = one.bars.open_times
    return {
        "symbol": one.name,
        "first_open": int(times[0]) if len(times) else None,
        "last_close": int(times[-1]) + interval if len(times) else None,
        "bars": len(times),
        "missing_bars": sum((end - start) // interval for start, end in one.holes),
        "holes": [{"start": start, "end": end} for start, end in one.holes[:MOST_HOLES]],
    }


def holes_text(symbols: Iterable[Symbol], interval: int) -> str | None:
    """Return what is missing within the range, in a sentence, or None."""
    for one in symbols:
        if one.holes:
            missing = sum((end - start) // interval for start, end in one.holes)
            return f"{one.name} lacks {missing} bars in {len(one.holes)} holes, the first from {day(one.holes[0][0])}"
    return None
