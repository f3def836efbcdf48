"""What a position may come to beside what is open: each limit cuts the size or says no, and is named. Pure functions.

Money in the quote asset, shares of the equity; a side is +1 long, -1 short.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

from engine.plan import rounded_down

ACCEPTED, SIZED_DOWN, REJECTED = "accepted", "sized_down", "rejected"
# Positions that move as one: the second of a kind gets half, a third nothing.
MOST_ALIKE = 2
HALVINGS = 40  # of the size, until it keeps to max_var_95 within rounding


class Bounds(NamedTuple):
    """The values of the limits, as ``models.Limits`` has them."""

    max_risk_per_trade: float = 0.01
    max_risk_per_day: float = 0.05
    max_positions: int = 10
    max_correlation: float = 0.8
    max_single_asset: float = 0.5
    max_drawdown: float = 0.2
    max_var_95: float = 0.02
    max_leverage: float = 2.0


class Held(NamedTuple):
    """An open position. notional: at the last close; risk: what its stop would cost."""

    symbol: str
    side: int
    notional: float
    risk: float


class Book(NamedTuple):
    """Where the portfolio stands. lost_today: losses counted for the day, as a positive amount."""

    equity: float
    held: Sequence[Held] = ()
    lost_today: float = 0.0
    drawdown: float = 0.0


class Proposal(NamedTuple):
    """What is to be opened. wanted: a quantity, None for as much as the limits allow; step, min_notional: 0 is none."""

    symbol: str
    side: int
    entry: float
    stop: float
    wanted: float | None = None
    step: float = 0.0
    min_notional: float = 0.0

    @property
    def distance(self) -> float:
        return abs(self.entry - self.stop)


class Breach(NamedTuple):
    """A limit that the proposal would have broken. value: what it would have come to; allowed: the limit."""

    limit: str
    value: float | None
    allowed: float
    detail: str


class Measured(NamedTuple):
    """What candles say of the proposal's symbol. correlations: with each held symbol, None where unknown, and why.

    var: 95 % value at risk of the portfolio with the proposal at a notional, None where unknown; why: the reason.
    """

    correlations: Mapping[str, float | None]
    var: Callable[[float], float | None]
    why: str = ""


class Verdict(NamedTuple):
    """status: ACCEPTED, SIZED_DOWN or REJECTED (quantity 0). unchecked: what could not be looked at, and why."""

    status: str
    quantity: float
    breaches: tuple[Breach, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def limits(self) -> list[str]:
        return [one.limit for one in self.breaches]

    @property
    def reason(self) -> str:
        return "; ".join(one.detail for one in self.breaches)


class Unsound(ValueError):
    """A proposal that no limit can be asked about; ``field`` is at fault."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def require_sound(proposal: Proposal, equity: float) -> None:
    """Raise Unsound for prices that are none, a stop at or beyond the wrong side of the entry, or no equity."""
    for name, price in (("entry_price", proposal.entry), ("stop_loss", proposal.stop)):
        if not isfinite(price) or price <= 0.0:
            raise Unsound(name, f"must be a price above 0, was {price}")
    if not isfinite(equity) or equity <= 0.0:
        raise Unsound("equity", f"must be above 0, was {equity}: there is nothing to risk")
    if proposal.entry == proposal.stop:
        raise Unsound("stop_loss", f"equals the entry {proposal.entry}: without a distance there is no size")
    if (proposal.entry - proposal.stop) * proposal.side < 0.0:
        side, where = ("long", "below") if proposal.side > 0 else ("short", "above")
        raise Unsound("stop_loss", f"{proposal.stop} must lie {where} the entry {proposal.entry} of a {side}")
    if proposal.wanted is not None and not proposal.wanted > 0.0:
        raise Unsound("quantity", f"must be above 0, was {proposal.wanted}")


@dataclass
class _Size:
    """What was asked for, what limits have left of it, and which ones."""

    asked: float
    quantity: float
    breaches: list[Breach] = field(default_factory=list)

    def cut(self, limit: str, to: float, value: float, allowed: float, detail: str) -> None:
        """Leave at most ``to``; a limit that what was asked for breaks is named, whether or not another cuts deeper."""
        # A hair's breadth is rounding: 100 / 3 x 3 must not break a limit of 100.
        if to < self.asked * (1.0 - 1e-12):
            self.breaches.append(Breach(limit, value, allowed, detail))
            self.quantity = min(self.quantity, max(to, 0.0))

    def reject(self, limit: str, value: float, allowed: float, detail: str) -> None:
        self.breaches.append(Breach(limit, value, allowed, detail))
        self.quantity = 0.0


