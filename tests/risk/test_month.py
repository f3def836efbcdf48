"""A month of real hourly candles through the scan itself. Minutes of work: RISK_MONTH=1 asks for it."""

import os
from collections import Counter

import pytest

from agent.runner import MarketRunner
from agent.services import agent_state, configure
from market.feeds import current_market
from risk.models import EquityPoint, Order, Portfolio, Position
from signals.models import Signal
from signals.publish import mark_published

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.candles,
    pytest.mark.skipif(not os.environ.get("RISK_MONTH"), reason="RISK_MONTH is not set"),
]

SYMBOLS = ["BTCUSDT", "ETHUSDT", "LINKUSDT", "SOLUSDT", "TRXUSDT"]
NEVER = 10**9
START = 1_709_251_200_000  # 2024-03-01
END = START + 30 * 24 * 3_600_000


def play(restart_every):
    runner, steps = MarketRunner(current_market()), 0
    while current_market().position < END:
        steps += 1
        if steps % restart_every == 0:
            runner = MarketRunner(current_market())
        mark_published(runner.step().signals)


def trades():
    fields = ("side", "quantity", "entry", "entered_at", "stop", "target", "exit", "exited_at", "how", "profit")
    return list(Position.objects.order_by("entered_at", "instrument__symbol").values_list(*fields))


@pytest.mark.parametrize("restart_every", [NEVER, 97])
def test_a_month_of_real_candles_adds_up_to_its_trades(candles_dir, settings, request, restart_every):
    settings.MARKET_SOURCE, settings.REPLAY_SYMBOLS = f"replay:{candles_dir}", SYMBOLS
    settings.REPLAY_SPEED, settings.REPLAY_START = 0.0, START
    agent_state()
    configure({"timeframes": ["1h"]})
    play(restart_every)
    portfolio = Portfolio.objects.get()
    closed, held = Position.objects.exclude(how="open"), Position.objects.filter(how="open")
    equity = portfolio.cash + sum(p.side * p.quantity * p.mark for p in held)
    profit = sum(p.profit for p in closed)
    floating = sum(p.side * p.quantity * (p.mark - p.entry) - p.fees + p.funding for p in held)
    assert equity == pytest.approx(portfolio.initial_equity + profit + floating, abs=0.005)
    assert portfolio.processed == current_market().position
    assert Order.objects.count() == Signal.objects.count()
    assert closed.count() > 5
    assert EquityPoint.objects.count() > 100
    cache = request.config.cache
    if restart_every == NEVER:
        cache.set("risk/month", [list(t) for t in trades()])
    else:
        assert [list(t) for t in trades()] == cache.get("risk/month", None)
    statuses = Counter(Order.objects.values_list("status", flat=True))
    print(f"{dict(statuses)}, {closed.count()} trades, equity {equity:.2f}, profit {profit:+.2f}")
