"""Answers to what-if questions: a size, a stop, a correlation. Nothing is stored."""

from math import expm1, isfinite, nan
from typing import Any

from market.models import Instrument, Market, Series
from market.windows import NoScore
from presets.services import active_version
from risk.books import bounds, measured_for
from risk.following import portfolio_of
from risk.limits import Proposal, require_sound, weigh
from risk.measures import PREFERRED, WINDOW, returns_of
from risk.rows import SIDES
from risk.services import last_close, open_positions
from risk.status import book_now
from signals import scanner
from signals.structure import structure_of, window_of

DEFAULT_R = 2.0


class NoStop(Exception):
    """A stop cannot be set; ``code`` says why as a score's reason does."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def size_json(market: Market, instrument: Instrument, proposal: Proposal, equity: float | None) -> dict[str, Any]:
    """Return a PositionSize beside what the paper portfolio holds. equity: in place of its own. Raises Unsound."""
    from engine.plan import target_price

    portfolio = portfolio_of(market)
    held = open_positions(portfolio)
    book = book_now(portfolio, held, market)
    if equity is not None:
        book = book._replace(equity=equity)
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
        "take_profit": target if isfinite(target) else None,
        "r_multiple": r if isfinite(target) else None,
        "limits": verdict.limits,
        "breaches": [one._asdict() for one in verdict.breaches],
        "unchecked": list(verdict.unchecked),
    }


def stop_json(
    market: Market, instrument: Instrument, side: int, entry: float | None, timeframe: str | None
) -> dict[str, Any]:
    """Return a StopLoss from ATR and the nearest confirmed swing. Raises NoStop; StillLoading as a score does."""
    from engine.plan import BY_BOTH, TARGETS_R, Terms, stop_price, structure_stop, target_price

    portfolio = portfolio_of(market)
    timeframe = timeframe or _usual_timeframe(instrument)
    atr, as_of, close = _volatility(market, instrument, timeframe)
    price = entry if entry is not None else last_close(instrument, market.position or 0) or close
    low, high = _swings(market, instrument, timeframe)
    terms = Terms(stop=BY_BOTH, stop_atr=portfolio.stop_atr)
    stop = stop_price(float(side), price, atr, low, high, terms)
    level = low if side > 0 else high
    used = structure_stop(float(side), price, atr, portfolio.stop_atr, level) == stop
    r = portfolio.target_r or DEFAULT_R
    targets = [target_price(float(side), price, stop, one) for one in (r, *TARGETS_R)]
    found = [one if isfinite(one) else None for one in targets]
    return {
        "symbol": instrument.symbol,
        "direction": "BULLISH" if side > 0 else "BEARISH",
        "timeframe": timeframe,
        "as_of": as_of,
        "entry_price": price,
        "stop_loss": stop,
        "stop_from": "structure" if used else "atr",
        "take_profit": found[0],
        "targets": found[1:],
        "r_multiple": r,
        "atr": price * expm1(atr),
        "atr_pct": 100.0 * expm1(atr),
        "structure_level": level if used else None,
    }


def _usual_timeframe(instrument: Instrument) -> str:
    there = set(Series.objects.filter(instrument=instrument).values_list("timeframe", flat=True))
    return next((one for one in PREFERRED if one in there), PREFERRED[0])


def _volatility(market: Market, instrument: Instrument, timeframe: str) -> tuple[float, int, float]:
    """Return ATR (log units) of a series, the close it is of (ms), and its price there. Raises NoStop."""
    result = scanner.scan(market, [instrument], [timeframe], active_version().policy())[0]
    if timeframe in result.skipped:
        none = result.skipped[timeframe]
        raise NoStop(none.reason, none.detail)
    atr, price = result.series[timeframe].atr, result.states[timeframe].price
    if not atr > 0.0 or price is None:
        raise NoStop("flat", f"{instrument.symbol} has not moved on {timeframe}: there is no distance for a stop")
    return atr, result.states[timeframe].close, price


def _swings(market: Market, instrument: Instrument, timeframe: str) -> tuple[float, float]:
    """Return the newest confirmed swing low and high, NaN without one."""
    window = window_of(market, instrument, timeframe)
    if isinstance(window, NoScore):
        return nan, nan
    newest = {swing["kind"]: swing["price"] for swing in structure_of(window)["swings"]}
    return newest.get("low", nan), newest.get("high", nan)


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