def weigh(proposal: Proposal, book: Book, bounds: Bounds, measured: Measured) -> Verdict:
    """Return how much of a proposal may be opened, and every limit that stood in its way. Raises Unsound."""
    require_sound(proposal, book.equity)
    most = bounds.max_risk_per_trade * book.equity / proposal.distance
    asked = most if proposal.wanted is None else proposal.wanted
    size = _Size(asked, asked)
    _by_state(size, book, bounds)
    _by_risk(size, most, proposal, book, bounds)
    _by_correlation(size, most, proposal, book, bounds, measured)
    _by_notional(size, proposal, book, bounds)
    unchecked = _by_var(size, proposal, bounds, measured)
    quantity = rounded_down(size.quantity, proposal.step)
    if size.quantity > 0.0 and (quantity <= 0.0 or quantity * proposal.entry < proposal.min_notional):
        least = max(proposal.min_notional, proposal.step * proposal.entry)
        notional = quantity * proposal.entry
        detail = f"{size.quantity:g} {proposal.symbol} is less than the exchange takes, a notional of {least:g}"
        size.reject("min_notional", notional, least, detail)
        quantity = 0.0
    status = REJECTED if quantity <= 0.0 else SIZED_DOWN if size.breaches else ACCEPTED
    return Verdict(status, max(quantity, 0.0), tuple(size.breaches), unchecked)


def _by_state(size: _Size, book: Book, bounds: Bounds) -> None:
    if book.drawdown >= bounds.max_drawdown:
        detail = f"the drawdown of {book.drawdown:.1%} has reached the limit of {bounds.max_drawdown:.1%}"
        size.reject("max_drawdown", book.drawdown, bounds.max_drawdown, detail)
    if len(book.held) >= bounds.max_positions:
        detail = f"{len(book.held)} positions are open, {bounds.max_positions} are the limit"
        size.reject("max_positions", len(book.held) + 1, bounds.max_positions, detail)


def _by_risk(size: _Size, most: float, proposal: Proposal, book: Book, bounds: Bounds) -> None:
    share = size.asked * proposal.distance / book.equity
    detail = f"the stop would cost {share:.2%} of the equity, {bounds.max_risk_per_trade:.2%} is the limit"
    size.cut("max_risk_per_trade", most, share, bounds.max_risk_per_trade, detail)
    spent = book.lost_today + sum(one.risk for one in book.held)
    day = (spent + size.asked * proposal.distance) / book.equity
    detail = (
        f"losses of the day and open stops come to {spent / book.equity:.2%} of the equity, with this one to "
        f"{day:.2%}; {bounds.max_risk_per_day:.2%} is the limit"
    )
    room = (bounds.max_risk_per_day * book.equity - spent) / proposal.distance
    size.cut("max_risk_per_day", room, day, bounds.max_risk_per_day, detail)


def together(proposal_side: int, one: Held, correlation: float | None) -> float | None:
    """Return how a held position moves with the proposal: the correlation, negated where the sides differ."""
    return None if correlation is None else proposal_side * one.side * correlation


def _by_correlation(
    size: _Size, most: float, proposal: Proposal, book: Book, bounds: Bounds, measured: Measured
) -> None:
    alike = []
    for one in book.held:
        known = 1.0 if one.symbol == proposal.symbol else measured.correlations.get(one.symbol)
        moves = together(proposal.side, one, known)
        # Unknown counts as alike: that two are apart has to be seen.
        if moves is None or moves > bounds.max_correlation:
            alike.append((one, moves))
    if not alike:
        return
    told = ", ".join(_pair(proposal, one, moves, measured.why) for one, moves in alike)
    detail = (
        f"{told}: above {bounds.max_correlation:.2f} counts as one bet, which is divided and taken {MOST_ALIKE} times"
    )
    worst = max((moves for _, moves in alike if moves is not None), default=1.0)
    share = most / (len(alike) + 1) if len(alike) < MOST_ALIKE else 0.0
    size.cut("max_correlation", share, worst, bounds.max_correlation, detail)


def _pair(proposal: Proposal, one: Held, moves: float | None, why: str) -> str:
    sides = {1: "long", -1: "short"}
    said = f"correlation unknown, {why}" if moves is None else f"correlation {moves:.2f}"
    return f"{proposal.symbol} {sides[proposal.side]} with {one.symbol} {sides[one.side]} ({said})"


def _by_notional(size: _Size, proposal: Proposal, book: Book, bounds: Bounds) -> None:
    same = sum(one.notional for one in book.held if one.symbol == proposal.symbol)
    every = sum(one.notional for one in book.held)
    for limit, used, allowed, what in (
        ("max_single_asset", same, bounds.max_single_asset, proposal.symbol),
        ("max_leverage", every, bounds.max_leverage, "all positions"),
    ):
        value = (used + size.asked * proposal.entry) / book.equity
        detail = f"{what} would come to {value:.2f} times the equity, {allowed:g} is the limit"
        size.cut(limit, (allowed * book.equity - used) / proposal.entry, value, allowed, detail)


def _by_var(size: _Size, proposal: Proposal, bounds: Bounds, measured: Measured) -> tuple[str, ...]:
    """Cut the size until the portfolio's value at risk keeps to its limit."""
    if size.quantity <= 0.0:
        return ()
    var = measured.var(size.quantity * proposal.entry)
    if var is None:
        return (f"max_var_95 was not looked at: {measured.why}",)
    if var <= bounds.max_var_95:
        return ()
    low, high = 0.0, size.quantity
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        at = measured.var(middle * proposal.entry)
        low, high = (middle, high) if at is not None and at <= bounds.max_var_95 else (low, middle)
    detail = f"the value at risk (95 %, one bar) would come to {var:.2%}, {bounds.max_var_95:.2%} is the limit"
    size.cut("max_var_95", low, var, bounds.max_var_95, detail)
    return ()
