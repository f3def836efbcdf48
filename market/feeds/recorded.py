"""One symbol's bars on all the timeframes that its base bars can give."""

from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market.aggregate import aggregate
from market.holes import HoleSpan


class Recording:
    """Base bars and every larger timeframe aggregated from them."""

    def __init__(self, base: Window, holes: list[HoleSpan], base_ms: int) -> None:
        self.base_ms = base_ms
        self.series: dict[str, tuple[Window, list[HoleSpan]]] = {}
        for timeframe, interval in INTERVAL_MS.items():
            if interval >= base_ms and interval % base_ms == 0:
                made = aggregate(base, holes, base_ms, interval)
                if len(made[0].open_times):
                    self.series[timeframe] = made

    def bars(self, timeframe: str, after: int, until: int) -> Window:
        """Return bars that close in (after, until]."""
        interval = INTERVAL_MS[timeframe]
        return self.series[timeframe][0].between(after - interval + 1, until - interval + 1)

    def holes(self, timeframe: str, after: int, until: int) -> list[HoleSpan]:
        """Return holes that reach into (after, until], cut off at ``until``: nobody knows yet how long they get."""
        interval = INTERVAL_MS[timeframe]
        seen = until // interval * interval
        return [
            HoleSpan(h.start, min(h.end, seen), h.reason)
            for h in self.series[timeframe][1]
            if h.start < seen and h.end > after - interval
        ]

    def last_close(self, timeframe: str) -> int:
        return int(self.series[timeframe][0].open_times[-1]) + INTERVAL_MS[timeframe]
