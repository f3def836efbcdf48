"""A month of replay adds up to its trades, whatever the restarts; two workers open nothing twice."""

import os
import threading

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from agent import cycle
from market.feeds import current_market
from market.models import Market
from risk.advancing import advance
from risk.books import bounds
from risk.following import portfolio_of, take_up
from risk.models import EquityPoint, Limits, Order, Portfolio, Position, Protection
from risk.services import set_limits
from signals.models import Signal
from tests.risk.conftest import Paper, at

BARS = 30 * 24
SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT")


def month(paper):
    """Store a month of hourly candles of five symbols, and about two signals a day."""
    generator = np.random.default_rng(11)
    for symbol in SYMBOLS:
        paper.path(100.0 * np.exp(np.cumsum(0.008 * generator.standard_normal(BARS))), symbol)
    for behind in sorted(generator.choice(BARS - 2, 60, replace=False).tolist()):
        advice = str(generator.choice(["BUY", "SELL", "HOLD"]))
        paper.stored(behind, advice, str(generator.choice(SYMBOLS)), atr=0.01)


def replay_month(paper, skipped):
    """Play the month; the portfolio is not taken along at the hours that are skipped."""
    signals = {}
    for signal in Signal.objects.select_related("instrument"):
        signals.setdefault(signal.as_of, []).append(signal)
    for number in range(BARS):
        now = at(number + 1)
        take_up(paper.market, signals.get(now, []), now)
        if number not in skipped:
            paper.close(number)
    while paper.portfolio.processed < at(BARS):  # of a longer rest two weeks are done at a time
        paper.close(BARS - 1)


def ledger():
    """Return everything that was stored but keys."""
    fields = (
        "side",
        "quantity",
        "entry",
        "entered_at",
        "exit",
        "exited_at",
        "how",
        "fees",
        "funding",
        "profit",
        "mark",
    )
    trades = list(
        Position.objects.order_by("entered_at", "instrument__symbol").values_list("instrument__symbol", *fields)
    )
    points = list(EquityPoint.objects.order_by("ts").values_list("ts", "equity", "drawdown"))
    orders = list(Order.objects.order_by("signal__as_of", "instrument__symbol").values_list("status", "reason"))
    rests = list(Protection.objects.order_by("since", "kind", "reason").values_list("since", "until", "kind", "reason"))
    return trades, points, orders, rests


@pytest.mark.django_db
def test_a_month_adds_up_to_its_trades_to_the_cent_whatever_the_restarts(paper):
    from market import side

    month(paper)
    for symbol in SYMBOLS:
        rates = [side.Arrival(at(n), 0.0002 * (-1) ** n) for n in range(8, BARS, 8)]
        side.store(paper.instrument(symbol), "funding_rate", rates)
    generator = np.random.default_rng(2)

    def but(share):
        return set(np.flatnonzero(generator.random(BARS) < share).tolist())

    replay_month(paper, skipped=but(0.0 if os.environ.get("RISK_HOURLY") else 0.85))
    once = ledger()
    for share in (0.95, 1.0):
        Portfolio.objects.all().delete()
        portfolio = portfolio_of(paper.market)
        portfolio.processed = at(0)
        portfolio.save()
        replay_month(paper, skipped=but(share))
        again = ledger()
        for had, has in zip(once, again, strict=True):
            assert has == had
    trades = Position.objects.exclude(how="open")
    assert trades.count() > 15
    assert {"stop", "target", "signal"} <= set(trades.values_list("how", flat=True))
    portfolio = Portfolio.objects.get()
    gained = sum(t.side * t.quantity * (t.exit - t.entry) - t.fees + t.funding for t in trades)
    held = sum(
        p.side * p.quantity * (p.mark - p.entry) - p.fees + p.funding for p in Position.objects.filter(how="open")
    )
    equity = portfolio.cash + sum(p.side * p.quantity * p.mark for p in Position.objects.filter(how="open"))
    assert sum(t.profit for t in trades) == pytest.approx(gained, abs=0.001)
    assert equity == pytest.approx(portfolio.initial_equity + gained + held, abs=0.005)
    assert abs(sum(t.funding for t in trades)) > 0.01
    for point in EquityPoint.objects.all():
        assert point.equity == pytest.approx(10_000 + point.realised + point.unrealised, abs=0.005)


@pytest.mark.django_db
def test_the_scan_takes_the_portfolio_along_and_sends_signals_though_that_fails(play, monkeypatch, caplog):
    play(25)
    assert Order.objects.count() == Signal.objects.count() > 2
    assert Portfolio.objects.get().processed == current_market().position
    for position in Position.objects.select_related("signal", "series"):
        assert position.entered_at >= position.signal.as_of
        assert (position.series.timeframe, position.stop) == ("5m", position.signal.plan["stop"])

    def broken(market, now, timeframes):
        raise ZeroDivisionError

    monkeypatch.setattr(cycle, "advance", broken)
    signals = Signal.objects.count()
    play(20)
    assert Signal.objects.count() > signals
    assert "the paper portfolio stays where it is" in caplog.text
    monkeypatch.setattr(cycle, "advance", advance)
    play(1)
    assert Portfolio.objects.get().processed == current_market().position
    assert not Order.objects.waiting().filter(fills_from__lt=current_market().position).exists()


@pytest.mark.django_db
def test_the_database_refuses_a_second_open_position_of_a_symbol(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    paper.close(1)
    twin = Position.objects.get()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_open_the_same_position_twice(replay):
    paper = Paper()
    paper.close(-1)
    portfolio_of(paper.market)
    Portfolio.objects.update(fee=0.0, slippage=0.0)  # a loss would let the symbol rest
    for number in range(1, 9):
        paper.bar(number, 100, 100.5, 99.5)
        signal = paper.stored(behind=number - 1, advice="BUY" if number % 2 else "SELL")
        _at_once(paper.market, signal, at(number + 1))
    assert list(Order.objects.values_list("status", flat=True)) == ["filled"] * 8
    assert Position.objects.count() == Order.objects.values("position").distinct().count() == 8
    held = Position.objects.get(how="open")
    profit = sum(p.profit for p in Position.objects.exclude(how="open"))
    worth = Portfolio.objects.get().cash + held.side * held.quantity * held.mark
    assert worth == pytest.approx(10_000 + profit + held.unrealised - held.fees, abs=0.005)
    assert EquityPoint.objects.count() == 8


def _at_once(market, signal, now, workers=4):
    """Let several workers take up a signal and advance the portfolio at the same moment."""
    start, failed = threading.Barrier(workers), []

    def work():
        try:
            mine = Market.objects.get(pk=market.pk)
            start.wait()
            take_up(mine, [signal], signal.as_of)
            advance(mine, now)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.django_db(transaction=True)
def test_of_limits_set_at_the_same_moment_none_is_lost():
    start, failed = threading.Barrier(4), []

    def work(number):
        try:
            start.wait()
            set_limits({NAMES[number]: 0.5}, by=None)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [getattr(bounds(), name) for name in NAMES] == [0.5] * 4
    assert sorted(Limits.objects.values_list("version", flat=True)) == [1, 2, 3, 4]


NAMES = ("max_risk_per_day", "max_correlation", "max_drawdown", "max_leverage")
