"""What the paper portfolio comes to now: value, exposure, value at risk, and which limits it is beyond."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import Sum

from market.models import Instrument, Market
from risk.books import book_of, bounds, day_from, lost_today, newest_limits, open_positions, weights_of
from risk.following import portfolio_of
from risk.limits import Book
from risk.measures import CONFIDENCE, METHOD, METHODS, WINDOW, Returns, benchmark_of, returns_of, value_at_risk_of
from risk.models import Order, Portfolio, Position
from risk.rows import SIDES, position_json, protection_json


def book_now(portfolio: Portfolio, held: Sequence[Position], market: Market) -> Book:
    """Return where the portfolio stands at the market's time."""
    return book_of(portfolio, held, lost_today(portfolio, market.position or 0))


def status_json(market: Market) -> dict[str, Any]:
    """Return the RiskStatus."""
    portfolio = portfolio_of(market)
    held, now, newest = open_positions(portfolio), market.position or 0, newest_limits()
    book = book_now(portfolio, held, market)
    trades = portfolio.positions.exclude(how=Position.How.OPEN).aggregate(total=Sum("profit"))["total"]
    risk = risk_of(_returns(market, held), weights_of(book), CONFIDENCE, METHOD)
    resting = portfolio.protections.at(now).select_related("instrument")
    return {
        "as_of": portfolio.processed,
        "source": market.source,
        "follows": portfolio.follows,
        "equity": book.equity,
        "initial_equity": portfolio.initial_equity,
        "cash": portfolio.cash,
        "realised": trades or 0.0,
        "unrealised": sum(one.unrealised - one.fees + one.funding for one in held),
        "var95": risk["var"],
        "cvar95": risk["cvar"],
        "var95_reason": risk["reason"],
        **_exposure(book),
        "drawdown": max(0.0, 1.0 - book.equity / portfolio.peak),
        "limit_drawdown": book.drawdown,
        "lost_today": book.lost_today,
        "counted_from": day_from(portfolio, now),
        "open_risk": sum(one.risk for one in held),
        "open_positions": len(held),
        "positions": [position_json(one) for one in held],
        "waiting_orders": Order.objects.waiting().filter(portfolio=portfolio).count(),
        "protections": [protection_json(one) for one in resting],
        "limits": bounds()._asdict(),
        "limits_version": newest.version if newest else 0,
    }


def _exposure(book: Book) -> dict[str, float]:
    gross = sum(one.notional for one in book.held)
    net = sum(one.side * one.notional for one in book.held)
    return {"leverage": gross / book.equity, "exposure": net / book.equity}


def _returns(market: Market, held: Sequence[Position]) -> Returns:
    instruments = {one.instrument_id: one.instrument for one in held}
    return returns_of(market, list(instruments.values()), market.position or 0)


def risk_of(returns: Returns, weights: Mapping[str, float], confidence: float, method: str) -> dict[str, Any]:
    """Return a MethodRisk: value at risk and shortfall, or why candles do not suffice."""
    from engine.value_at_risk import InsufficientData

    try:
        found = value_at_risk_of(returns, weights, confidence, method)
    except InsufficientData as error:
        return {"var": None, "cvar": None, "window": error.have, "reason": str(error)}
    return {"var": found.var, "cvar": found.shortfall, "window": found.window, "reason": None}


def var_json(market: Market, confidence: float, method: str) -> dict[str, Any]:
    """Return the ValueAtRisk of the paper portfolio, by every method."""
    portfolio = portfolio_of(market)
    held = open_positions(portfolio)
    return _var(_returns(market, held), book_now(portfolio, held, market), confidence, method)


def _var(returns: Returns, book: Book, confidence: float, method: str) -> dict[str, Any]:
    weights = weights_of(book)
    methods = {name: risk_of(returns, weights, confidence, name) for name in METHODS}
    chosen = methods[method]
    return {
        "confidence": confidence,
        "method": method,
        "timeframe": returns.timeframe,
        "as_of": returns.until,
        **chosen,
        "var_amount": None if chosen["var"] is None else chosen["var"] * book.equity,
        "cvar_amount": None if chosen["cvar"] is None else chosen["cvar"] * book.equity,
        "methods": methods,
    }


