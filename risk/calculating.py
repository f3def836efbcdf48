"""Answers to what-if questions: a size, a stop, a correlation. Nothing is stored."""

from math import expm1, isfinite
from typing import Any

from engine.plan import SIGNAL_TERMS, setup, target_price
from engine.score import TimeframeScore
from market.models import Instrument, Market, Series
from presets.services import active_version
from risk.books import bounds, measured_for, open_positions
from risk.following import portfolio_of
from risk.limits import Book, Proposal, require_sound, weigh
from risk.measures import PREFERRED, WINDOW, returns_of
from risk.rows import SIDES
from risk.services import last_close
from risk.status import book_now
from signals import scanner

DEFAULT_R = 2.0


class NoStop(Exception):
    """A stop cannot be set; ``code`` says why as a score's reason does."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def size_json(market: Market, instrument: Instrument, proposal: Proposal, equity: float | None) -> dict[str, Any]:
    """Return a PositionSize beside what the paper portfolio holds; of another ``equity``, beside nothing.

    Raises Unsound.
    """
    portfolio = portfolio_of(market)
    held = open_positions(portfolio) if equity is None else []
    book = book_now(portfolio, held, market) if equity is None else Book(equity)
    require_sound(proposal, book.equity)
    others = [one.instrument for one in held]
    measured = measured_for(market, instrument, proposal.side, book, others, market.position or 0)
    verdict = weigh(proposal, book, bounds(), measured)
    r = portfolio.target_r or DEFAULT_R
    target = target_price(float(proposal.side), proposal.entry, proposal.stop, r)
    return {
        "status": verdict.status,
        "symbol": instrument.symbol,
        "side": SIDES[proposal.side],
        "equity": book.equity,
        "entry_price": proposal.entry,
        "stop_loss": proposal.stop,
        "stop_distance": proposal.distance,
        "quantity": verdict.quantity,
        "notional": verdict.quantity * proposal.entry,
        "risk_amount": verdict.quantity * proposal.distance,
        "risk_share": verdict.quantity * proposal.distance / book.equity,
        "take_profit": _price(target),
        "r_multiple": r if isfinite(target) else None,
        "limits": verdict.limits,
        "breaches": [one._asdict() for one in verdict.breaches],
        "unchecked": list(verdict.unchecked),
    }


def stop_json(
    market: Market, instrument: Instrument, side: int, entry: float | None, timeframe: str | None
) -> dict[str, Any]:
    """Return a StopLoss from ATR and the nearest confirmed swing. Raises NoStop; StillLoading as a score does."""
    r = portfolio_of(market).target_r or DEFAULT_R
    timeframe = timeframe or _usual_timeframe(instrument)
    one, as_of = _scored(market, instrument, timeframe)
    price = entry if entry is not None else last_close(instrument, market.position or 0) or one.levels.close
    try:
        made = setup(side, price, one.atr, one.levels.low, one.levels.high, SIGNAL_TERMS)
    except ValueError as error:
        raise NoStop("flat", f"{instrument.symbol} on {timeframe}: {error}") from error
    return {
        "symbol": instrument.symbol,
        "direction": "BULLISH" if side > 0 else "BEARISH",
        "timeframe": timeframe,
        "as_of": as_of,
        "entry_price": price,
        "stop_loss": made.stop,
        "stop_from": made.stop_from,
        "take_profit": _price(target_price(float(side), price, made.stop, r)),
        "targets": [_price(target) for target in made.targets],
        "r_multiple": r,
        "atr": price * expm1(one.atr),
        "atr_pct": 100.0 * expm1(one.atr),
        "structure_level": (one.levels.low if side > 0 else one.levels.high) if made.stop_from == "structure" else None,
    }


def _price(value: float) -> float | None:
    return value if isfinite(value) else None


def _usual_timeframe(instrument: Instrument) -> str:
    there = set(Series.objects.filter(instrument=instrument).values_list("timeframe", flat=True))
    return next((one for one in PREFERRED if one in there), PREFERRED[0])


def _scored(market: Market, instrument: Instrument, timeframe: str) -> tuple[TimeframeScore, int]:
    """Return the score of a series, with its volatility and swings, and the close it is of (ms). Raises NoStop."""
    result = scanner.scan(market, [instrument], [timeframe], active_version().policy())[0]
    if timeframe in result.skipped:
        none = result.skipped[timeframe]
        raise NoStop(none.reason, none.detail)
    return result.series[timeframe], result.states[timeframe].close


def correlation_json(market: Market, instrument: Instrument, others: list[Instrument]) -> dict[str, Any]:
    """Return a CorrelationCheck: each pair against max_correlation."""
    from engine.correlation import MINIMUM_OVERLAP, correlation, overlaps

    limit = bounds().max_correlation
    returns = returns_of(market, [instrument, *others], market.position or 0)
    row, common = correlation(returns.values)[0], overlaps(returns.values)[0]
    pairs = []
    for at, other in enumerate(others, start=1):
        value, overlap = float(row[at]), int(common[at])
        reason = None
        if overlap < MINIMUM_OVERLAP:
            reason = f"insufficient data ({overlap} bars, {MINIMUM_OVERLAP} needed)"
        elif not isfinite(value):
            reason = "one of them does not move: there is no correlation"
        elif value > limit:
            reason = f"max_correlation: {value:.2f} is above {limit:.2f}"
        pairs.append(
            {
                "symbol": other.symbol,
                "correlation": value if isfinite(value) else None,
                "overlap": overlap,
                "passed": reason is None,
                "reason": reason,
            }
        )
    return {
        "symbol": instrument.symbol,
        "timeframe": returns.timeframe,
        "window": WINDOW,
        "limit": limit,
        "passed": all(one["passed"] for one in pairs),
        "correlations": {one["symbol"]: one["correlation"] for one in pairs},
        "pairs": pairs,
    }
