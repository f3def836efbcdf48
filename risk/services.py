"""The changes to limits and portfolio that a person can make: one function each, audited in its transaction."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction

from access import audit
from market.models import Candle, Instrument, Market, Series
from risk.books import book_of, bounds, newest_limits, open_positions
from risk.following import portfolio_of
from risk.limits import Bounds, Proposal, require_sound
from risk.models import Limits, Order, Portfolio, Position, Protection

Actor = AbstractBaseUser | AnonymousUser | None
# By limit: the least and the most it may be. A share is a part of the equity.
RANGES: dict[str, tuple[float, float]] = {
    "max_risk_per_trade": (0.0001, 1.0),
    "max_risk_per_day": (0.0001, 1.0),
    "max_positions": (1, 1000),
    "max_correlation": (0.0, 1.0),
    "max_single_asset": (0.001, 10.0),
    "max_drawdown": (0.001, 1.0),
    "max_var_95": (0.0001, 1.0),
    "max_leverage": (0.01, 10.0),
}
POLICY = ("follows", "fee", "slippage", "target_r", "shorts")
RECENT_BARS = 3
TRIES = 5


class Refused(ValueError):
    """A change that cannot be made; ``field`` is at fault, ``code`` says how."""

    def __init__(self, field: str, text: str, code: str = "invalid") -> None:
        super().__init__(text)
        self.field, self.code = field, code


def limits_problem(values: dict[str, float]) -> tuple[str, str] | None:
    """Return (field, what is wrong) of the first limit that is out of its range, or None."""
    for name, (least, most) in RANGES.items():
        if not least <= values[name] <= most:  # false for NaN as well
            return name, f"must be {least:g} to {most:g}, was {values[name]:g}"
    if values["max_risk_per_trade"] > values["max_risk_per_day"]:
        text = f"one trade may not risk more than a day: {values['max_risk_per_day']:g} is max_risk_per_day"
        return "max_risk_per_trade", text
    return None


def set_limits(changes: dict[str, float], by: Actor) -> Bounds:
    """Save a new version of the limits with these changes, if any is one. Raises Refused for a value out of range."""
    for _ in range(TRIES):
        try:
            return _set_limits(changes, by)
        except IntegrityError:
            continue  # somebody else has just taken the number of the version: look again what is in force
    raise Refused("version", "the limits are being changed by others: try again", "conflict")


@transaction.atomic
def _set_limits(changes: dict[str, float], by: Actor) -> Bounds:
    newest, before = newest_limits(), bounds()._asdict()
    values = before | changes
    problem = limits_problem(values)
    if problem:
        raise Refused(*problem)
    old, new = audit.changed(before, values)
    if new:
        user: Any = by if isinstance(by, AbstractBaseUser) and by.is_authenticated else None
        version = newest.version + 1 if newest else 1
        Limits.objects.create(version=version, created_by=user, **values)
        audit.record("risk.limits", f"limits v{version}", old, new)
    return bounds()


def limits_json() -> dict[str, Any]:
    """Return the limits in force, with their version; 0 is the defaults that nobody has changed."""
    newest = newest_limits()
    return bounds()._asdict() | {"version": newest.version if newest else 0}


def locked(market: Market) -> Portfolio:
    """Return the portfolio with its row locked: nothing is advanced meanwhile."""
    return Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio_of(market).pk)


@transaction.atomic
def configure(market: Market, changes: dict[str, Any]) -> Portfolio:
    """Change the portfolio's policy; ``changes`` are checked fields of it. What is open keeps its stop and target."""
    portfolio = locked(market)
    before = {name: getattr(portfolio, name) for name in POLICY}
    old, new = audit.changed(before, before | changes)
    if new:
        for name, value in new.items():
            setattr(portfolio, name, value)
        portfolio.save(update_fields=list(new))
        audit.record("risk.portfolio", str(portfolio), old, new)
    return portfolio


@dataclass(frozen=True)
class Wish:
    """What a person asks for. side: 1 long, -1 short, 0 to leave; quantity None: as much as the limits allow."""

    side: int
    stop: float | None = None
    target: float | None = None
    quantity: float | None = None


