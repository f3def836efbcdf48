"""The paper portfolio follows stored signals on stored candles, once, whatever stops and starts on the way."""

import pytest

from market.models import Candle, Hole, Instrument, Series
from risk import services
from risk.advancing import advance
from risk.models import EquityPoint, Order, Portfolio, Position
from risk.services import Wish
from tests.risk.conftest import HOUR, at

pytestmark = pytest.mark.django_db

FEE, SLIPPAGE = 0.0005, 0.001


def only() -> Position:
    return Position.objects.get()


def worth(portfolio) -> float:
    held = portfolio.positions.filter(how="open")
    return portfolio.cash + sum(p.side * p.quantity * p.mark for p in held)


def test_a_buy_is_filled_at_the_next_open_with_slippage_and_fee(paper):
    paper.bar(0, 100)
    paper.signal(behind=0)
    assert paper.close(0) == 0  # the bar that made it never fills it
    paper.bar(1, 102, 103, 101, 102.5)
    assert paper.close(1) == 1
    position = only()
    assert position.entry == pytest.approx(102 * (1 + SLIPPAGE))
    assert (position.side, position.entered_at, position.mark) == (1, at(1), 102.5)
    assert position.fees == pytest.approx(position.quantity * position.entry * FEE)
    assert position.risk == pytest.approx(100.0)  # 1 % of 10,000
    assert worth(paper.portfolio) == pytest.approx(
        10_000 + position.quantity * (102.5 - position.entry) - position.fees
    )


