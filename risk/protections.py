"""Times in which nothing is opened: a symbol rests after a loss, everything after losses in a row or a drawdown."""

from collections.abc import Sequence

from engine.timeframes import INTERVAL_MS
from market.models import Instrument
from risk.limits import Bounds
from risk.models import Portfolio, Position, Protection

HOUR_MS = INTERVAL_MS["1h"]
SYMBOL_REST_MS = 4 * HOUR_MS
IN_A_ROW, ROW_WITHIN_MS = 4, 24 * HOUR_MS
OVERALL_REST_MS = 12 * HOUR_MS
PAUSE_MS = 24 * HOUR_MS

Kind = Protection.Kind


def after_trade(portfolio: Portfolio, last: Position, trades: Sequence[Position], at: int) -> list[Protection]:
    """Return what begins at ``at`` (ms) because of the trade ``last``; ``trades``: the newest IN_A_ROW, it included."""
    if last.profit is None or last.profit >= 0.0:
        return []
    reason = f"{last.instrument.symbol} was closed with {last.profit:+.2f} ({last.how})"
    begun = [_made(portfolio, Kind.SYMBOL, at, SYMBOL_REST_MS, reason, last.instrument)]
    newest = [t for t in trades if t.exited_at is not None and t.exited_at > at - ROW_WITHIN_MS]
    if len(newest) == IN_A_ROW and all(t.profit is not None and t.profit < 0.0 for t in newest):
        total = sum(t.profit or 0.0 for t in newest)
        reason = f"the last {IN_A_ROW} trades, all within a day, were losses: {total:+.2f}"
        begun.append(_made(portfolio, Kind.OVERALL, at, OVERALL_REST_MS, reason))
    return begun


def after_close(portfolio: Portfolio, drawdown: float, bounds: Bounds, at: int) -> Protection | None:
    """Return the pause that begins because the drawdown has reached its limit, or None."""
    if drawdown < bounds.max_drawdown:
        return None
    reason = f"max_drawdown: the drawdown of {drawdown:.1%} has reached the limit of {bounds.max_drawdown:.1%}"
    return _made(portfolio, Kind.DRAWDOWN, at, PAUSE_MS, reason)


def _made(
    portfolio: Portfolio, kind: Protection.Kind, at: int, lasts: int, reason: str, instrument: Instrument | None = None
) -> Protection:
    return Protection(
        portfolio=portfolio, kind=kind, instrument=instrument, since=at, until=at + lasts, reason=reason[:300]
    )


def in_the_way(protections: Sequence[Protection], instrument: Instrument, at: int) -> Protection | None:
    """Return what keeps ``instrument`` from being opened at ``at`` (ms); of several the one that lasts longest."""
    found = [
        one
        for one in protections
        if one.since <= at < one.until
        and one.lifted_at is None
        and (one.instrument_id is None or one.instrument_id == instrument.pk)
    ]
    return max(found, key=lambda one: one.until, default=None)
