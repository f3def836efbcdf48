"""The portfolio's policy: which of the stored signals become orders.

BUY asks for a long, SELL for a short; a signal whose direction no longer agrees asks to leave (``engine.plan``). An
order is filled at the open of the first bar behind the signal, and of none that was over when the signal was known; the
stop is the one of the signal's plan, the target a multiple of its distance from the fill.
"""

from typing import TYPE_CHECKING

from engine.plan import ENTER_LONG, intent_of
from engine.timeframes import INTERVAL_MS
from market.models import Market, Series
from risk.models import Order, Portfolio

if TYPE_CHECKING:
    from signals.models import Signal


def portfolio_of(market: Market) -> Portfolio:
    """Return the market's portfolio; it begins, empty, where the market stands when it is first asked for."""
    return Portfolio.objects.get_or_create(market=market, defaults={"processed": market.position})[0]


def take_up(market: Market, signals: list["Signal"], known_at: int) -> int:
    """Place an order for each of ``signals``, stored by a tick of market time ``known_at`` (ms); return how many.

    To be called in the transaction that stores them. A signal that has an order already gets no second one.
    """
    if not signals:
        return 0
    portfolio = portfolio_of(market)
    if not portfolio.follows:
        return 0
    wanted = Series.objects.filter(instrument__in={signal.instrument_id for signal in signals})
    series = {(one.instrument_id, one.timeframe): one for one in wanted}
    orders = [
        _order(portfolio, signal, series[signal.instrument_id, _smallest(signal)], known_at) for signal in signals
    ]
    Order.objects.bulk_create(orders, ignore_conflicts=True)
    return len(orders)


def _smallest(signal: "Signal") -> str:
    return min(signal.timeframes, key=INTERVAL_MS.__getitem__)


def _order(portfolio: Portfolio, signal: "Signal", series: Series, known_at: int) -> Order:
    intent = intent_of(signal.advice, signal.direction)
    return Order(
        portfolio=portfolio,
        instrument_id=signal.instrument_id,
        series=series,
        signal=signal,
        intent=intent,
        placed_at=known_at,
        fills_from=first_open(signal.as_of, known_at, series.interval_ms),
        stop=signal.plan["stop"] if signal.plan and abs(intent) == ENTER_LONG else None,
    )


def first_open(as_of: int, known_at: int, interval: int) -> int:
    """Return the open from which an order may be filled: behind ``as_of``, in no bar that was over when it was known.

    A signal is known some moments behind the close it was made from; its bar is the one that has just begun.
    """
    return max(-(-as_of // interval), known_at // interval) * interval