@transaction.atomic
def place(market: Market, instrument: Instrument, wish: Wish) -> Order:
    """Place an order by hand for the open of the symbol's next bar. Raises Refused, Unsound naming what is at fault."""
    portfolio = locked(market)
    series, now = require_placeable(market, instrument, wish)
    order = Order.objects.create(
        portfolio=portfolio,
        instrument=instrument,
        series=series,
        intent=2 * wish.side,  # ENTER_LONG, ENTER_SHORT, LEAVE
        placed_at=now,
        fills_from=-(-now // series.interval_ms) * series.interval_ms,
        stop=wish.stop,
        target=wish.target,
        quantity=wish.quantity,
        by=audit.actor(),
    )
    new = {"side": wish.side, "stop": wish.stop, "target": wish.target, "quantity": wish.quantity}
    audit.record("risk.order", f"paper order {order.pk} {instrument.symbol}", None, new)
    return order


def require_placeable(market: Market, instrument: Instrument, wish: Wish) -> tuple[Series, int]:
    """Return the series at whose next open a wish is filled, and market time (ms). Raises Refused, Unsound."""
    now = market.position
    if now is None:
        raise Refused("symbol", "the market has not begun: there is no next bar", "no_market")
    series, last = _trading(instrument, now)
    if wish.side == 0:
        held = Position.objects.filter(portfolio__market=market, instrument=instrument, how=Position.How.OPEN)
        if not held.exists():
            raise Refused("symbol", f"there is no open position in {instrument.symbol}", "no_position")
    elif wish.stop is None:
        raise Refused("stop_loss", "a position needs a stop: its size follows from it", "required")
    else:
        require_sound(Proposal(instrument.symbol, wish.side, last, wish.stop, wish.quantity), 1.0)
        if wish.target is not None and (wish.target - last) * wish.side <= 0.0:
            raise Refused("take_profit", f"{wish.target:g} lies on the wrong side of the last price {last:g}")
    return series, now


def _trading(instrument: Instrument, now: int) -> tuple[Series, float]:
    """Return the smallest series of an instrument that has bars lately, and its last close. Raises Refused."""
    members = sorted(Series.objects.filter(instrument=instrument), key=lambda one: one.interval_ms)
    for one in members:
        since = now - (RECENT_BARS + 1) * one.interval_ms
        known = Candle.objects.filter(series=one).opening(since, now - one.interval_ms + 1).order_by("-open_time")
        last = known.values_list("close", flat=True).first()
        if last is not None and (one.ended_at is None or one.ended_at > now):
            return one, last
    raise Refused("symbol", f"{instrument.symbol} has no recent candles to fill an order at", "stale")


def last_close(instrument: Instrument, now: int) -> float | None:
    """Return the newest close of an instrument at ``now`` (ms), None where it has no recent candles."""
    try:
        return _trading(instrument, now)[1]
    except Refused:
        return None


@transaction.atomic
def cancel(market: Market, order_id: int) -> Order:
    """Take back an order that still waits for its bar. Raises Order.DoesNotExist, Refused."""
    order = Order.objects.select_related("instrument").get(portfolio=locked(market), pk=order_id)
    if order.status != Order.Status.WAITING:
        raise Refused("order", f"the order is {order.status}: only a waiting one can be taken back", "decided")
    order.status, order.reason, order.decided_at = Order.Status.CANCELLED, "taken back", market.position
    order.save(update_fields=["status", "reason", "decided_at"])
    audit.record("risk.cancel", f"paper order {order.pk} {order.instrument.symbol}", "waiting", "cancelled")
    return order


@transaction.atomic
def reset_daily(market: Market) -> Portfolio:
    """Let the day's loss counter start again at the market's present time."""
    portfolio = locked(market)
    old, new = portfolio.counted_from, market.position or 0
    portfolio.counted_from = new
    portfolio.save(update_fields=["counted_from"])
    audit.record("risk.reset_daily", str(portfolio), {"counted_from": old}, {"counted_from": new})
    return portfolio


@transaction.atomic
def lift(market: Market, protection_id: int) -> Protection:
    """End a protection now. Behind a drawdown pause the drawdown counts from what is left.

    Raises Protection.DoesNotExist, Refused for one that is over.
    """
    portfolio, now = locked(market), market.position or 0
    one = Protection.objects.select_related("instrument").get(portfolio=portfolio, pk=protection_id)
    if one.lifted_at is not None or one.over or one.until <= now:
        raise Refused("protection", "it is over already", "over")
    one.lifted_at, one.lifted_by, one.over = now, audit.actor()[:200], True
    one.save(update_fields=["lifted_at", "lifted_by", "over"])
    if one.kind == Protection.Kind.DRAWDOWN:
        portfolio.limit_peak = book_of(portfolio, open_positions(portfolio)).equity
        portfolio.save(update_fields=["limit_peak"])
    audit.record("risk.lift", f"protection {one.pk} {one.kind}", {"until": one.until}, {"lifted_at": now})
    return one
