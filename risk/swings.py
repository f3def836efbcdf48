"""The last confirmed swings behind a signal: where structure protects a stop."""

from math import nan

from engine.timeframes import INTERVAL_MS
from market.models import Series
from market.windows import NoScore, Windows
from risk.models import Order
from signals.structure import structure_of


def swings_at(order: Order) -> tuple[float, float]:
    """Return (low, high), prices of the newest swings of the signal's longest timeframe at its close; NaN if none.

    Derived from stored candles, so it is the same whenever it is asked.
    """
    signal = order.signal
    if signal is None:
        return nan, nan
    series = Series.objects.filter(instrument=order.instrument_id, timeframe__in=signal.configured)
    members = sorted(series.select_related("instrument"), key=lambda one: INTERVAL_MS[one.timeframe])
    if not members:
        return nan, nan
    windows = Windows()
    windows.refresh(members[-1:], signal.as_of)
    window = windows.cut(members[-1], signal.as_of)
    if isinstance(window, NoScore):
        return nan, nan
    newest = {swing["kind"]: swing["price"] for swing in structure_of(window)["swings"]}
    return newest.get("low", nan), newest.get("high", nan)
