"""The scan takes the paper portfolio along."""

import pytest

from market.feeds import current_market
from risk.models import Order, Portfolio, Position
from signals.models import Signal


@pytest.mark.django_db
def test_the_scan_itself_places_orders_and_takes_the_portfolio_along(replay, played_market):
    signals = Signal.objects.count()
    assert Order.objects.count() == signals > 3
    portfolio = Portfolio.objects.get()
    assert portfolio.processed == current_market().position
    assert not Order.objects.filter(status="filled", decided_at__lt=0).exists()
    for position in Position.objects.select_related("signal"):
        assert position.entered_at >= position.signal.as_of
        assert position.series.timeframe == "5m"
        assert position.stop == position.signal.plan["stop"]
