"""The plan that a signal carries: where to enter and leave by its own candles, and how much for an account.

The account is handed down by the scan: signals know of no portfolio.
"""

from math import isfinite
from typing import Any, NamedTuple

from engine.plan import SIGNAL_TERMS, TARGETS_R, Setup, Terms, setup, size
from engine.score import SymbolScore

SIDES = {"BULLISH": 1, "BEARISH": -1}
SIZED_BY = ("risk", "max_share", "max_leverage", "step", "min_notional")  # of the terms: stored with the size


class Account(NamedTuple):
    """What a plan is sized by. equity, in_use (notional of what is open): quote asset."""

    equity: float
    in_use: float = 0.0
    terms: Terms = SIGNAL_TERMS

    def trading(self, step: float, min_notional: float) -> "Account":
        """Return the account with a symbol's step (base asset) and least notional (quote asset), 0 where unknown."""
        return self._replace(terms=self.terms._replace(step=step, min_notional=min_notional))


def plan_json(score: SymbolScore, account: Account) -> dict[str, Any] | None:
    """Return the plan as it is stored and sent; None without a direction, or where the price never moved."""
    side = SIDES.get(score.direction)
    if side is None or not score.atr > 0.0:
        return None
    price, low, high = score.levels
    made = setup(side, price, score.atr, low, high, SIGNAL_TERMS)
    targets = [
        {"r": r, "price": target, "reward_to_risk": ratio}
        for r, target, ratio in zip(TARGETS_R, made.targets, made.reward_to_risk, strict=True)
        if isfinite(target)
    ]
    return {
        "side": "LONG" if side > 0 else "SHORT",
        "entry": made.entry,
        "zone": list(made.zone),
        "stop": made.stop,
        "stop_from": made.stop_from,
        "targets": targets,
        "reward_to_risk": next((t["reward_to_risk"] for t in targets if t["r"] == SIGNAL_TERMS.target_r), None),
        "size": _size_json(made, account),
    }


def _size_json(made: Setup, account: Account) -> dict[str, Any]:
    by = {"equity": account.equity, "in_use": account.in_use} | {
        name: getattr(account.terms, name) for name in SIZED_BY
    }
    try:
        sized = size(made.side, account.equity, made.entry, made.stop, account.terms, account.in_use)
    except ValueError as refused:
        return by | {"quantity": 0.0, "notional": 0.0, "risk_amount": 0.0, "refused": str(refused)}
    return by | sized._asdict() | {"refused": None}


def account_of(plan: dict[str, Any] | None) -> Account:
    """Return the account that a stored plan was sized by; any, where there is no plan."""
    if plan is None:
        return Account(0.0)
    by = plan["size"]
    return Account(by["equity"], by["in_use"], SIGNAL_TERMS._replace(**{name: by[name] for name in SIZED_BY}))
