"""What detectors see of structure in one window: confirmed swings, and the levels drawn from them."""

from math import exp
from typing import Any

import numpy as np

from engine.window import Window
from market.models import Instrument, Market, Series
from market.windows import NoScore, Windows


def window_of(market: Market, instrument: Instrument, timeframe: str) -> Window | NoScore:
    """Return the window that a score of this series would be made from now, or why there is none."""
    series = Series.objects.filter(instrument=instrument, timeframe=timeframe).select_related("instrument").first()
    if series is None:
        return NoScore("unavailable", f"{instrument.symbol} has no {timeframe} candles")
    now, windows = market.position or 0, Windows()
    windows.refresh([series], now)
    return windows.cut(series, now)


def structure_of(window: Window) -> dict[str, Any]:
    """Return ``swings`` known at the window's last bar, oldest first, and ``levels``: all as prices.

    The same swings as smc, fibonacci, harmonic and elliott read; levels: the newest swing high and low, and the
    retracements of the newest leg.
    """
    from engine.bars import Bars, Span  # these bring numba
    from engine.detectors.fibonacci import LEVELS
    from engine.evidence import to_logs
    from engine.pivots import SWINGS_STATE, find_swings

    bars = len(window.open_times)
    tile = np.ascontiguousarray(to_logs(window.values)).reshape(-1, bars, 1)
    known = find_swings(Bars(*tile), Span(0, 0, bars - 1), np.zeros((SWINGS_STATE, 1)))
    count, kind = int(known.known[0, 0]), int(known.kind[0, 0])
    swings = [
        {
            "ts": int(window.open_times[int(known.at[k, 0, 0])]),
            "price": exp(float(known.price[k, 0, 0])),
            "kind": "high" if (kind if k % 2 == 0 else -kind) > 0 else "low",
        }
        for k in reversed(range(count))
    ]
    return {"swings": swings, "levels": [*_extremes(swings), *_retracements(known, count, LEVELS)]}


def _extremes(swings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    newest = {swing["kind"]: swing["price"] for swing in swings}
    return [{"name": f"swing {kind}", "price": price} for kind, price in newest.items()]


def _retracements(known: Any, count: int, shares: tuple[float, ...]) -> list[dict[str, Any]]:
    if count < 2:
        return []
    start, end = float(known.price[1, 0, 0]), float(known.price[0, 0, 0])
    return [{"name": f"{100 * share:.1f} %", "price": exp(end - share * (end - start))} for share in shares]