def assessment_json(market: Market) -> dict[str, Any]:
    """Return the PortfolioAssessment."""
    portfolio = portfolio_of(market)
    held = open_positions(portfolio)
    book, benchmark = book_now(portfolio, held, market), benchmark_of(market)
    instruments = [one.instrument for one in held]
    beside = [benchmark] if benchmark and held and benchmark not in instruments else []
    returns = returns_of(market, [*instruments, *beside], market.position or 0)
    own = returns.only([one.symbol for one in instruments])
    correlation, labels = _correlation(own)
    betas = _betas(returns, own, benchmark if held else None)
    assets: list[dict[str, Any]] = [
        {
            "symbol": one.instrument.symbol,
            "side": SIDES[one.side],
            "notional": one.notional,
            "share": one.side * one.notional / book.equity,
            "risk_amount": one.risk,
            "beta": beta,
            "cluster": int(label),
        }
        for one, beta, label in zip(held, betas, labels, strict=True)
    ]
    longs = sum(one["share"] for one in assets if one["share"] > 0.0)
    shorts = sum(-one["share"] for one in assets if one["share"] < 0.0)
    var = _var(own, book, CONFIDENCE, METHOD)
    known = [one["beta"] for one in assets]
    return {
        "as_of": portfolio.processed,
        "equity": book.equity,
        "gross": longs + shorts,
        "net": longs - shorts,
        "long": longs,
        "short": shorts,
        "assets": assets,
        "clusters": _clusters(assets),
        "benchmark": benchmark.symbol if benchmark else None,
        "beta": None if None in known else sum(one["share"] * one["beta"] for one in assets),
        "correlation": correlation,
        "value_at_risk": var,
        "broken": _broken(book, assets, var["var"] if held else 0.0),
    }


def _correlation(returns: Returns) -> tuple[dict[str, Any], Sequence[int]]:
    """Return the CorrelationMatrix of what is held, and each symbol's cluster."""
    from engine.correlation import MINIMUM_OVERLAP, clusters, correlation, overlaps, shrinkage, shrunk

    facts = {"symbols": list(returns.symbols), "timeframe": returns.timeframe, "window": WINDOW}
    facts |= {"minimum_overlap": MINIMUM_OVERLAP, "shrinkage": None, "matrix": []}
    if not returns.symbols:
        return facts, []
    raw, common = correlation(returns.values), overlaps(returns.values)
    matrix = shrunk(raw, common)
    share = shrinkage(raw, common)[0]
    facts["shrinkage"] = float(share) if np.isfinite(share) else None
    facts["matrix"] = [[float(value) if np.isfinite(value) else None for value in row] for row in matrix]
    labels: Sequence[int] = clusters(matrix, bounds().max_correlation).tolist()
    return facts, labels


def _betas(returns: Returns, own: Returns, benchmark: Instrument | None) -> list[float | None]:
    from engine.correlation import beta

    if benchmark is None:
        return [None] * len(own.symbols)
    found = beta(own.values, returns.values[returns.symbols.index(benchmark.symbol)])
    return [float(value) if np.isfinite(value) else None for value in found]


def _clusters(assets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    members: dict[int, list[Mapping[str, Any]]] = {}
    for one in assets:
        members.setdefault(one["cluster"], []).append(one)
    return [
        {
            "cluster": label,
            "symbols": [one["symbol"] for one in ones],
            "gross": sum(abs(one["share"]) for one in ones),
            "net": sum(one["share"] for one in ones),
        }
        for label, ones in sorted(members.items())
    ]


def _broken(book: Book, assets: Sequence[Mapping[str, Any]], var: float | None) -> list[str]:
    """Return the limits that the portfolio is beyond as it stands: prices have moved since each was looked at."""
    allowed = bounds()
    found = {
        "max_risk_per_day": (book.lost_today + sum(one.risk for one in book.held)) / book.equity,
        "max_positions": len(book.held),
        "max_single_asset": max((abs(one["share"]) for one in assets), default=0.0),
        "max_drawdown": book.drawdown,
        "max_var_95": var or 0.0,
        "max_leverage": sum(abs(one["share"]) for one in assets),
    }
    return [name for name, value in found.items() if value > getattr(allowed, name) * (1.0 + 1e-9)]
