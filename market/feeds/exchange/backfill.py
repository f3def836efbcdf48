"""History of one series, page by page, from a time on."""

from collections import Counter
from collections.abc import AsyncIterator

from engine.timeframes import INTERVAL_MS
from market.feeds.exchange.faults import ExchangeFault, UnknownSymbol
from market.feeds.exchange.feed import FIRST_RETRY_S, LONGEST_RETRY_S, Arrived, Stored
from market.feeds.exchange.track import Track
from market.feeds.exchange.venue import Venue

TRIES = 8  # requests in a row without a usable answer, before the command gives up; it can be run again


class Backfill:
    """Fetches what is not stored of ``symbol`` on ``timeframe`` between ``since`` (ms) and now."""

    def __init__(self, venue: Venue, symbol: str, timeframe: str, since: int, stored: Stored | None) -> None:
        self._venue, self._symbol, self._timeframe, self._since = venue, symbol, timeframe, since
        self._interval = INTERVAL_MS[timeframe]
        self.counts: Counter[str] = Counter()
        self.done = 0
        self._stored = stored
        self._track: Track | None = None
        self._first_open = stored.first_open if stored else 0

    async def size(self) -> int:
        """Find out what is missing; return how many bars that is."""
        if self._stored is None:
            first = await self._venue.first_open(self._symbol)
            self._first_open = 0 if first is None else first // self._interval * self._interval
        now = self._venue.clock.now_ms()
        track = Track(self._symbol, self._timeframe, self._first_open, now, self.counts)
        start = max(self._since // self._interval * self._interval, self._first_open)
        if self._stored is None or self._stored.oldest is None or self._stored.newest is None:
            track.want(start, track.next_open, now)
        else:
            track.knows(self._stored.oldest)
            track.want(start, self._stored.oldest, now)
            track.want(max(self._stored.newest + self._interval, start), track.next_open, now)
            for begin, end in self._stored.missing:
                track.want(max(begin, start), end, now)
        self._track = track
        return self._left()

    def _left(self) -> int:
        assert self._track
        return sum((g.end - g.start) // self._interval for g in self._track.gaps)

    async def pages(self) -> AsyncIterator[Arrived]:
        """Yield what each request brings. Raises ExchangeFault when the exchange gives no usable answer for long."""
        track, clock = self._track, self._venue.clock
        assert track
        total, failures, delay = self._left(), 0, FIRST_RETRY_S
        while track.gaps:
            gap = min(track.gaps, key=lambda g: g.due_at)
            if gap.due_at > clock.now_ms():
                await clock.sleep((gap.due_at - clock.now_ms()) / 1000.0)
            start, end = gap.start, self._venue.page_end(self._timeframe, gap.start, gap.end)
            try:
                bars = await self._venue.candles(self._symbol, self._timeframe, start, end)
            except ExchangeFault as fault:
                failures += 1
                self.counts[fault.reason] += 1
                if failures >= TRIES or isinstance(fault, UnknownSymbol):
                    raise
                await clock.sleep(delay)
                delay = min(delay * 2, LONGEST_RETRY_S)
                continue
            failures, delay = 0, FIRST_RETRY_S
            change = track.fetched(start, end, bars, clock.now_ms())
            self.counts["stored"] += len(change.bars)
            self.done = total - self._left()
            yield Arrived(self._symbol, self._timeframe, self._first_open, change.bars, change.holes)

    def summary(self) -> str:
        """Return what came of it, for a person."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.counts.items())) or "nothing to fetch"
