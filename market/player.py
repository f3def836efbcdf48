"""The player of a simulated or replayed market: it walks the grid of market time and hands out what has closed."""

from collections.abc import Iterator

from django.db import transaction

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
        self.market = market
        # Of two processes that start on an empty database one loads the history; the other waits, then finds it.
        with transaction.atomic():
            self.market = Market.objects.select_for_update().get(pk=market.pk)
            self.feed: PlayedFeed = open_feed(self.market, timeframes)
            if self.market.position is None:
                self._load_history()
        self.series = {
            (s.instrument.symbol, s.timeframe): s
            for s in Series.objects.filter(instrument__market=market).select_related("instrument")
        }

    def _load_history(self) -> None:
        feed, market = self.feed, self.market
        arrivals = []
        for symbol in feed.symbols:
            instrument = Instrument.objects.create(market=market, symbol=symbol)
            for timeframe in feed.timeframes(symbol):
                series = Series.objects.create(
                    instrument=instrument,
                    timeframe=timeframe,
                    first_open=feed.first_open(symbol, timeframe),
                    ended_at=feed.last_close(symbol, timeframe),
                )
                after = feed.start - feed.history_bars * series.interval_ms
                arrivals.append((series, *self._arrived(series, symbol, after, feed.start)))
        ingest.store(market, arrivals)
        market.position, market.state = feed.start, feed.state(feed.start)
        market.save(update_fields=["position", "state"])

    def _arrived(self, series: Series, symbol: str, after: int, until: int) -> tuple[Window, list[HoleSpan]]:
        return (
            self.feed.bars(symbol, series.timeframe, after, until),
            self.feed.holes(symbol, series.timeframe, after, until),
        )

    def reload(self) -> Market:
        """Read the market's row again: another process may have moved it."""
        self.market = Market.objects.get(pk=self.market.pk)
        return self.market

    @property
    def position(self) -> int:
        assert self.market.position is not None  # set by the constructor
        return self.market.position

    def next_time(self, grid_ms: int) -> int | None:
        """Return the next grid point, or None behind the last bar."""
        if self.feed.end is not None and self.position >= self.feed.end:
            return None
        return self.position // grid_ms * grid_ms + grid_ms

    def deliver(self, until: int) -> None:
        """Store what closes after the position and at ``until`` at the latest. May run twice: rows are upserted."""
        arrivals = [
            (series, *self._arrived(series, symbol, self.position, until))
            for (symbol, _), series in self._closing(until)
        ]
        ingest.store(self.market, [a for a in arrivals if len(a[1].open_times) or a[2]])
        if self.feed.keep_bars is not None:
            self._prune(until, self.feed.keep_bars)

    def _closing(self, until: int) -> Iterator[tuple[tuple[str, str], Series]]:
        """Yield the series on whose grid a bar closes in (position, until]."""
        for key, series in self.series.items():
            if until // series.interval_ms > self.position // series.interval_ms:
                yield key, series

    def _prune(self, until: int, keep: int) -> None:
        for timeframe, interval in INTERVAL_MS.items():
            if (until // interval) % PRUNE_EVERY == 0 and until % interval == 0:
                old = [s for (_, t), s in self.series.items() if t == timeframe]
                Candle.objects.filter(series__in=old, open_time__lt=until - keep * interval).delete()

    def move(self, until: int, next_move_at: float) -> bool:
        """Move the position to ``until`` if it is still where this player saw it; return whether it was.

        To be called in the transaction of what was done at ``until``.
        """
        ended = self.feed.end is not None and until >= self.feed.end
        moved = Market.objects.filter(pk=self.market.pk, position=self.market.position).update(
            position=until, next_move_at=next_move_at, ended=ended, state=self.feed.state(until)
        )
        return moved == 1
