"""Positions, orders, protections and equity points as the wire has them."""

from typing import Any

from risk.models import EquityPoint, Order, Portfolio, Position, Protection

SIDES = {1: "LONG", -1: "SHORT"}
ASKED = {2: "LONG", -2: "SHORT"}


def position_json(one: Position) -> dict[str, Any]:
    """Return a PaperPosition."""
    is_open = one.how == Position.How.OPEN
    return {
        "id": one.pk,
        "symbol": one.instrument.symbol,
        "side": SIDES[one.side],
        "quantity": one.quantity,
        "entry_ts": one.entered_at,
        "entry_price": one.entry,
        "stop_loss": one.stop,
        "take_profit": one.target,
        "mark_price": one.mark,
        "notional": one.notional if is_open else one.quantity * one.entry,
        "risk_amount": one.risk,
        "unrealised": one.unrealised - one.fees + one.funding if is_open else None,
        "fees": one.fees,
        "funding": one.funding,
        "bars": one.bars,
        "outcome": one.how,
        "exit_ts": one.exited_at,
        "exit_price": one.exit,
        "profit": one.profit,
        "signal_id": str(one.signal_id) if one.signal_id else None,
    }


def order_json(one: Order) -> dict[str, Any]:
    """Return a PaperOrder."""
    return {
        "id": one.pk,
        "symbol": one.instrument.symbol,
        "side": ASKED.get(one.intent, "FLAT"),
        "status": one.status,
        "reason": one.reason,
        "limits": one.limits,
        "placed_ts": one.placed_at,
        "fills_from": one.fills_from,
        "decided_ts": one.decided_at,
        "quantity": one.quantity,
        "stop_loss": one.stop,
        "take_profit": one.target,
        "position_id": one.position_id,
        "signal_id": str(one.signal_id) if one.signal_id else None,
        "by": one.by,
    }


def protection_json(one: Protection) -> dict[str, Any]:
    """Return a RiskProtection."""
    return {
        "id": one.pk,
        "kind": one.kind,
        "symbol": one.instrument.symbol if one.instrument else None,
        "since": one.since,
        "until": one.until,
        "reason": one.reason,
        "lifted_ts": one.lifted_at,
        "lifted_by": one.lifted_by,
    }


POINT = ("ts", "equity", "realised", "unrealised", "drawdown", "positions")


def point_json(one: EquityPoint) -> dict[str, Any]:
    """Return a PaperEquityPoint."""
    return {name: getattr(one, name) for name in POINT}


def policy_json(portfolio: Portfolio) -> dict[str, Any]:
    """Return a PaperPolicy."""
    names = ("follows", "fee", "slippage", "target_r", "shorts", "initial_equity")
    return {name: getattr(portfolio, name) for name in names} | {"as_of": portfolio.processed}
