"""The player of a simulated or replayed market: it walks the grid of market time and hands out what has closed."""

from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market import ingest
from market.feeds import open_feed
from market.feeds.base import PlayedFeed
from market.holes import HoleSpan
from market.models import Candle, Instrument, Market, Series

PRUNE_EVERY = 50  # bars: old ones go in small batches, not one at each step


class Player:
    """Plays ``market`` from where its row says it stands."""

    def __init__(self, market: Market, timeframes: list[str]) -> None:
        self.market = Market.objects.get(pk=market.pk)
        self.feed: PlayedFeed = open_feed(self.market, timeframes)
        history = self._history() if self.market.position is None else {}
        # Of two processes that start on an empty database one stores the history; the other waits, then finds it.
        # What takes long, the files, was read before: a transaction that stands still for long is ended.
        with transaction.atomic():
            self.market = Market.objects.select_for_update().get(pk=market.pk)
            first = self.market.position is None
            if first:
                self._store_history(history)
            self._know_the_end()
        if history and not first:
            self.feed = open_feed(self.market, timeframes)  # a simulation follows from what the other one has begun
        self.series = {
            (s.instrument.symbol, s.timeframe): s
            for s in Series.objects.filter(instrument__market=market).select_related("instrument")
        }

    def _history(self) -> dict[tuple[str, str], tuple[Window, list[HoleSpan]]]:
        """Return what lies before the start, by symbol and timeframe."""
        feed = self.feed
        return {
            (symbol, timeframe): self._arrived(
                symbol, timeframe, feed.start - feed.history_bars * INTERVAL_MS[timeframe], feed.start
            )
            for symbol in feed.symbols
            for timeframe in feed.timeframes(symbol)
        }

    def _store_history(self, history: dict[tuple[str, str], tuple[Window, list[HoleSpan]]]) -> None:
        feed, market = self.feed, self.market
        instruments = {s: Instrument.objects.create(market=market, symbol=s) for s in feed.symbols}
        arrivals = []
        for (symbol, timeframe), arrived in history.items():
            series = Series.objects.create(
                instrument=instruments[symbol],
                timeframe=timeframe,
                first_open=feed.first_open(symbol, timeframe),
                ended_at=feed.last_close(symbol, timeframe),
            )
            arrivals.append((series, *arrived))
        ingest.store(market, arrivals)
        market.position = market.delivered = feed.start
        market.state = feed.state(feed.start)
        market.save(update_fields=["position", "delivered", "state"])

    def _know_the_end(self) -> None:
        market = self.market
        if market.delivered is None:  # a database from before there was such a column
            market.delivered = market.position
        market.ends_at = self.feed.end
        market.save(update_fields=["delivered", "ends_at"])

    def _arrived(self, symbol: str, timeframe: str, after: int, until: int) -> tuple[Window, list[HoleSpan]]:
        return self.feed.bars(symbol, timeframe, after, until), self.feed.holes(symbol, timeframe, after, until)

    def reload(self) -> Market:
        """Read the market's row again: another process may have moved it."""
        self.market = Market.objects.get(pk=self.market.pk)
        return self.market

    @property
    def position(self) -> int:
        assert self.market.position is not None  # set by the constructor
        return self.market.position

    @property
    def delivered(self) -> int:
        assert self.market.delivered is not None  # set by the constructor
        return self.market.delivered

    def next_time(self, grid_ms: int) -> int | None:
        """Return the next grid point, or None behind the last bar."""
        if self.feed.end is not None and self.delivered >= self.feed.end:
            return None
        return self.delivered // grid_ms * grid_ms + grid_ms

    def deliver(self, until: int, next_move_at: float) -> bool:
        """Store what closes after the last delivery and at ``until`` at the latest; the position stays.

        Returns False, with nothing stored, if another process has delivered meanwhile.
        """
        arrivals = [
            (series, *self._arrived(symbol, timeframe, self.delivered, until))
            for (symbol, timeframe), series in self._closing(until)
        ]
        with transaction.atomic():
            # First of all: it locks the row, so that of two players one stores and the other sees that it did.
            mine = Market.objects.filter(pk=self.market.pk, delivered=self.delivered)
            state, now = self.feed.state(until), timezone.now()
            if not mine.update(delivered=until, delivered_at=now, next_move_at=next_move_at, state=state):
                return False
            ingest.store(self.market, [a for a in arrivals if len(a[1].open_times) or a[2]])
        self.market.delivered, self.market.delivered_at, self.market.next_move_at = until, now, next_move_at
        if self.feed.keep_bars is not None:
            self._prune(until, self.feed.keep_bars)
        return True

    def _closing(self, until: int) -> Iterator[tuple[tuple[str, str], Series]]:
        """Yield the series on whose grid a bar closes in (delivered, until]."""
        for key, series in self.series.items():
            if until // series.interval_ms > self.delivered // series.interval_ms:
                yield key, series

    def _prune(self, until: int, keep: int) -> None:
        for timeframe, interval in INTERVAL_MS.items():
            if (until // interval) % PRUNE_EVERY == 0 and until % interval == 0:
                old = [s for (_, t), s in self.series.items() if t == timeframe]
                Candle.objects.filter(series__in=old, open_time__lt=until - keep * interval).delete()
