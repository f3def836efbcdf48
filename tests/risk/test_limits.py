"""Limits as pure functions: what they leave of a proposal is never above any of them."""

import os

import numpy as np
import pytest

from risk.limits import ACCEPTED, REJECTED, Book, Bounds, Held, Measured, Proposal, Unsound, weigh

CASES = int(os.environ.get("RISK_CASES", "10000"))
SLACK = 1.0 + 1e-9


def unknown(notional):
    return None


def straight(slope):
    """Return a value at risk that grows with the notional."""
    return lambda notional: slope * notional


def a_proposal(generator) -> Proposal:
    side = int(generator.choice([-1, 1]))
    entry = float(10.0 ** generator.uniform(-6, 6))
    stop = entry * (1.0 - side * float(10.0 ** generator.uniform(-4, -0.1)))
    step = float(generator.choice([0.0, 10.0 ** generator.uniform(-8, 3)]))
    return Proposal("NEWUSDT", side, entry, stop, None, step)


@pytest.mark.parametrize("seed", range(4))
def test_size_times_stop_distance_is_the_risk_set_within_one_step(seed):
    generator = np.random.default_rng(seed)
    roomy = Bounds(max_risk_per_trade=0.02, max_risk_per_day=1.0, max_single_asset=1e9, max_leverage=1e9)
    for _ in range(CASES // 4):
        proposal, equity = a_proposal(generator), float(10.0 ** generator.uniform(0, 9))
        bounds = roomy._replace(max_risk_per_trade=float(generator.uniform(0.0001, 0.2)))
        verdict = weigh(proposal, Book(equity), bounds, Measured({}, unknown))
        risk, wanted = verdict.quantity * proposal.distance, bounds.max_risk_per_trade * equity
        assert risk <= wanted * SLACK, proposal
        if verdict.status == REJECTED:
            assert verdict.limits == ["min_notional"]  # less than one step
            assert wanted < proposal.step * proposal.distance * SLACK, proposal
        else:
            assert verdict.status == ACCEPTED
            assert wanted - risk <= proposal.step * proposal.distance + 1e-9 * wanted, proposal


def a_book(generator, equity) -> Book:
    count = int(generator.integers(0, 6))
    held = [
        Held(f"S{n}USDT", int(generator.choice([-1, 1])), *(equity * generator.uniform(0, (0.5, 0.03))).tolist())
        for n in range(count)
    ]
    return Book(equity, held, float(equity * generator.uniform(0, 0.03)), float(generator.uniform(0, 0.25)))


def some_bounds(generator) -> Bounds:
    low = (0.001, 0.01, 1, 0.3, 0.05, 0.05, 0.001, 0.5)
    high = (0.05, 0.2, 8, 0.95, 1.0, 0.3, 0.05, 4.0)
    drawn = [float(generator.uniform(a, b)) for a, b in zip(low, high, strict=True)]
    return Bounds(*drawn)._replace(max_positions=int(drawn[2]))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_of_a_proposal_is_never_above_a_limit(seed):
    generator, statuses = np.random.default_rng(100 + seed), set()
    for _ in range(CASES // 10):
        equity = float(10.0 ** generator.uniform(1, 7))
        proposal, book, bounds = a_proposal(generator), a_book(generator, equity), some_bounds(generator)
        if generator.random() < 0.5:
            wanted = float(equity / proposal.entry * 10.0 ** generator.uniform(-3, 1))
            proposal = proposal._replace(wanted=wanted)
        known = {one.symbol: float(generator.uniform(-1, 1)) for one in book.held}
        slope = float(10.0 ** generator.uniform(-4, -1)) / equity
        verdict = weigh(proposal, book, bounds, Measured(known, straight(slope)))
        statuses.add(verdict.status)
        assert (verdict.quantity == 0.0) == (verdict.status == REJECTED)
        assert verdict.status == ACCEPTED or verdict.limits, "a limit stands behind every no"
        if verdict.status == REJECTED:
            continue
        notional, risk = verdict.quantity * proposal.entry, verdict.quantity * proposal.distance
        spent = book.lost_today + sum(one.risk for one in book.held)
        alike = [one for one in book.held if proposal.side * one.side * known[one.symbol] > bounds.max_correlation]
        assert risk <= bounds.max_risk_per_trade * equity / (len(alike) + 1) * SLACK
        assert spent + risk <= bounds.max_risk_per_day * equity * SLACK
        assert len(alike) < 2
        assert notional <= bounds.max_single_asset * equity * SLACK
        assert sum(one.notional for one in book.held) + notional <= bounds.max_leverage * equity * SLACK
        assert slope * notional <= bounds.max_var_95 * SLACK
        assert book.drawdown < bounds.max_drawdown
        assert len(book.held) < bounds.max_positions
        assert proposal.wanted is None or verdict.quantity <= proposal.wanted
    assert statuses == {"accepted", "sized_down", "rejected"}


def test_every_limit_that_the_full_size_breaks_is_named_with_value_and_bound():
    book = Book(1000.0, [Held("AUSDT", 1, 1900.0, 45.0)], lost_today=1.0)
    proposal = Proposal("BUSDT", 1, 100.0, 99.0, wanted=40.0)
    verdict = weigh(proposal, book, Bounds(), Measured({"AUSDT": 0.95}, straight(1e-5)))
    named = {one.limit: (round(one.value, 4), one.allowed) for one in verdict.breaches}
    assert named == {
        "max_risk_per_trade": (0.04, 0.01),
        "max_risk_per_day": (0.086, 0.05),
        "max_correlation": (0.95, 0.8),
        "max_single_asset": (4.0, 0.5),
        "max_leverage": (5.9, 2.0),
    }
    assert verdict.quantity == pytest.approx(1.0)  # max_leverage leaves least


def test_an_unknown_correlation_counts_as_one_above_the_limit():
    held = [Held("AUSDT", 1, 100.0, 1.0), Held("BUSDT", 1, 100.0, 1.0)]
    proposal = Proposal("CUSDT", 1, 100.0, 90.0)
    measured = Measured({"AUSDT": None, "BUSDT": None}, unknown, "insufficient data (3 bars, 100 needed)")
    verdict = weigh(proposal, Book(1000.0, held), Bounds(), measured)
    assert (verdict.status, verdict.limits) == ("rejected", ["max_correlation"])
    assert "correlation unknown, insufficient data (3 bars, 100 needed)" in verdict.reason


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"entry": float("nan")}, "entry_price", "above 0"),
        ({"stop": float("inf")}, "stop_loss", "above 0"),
        ({"entry": -1.0}, "entry_price", "above 0"),
        ({"stop": 100.0}, "stop_loss", "equals the entry"),
        ({"stop": 101.0}, "stop_loss", "below the entry"),
        ({"side": -1}, "stop_loss", "above the entry"),
        ({"wanted": 0.0}, "quantity", "above 0"),
        ({"wanted": float("nan")}, "quantity", "above 0"),
    ],
)
def test_a_proposal_that_makes_no_sense_names_what_is_at_fault(change, field, says):
    proposal = Proposal("AUSDT", 1, 100.0, 90.0)._replace(**change)
    with pytest.raises(Unsound, match=says) as raised:
        weigh(proposal, Book(1000.0), Bounds(), Measured({}, unknown))
    assert raised.value.field == field


@pytest.mark.parametrize("equity", [0.0, -5.0, float("nan")])
def test_without_equity_there_is_nothing_to_risk(equity):
    with pytest.raises(Unsound, match="nothing to risk"):
        weigh(Proposal("AUSDT", 1, 100.0, 90.0), Book(equity), Bounds(), Measured({}, unknown))