def test_a_stop_is_hit_and_the_loss_is_the_risk_with_costs(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    paper.bar(2, 100, 100, 80)
    paper.close(1)
    paper.close(2)
    position = only()
    assert (position.how, position.exited_at) == ("stop", at(3))
    assert position.exit == pytest.approx(position.stop * (1 - SLIPPAGE))
    assert -115 < position.profit < -100
    assert worth(paper.portfolio) == pytest.approx(10_000 + position.profit)


def test_a_target_is_a_limit_order_without_slippage(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 130, 99.5)
    paper.close(1)
    position = only()
    assert (position.how, position.exit) == ("target", position.target)
    assert 180 < position.profit < 200


def test_a_sell_turns_a_long_into_a_short_at_one_open(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    paper.signal(behind=1, advice="SELL")
    paper.bar(2, 100.5, 101, 100)
    paper.close(2)
    long, short = Position.objects.order_by("pk")
    assert (long.how, long.exited_at, long.exit) == ("signal", at(2), pytest.approx(100.5 * (1 - SLIPPAGE)))
    assert (short.how, short.side, short.entered_at) == ("open", -1, at(2))


def test_a_signal_whose_direction_no_longer_agrees_leaves_and_one_that_agrees_stays(paper):
    paper.signal(behind=0)
    for number in range(1, 5):
        paper.bar(number, 100, 101, 99.5)
    paper.signal(behind=1, advice="HOLD", direction="BULLISH")
    paper.close(2)
    assert only().how == "open"
    paper.signal(behind=2, advice="HOLD", direction="NEUTRAL")
    paper.close(3)
    assert only().how == "signal"
    statuses = list(Order.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["filled", "nothing", "filled"]


def test_a_signal_told_twice_opens_one_position(paper):
    signal = paper.signal(behind=0)
    from risk.following import take_up

    take_up(paper.market, [signal], signal.as_of)
    paper.bar(1, 100, 101, 99)
    paper.close(1)
    paper.close(1)
    take_up(paper.market, [signal], at(2))
    paper.bar(2, 100, 101, 99)
    paper.close(2)
    assert Order.objects.count() == Position.objects.count() == 1


def test_an_order_that_becomes_known_late_is_filled_at_an_open_that_is_still_to_come(paper):
    from risk.following import take_up

    for number in range(5):
        paper.bar(number, 100 + number, 110, 99)
    paper.close(3)
    take_up(paper.market, [paper.stored(behind=0)], at(4))
    paper.close(4)
    assert only().entered_at == at(4)


def test_a_bar_that_may_still_come_is_waited_for_by_the_whole_portfolio(paper):
    for symbol in ("AAAUSDT", "BBBUSDT"):
        paper.signal(behind=0, symbol=symbol)
        paper.bar(1, 100, 101, 99.5, symbol=symbol)
    paper.close(1)
    assert Position.objects.count() == 2
    paper.bar(2, 100, 101, 80, symbol="BBBUSDT")
    paper.close(2)
    assert set(Position.objects.values_list("how", flat=True)) == {"open"}
    paper.bar(2, 100, 101, 80)
    paper.close(2)
    assert set(Position.objects.values_list("how", flat=True)) == {"stop"}


def test_a_confirmed_hole_is_crossed_and_the_gap_fills_at_the_open(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    Hole.objects.create(series=paper._of("AAAUSDT"), start=at(2), end=at(4), reason="outage")
    paper.bar(4, 70, 71, 69)
    paper.close(4)
    assert (only().how, only().exit) == ("stop", pytest.approx(70 * (1 - SLIPPAGE)))


def test_funding_is_paid_by_the_long_at_the_close_it_falls_on(paper):
    from market import side

    paper.signal(behind=0)
    for number in range(1, 20):
        paper.bar(number, 100, 101, 99.5)
    times = [at(8), at(16)]
    side.store(paper.instrument(), "funding_rate", [side.Arrival(t, 0.0003) for t in times])
    paper.close(19)
    position = only()
    assert position.funding == pytest.approx(-2 * position.quantity * 100 * 0.0003)
    assert worth(paper.portfolio) == pytest.approx(10_000 + position.unrealised - position.fees + position.funding)


def test_what_has_no_more_bars_is_closed_at_its_last_mark(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    series = paper._of("AAAUSDT")
    series.ended_at = at(2)
    series.save()
    paper.close(1)
    assert only().how == "open"
    paper.close(2)
    assert (only().how, only().exited_at) == ("ended", at(2))


def test_a_portfolio_that_does_not_follow_places_no_orders(paper):
    services.configure(paper.market, {"follows": False})
    paper.signal(behind=0)
    assert not Order.objects.exists()


def test_by_hand_a_position_is_opened_and_closed_at_the_next_opens(paper):
    paper.bar(0, 100)
    paper.close(0)
    services.place(paper.market, paper.instrument(), Wish(-1, stop=105.0, target=90.0, quantity=3.0))
    paper.bar(1, 101, 102, 100.5)
    paper.close(1)
    position = only()
    assert (position.side, position.quantity, position.stop, position.target) == (-1, 3.0, 105.0, 90.0)
    services.place(paper.market, paper.instrument(), Wish(0))
    paper.bar(2, 99, 100, 98)
    paper.close(2)
    assert (only().how, only().exit) == ("hand", pytest.approx(99 * (1 + SLIPPAGE)))


def test_equity_points_add_up_and_tell_the_drawdown(paper):
    paper.signal(behind=0)
    for number, price in enumerate([100, 104, 102, 103], start=1):
        paper.bar(number, price, price + 0.2, price - 0.2)
        paper.close(number)
    points = list(EquityPoint.objects.order_by("ts"))
    assert [p.ts for p in points] == [at(n) for n in range(2, 6)]
    for point in points:
        assert point.equity == pytest.approx(10_000 + point.realised + point.unrealised)
    highest = points[1].equity
    assert points[2].drawdown == pytest.approx(1 - points[2].equity / highest)
    assert Portfolio.objects.get().peak == pytest.approx(highest)


def test_without_positions_nothing_is_stored_but_how_far_it_is(paper):
    paper.bar(0, 100)
    paper.close(0)
    assert not EquityPoint.objects.exists()
    assert paper.portfolio.processed == at(0) + HOUR


def test_what_is_no_longer_watched_is_closed_at_its_last_mark_and_waited_for_by_nobody(paper):
    for symbol in ("AAAUSDT", "BBBUSDT"):
        paper.signal(behind=0, symbol=symbol)
        paper.bar(1, 100, 101, 99.5, symbol=symbol)
    paper.close(1)
    Instrument.objects.filter(symbol="AAAUSDT").update(watched=False)
    paper.bar(2, 100, 101, 99.5, symbol="BBBUSDT")
    paper.close(2)
    gone, held = Position.objects.order_by("instrument__symbol")
    assert (gone.how, gone.exited_at, gone.exit) == ("ended", at(3), pytest.approx(100 * (1 - SLIPPAGE)))
    assert (held.how, held.bars) == ("open", 2)


def test_a_position_goes_on_with_the_timeframe_that_still_comes_in(paper):
    paper.signal(behind=0)
    paper.bar(1, 100, 101, 99.5)
    paper.close(1)
    wider = Series.objects.create(instrument=paper.instrument(), timeframe="4h", first_open=at(0))
    Candle.objects.create(series=wider, open_time=at(4), open=100, high=101, low=80, close=81, volume=1.0)
    Hole.objects.create(series=wider, start=at(0), end=at(4), reason="outage")
    advance(paper.market, at(8), ["4h"])
    position = only()
    assert (position.how, position.series, position.exited_at) == ("stop", wider, at(8))
