"""The portfolio as the limits look at it, and what candles say beside it."""

from collections.abc import Sequence

from django.db.models import Sum

from engine.timeframes import INTERVAL_MS
from market.models import Instrument, Market
from risk.limits import Book, Bounds, Held, Measured
from risk.measures import Returns, correlations_with, returns_of, value_at_risk_of
from risk.models import Limits, Portfolio, Position

DAY_MS = INTERVAL_MS["1d"]


def newest_limits() -> Limits | None:
    """Return the limits in force, None before anybody has set any."""
    return Limits.objects.first()


def bounds() -> Bounds:
    """Return the values of the limits in force; the defaults before anybody has set any."""
    newest = newest_limits()
    return Bounds(*(getattr(newest, name) for name in Bounds._fields)) if newest else Bounds()


def book_of(portfolio: Portfolio, held: Sequence[Position], lost_today: float = 0.0) -> Book:
    """Return where the portfolio stands with these open positions, at their last marks."""
    equity = portfolio.cash + sum(one.side * one.notional for one in held)
    members = tuple(Held(one.instrument.symbol, one.side, one.notional, one.risk) for one in held)
    drawdown = max(0.0, 1.0 - equity / portfolio.limit_peak)
    return Book(equity, members, lost_today, drawdown)


def open_positions(portfolio: Portfolio) -> list[Position]:
    """Return what is open, by symbol."""
    held = portfolio.positions.filter(how=Position.How.OPEN).select_related("instrument", "series")
    return list(held.order_by("instrument__symbol"))


def day_from(portfolio: Portfolio, now: int) -> int:
    """Return since when (ms) losses count for the day of ``now``: midnight UTC, or the reset of the counter."""
    return max(now // DAY_MS * DAY_MS, portfolio.counted_from)


def lost_today(portfolio: Portfolio, now: int) -> float:
    """Return the losses that count for the day of ``now`` (ms), as a positive amount."""
    trades = portfolio.positions.filter(exited_at__gt=day_from(portfolio, now), profit__lt=0.0)
    return abs(trades.aggregate(total=Sum("profit"))["total"] or 0.0)


def weights_of(book: Book) -> dict[str, float]:
    """Return each held symbol's signed share of the equity."""
    weights: dict[str, float] = {}
    for one in book.held:
        weights[one.symbol] = weights.get(one.symbol, 0.0) + one.side * one.notional / book.equity
    return weights


def measured_for(
    market: Market, instrument: Instrument, side: int, book: Book, others: Sequence[Instrument], now: int
) -> Measured:
    """Return correlations with, and value at risk beside, what is held, from the candles known at ``now`` (ms)."""
    members = [instrument, *(one for one in others if one.pk != instrument.pk)]
    returns = returns_of(market, members, now)
    correlations = correlations_with(returns, instrument.symbol) if len(members) > 1 else {}
    return Measured(correlations, _var_beside(returns, instrument.symbol, side, book), _why(returns))


def _var_beside(returns: Returns, symbol: str, side: int, book: Book):
    weights = weights_of(book)

    def var(notional: float) -> float | None:
        from engine.value_at_risk import InsufficientData

        added = side * notional / book.equity
        try:
            return value_at_risk_of(returns, weights | {symbol: weights.get(symbol, 0.0) + added}).var
        except InsufficientData:
            return None

    return var


def _why(returns: Returns) -> str:
    from engine.correlation import MINIMUM_OVERLAP
    from engine.value_at_risk import needed_returns
    from risk.measures import CONFIDENCE, METHOD, common_returns

    needed = max(MINIMUM_OVERLAP, needed_returns(CONFIDENCE, METHOD))
    return f"insufficient data ({common_returns(returns)} bars, {needed} needed)"
