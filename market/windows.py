"""Windows of bars for scoring: read from the candle table, kept in memory, cut for a close, or the reason why not."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from engine.side import SideValues, at_closes
from engine.timeframes import MIN_BARS, WINDOW_BARS, window_start
from engine.window import Window, empty, join
from market.among import Among
from market.block import OVERLAP_BARS, Block
from market.candles import read_candles, read_rows
from market.holes import LONGEST_WITHOUT_TRADES, HoleSpan, gaps
from market.models import Candle, CandleRevision, Hole, Market, Series
from market.side import SideMemory

RECENT_BARS = 14  # a confirmed hole among these spoils a score: most indicators look back as far
STALE_INTERVALS = 2


class NoScore(NamedTuple):
    """Why a series has no score: a code of the contract, and the facts."""

    reason: str
    detail: str


def cut(
    series: Series,
    bars: Window,
    holes: Sequence[HoleSpan],
    as_of: int,
    beside: Mapping[str, SideValues] | None = None,
) -> Window | NoScore:
    """Return the anchored window of the newest bar of ``series`` that closes at ``as_of`` or before, or why not.

    A pure function of what was stored: ``bars`` and ``holes`` of the series, reaching back to the window's start, and
    the instrument's side series by kind; of these the window has what was known when its newest bar closed.
    """
    interval = series.interval_ms
    times = bars.open_times
    end = int(np.searchsorted(times, as_of - interval, side="right"))
    if not end:
        return NoScore("too_short", f"no closed bar of {MIN_BARS} needed")
    close = int(times[end - 1]) + interval
    if series.ended_at is not None and as_of - close >= interval:
        return NoScore("ended", f"the last bar closed at {series.ended_at}")
    if as_of - close >= STALE_INTERVALS * interval:
        return NoScore("stale", f"no closed bar for {(as_of - close) // 1000} s, {interval // 1000} s a bar")
    start = window_start(close, interval, series.first_open)
    first = int(np.searchsorted(times, start))
    window = Window(times[first:end], bars.values[:, first:end])
    problem = _hole_problem(window, holes, start, interval)
    if problem:
        return problem
    if len(window.open_times) < MIN_BARS:
        return NoScore("too_short", f"{len(window.open_times)} bars of {MIN_BARS} needed")
    return window._replace(side=at_closes(beside, np.array([close]))) if beside else window


def _hole_problem(window: Window, holes: Sequence[HoleSpan], start: int, interval: int) -> NoScore | None:
    times = window.open_times
    first = int(times[0])
    if first > start and not hole_reason(holes, start, first):
        return NoScore("history_missing", f"stored bars begin at {first}, the window at {start}")
    if int(times[-1]) - first == (len(times) - 1) * interval:
        return None  # as many bars as there are places for them
    for begin, end in gaps(times, interval):
        reason = hole_reason(holes, begin, end) or "missing"
        missing = (end - begin) // interval
        since = len(times) - int(np.searchsorted(times, end))
        silent = reason == "no_trades" and missing <= LONGEST_WITHOUT_TRADES
        if reason == "missing" or (not silent and since < RECENT_BARS):
            return NoScore("gap", f"{missing} bars missing from {begin} ({reason}), {since} bars ago")
    return None


def hole_reason(holes: Sequence[HoleSpan], begin: int, end: int) -> str | None:
    """Return why no bars open in [begin, end), or None where no recorded hole covers it."""
    covering = [h for h in holes if h.start < end and h.end > begin]
    covered = begin
    for hole in sorted(covering):
        if hole.start > covered:
            return None
        covered = max(covered, hole.end)
    if covered < end:
        return None
    reasons = {h.reason for h in covering}
    return "missing" if "missing" in reasons else sorted(reasons)[0]


class Cuts(Protocol):
    """Whatever gives a series' window for a close."""

    def cut(self, series: Series, as_of: int) -> Window | NoScore: ...

    def mark(self, series: Series) -> Hashable:
        """What changes whenever the bars of ``series`` do in another way than by new ones behind them."""
        ...


class Windows:
    """The newest bars of many series in memory; ``refresh`` reads what is new.

    Kept by a scanner for as long as it lives, or made for one request. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = defaultdict(Block)  # by timeframe
        self._holes: dict[int, list[HoleSpan]] = {}
        self._beside = SideMemory()
        self._corrections: dict[int, int] = {}  # by market: the number of the last revision that was taken in

    def refresh(self, series: Iterable[Series], until: int) -> None:
        """Read bars that close at ``until`` or before, the holes, and what lies beside, of each series."""
        by_timeframe: dict[str, list[Series]] = {}
        wanted = list(series)
        for market_id in {one.instrument.market_id for one in wanted}:
            self._forget_corrected(market_id)
        for one in wanted:
            by_timeframe.setdefault(one.timeframe, []).append(one)
        for timeframe, members in by_timeframe.items():
            block = self._block(timeframe)
            if all(self._is_up_to_date(one, until) for one in members):
                continue
            new = [s for s in members if s.pk not in block]
            self._extend([s for s in members if s.pk in block], until)
            self._load(new, until)
        self._read_holes(wanted)
        self._beside.refresh((one.instrument_id for one in wanted), until)

    def _block(self, timeframe: str) -> Block:
        return self._blocks[timeframe]

    def _bars(self, series: Series) -> Window:
        return self._block(series.timeframe).bars(series.pk)

    def _forget_corrected(self, market_id: int) -> None:
        """Drop the series of which a bar was corrected, wherever it lies: they are read anew."""
        if market_id not in self._corrections:  # before any bar is read: what comes later is taken in at the next call
            self._corrections[market_id] = Market.objects.values_list("corrections", flat=True).get(pk=market_id)
        for number, series_id in CandleRevision.objects.behind(market_id, self._corrections[market_id]):
            for block in self._blocks.values():
                block.drop(series_id)
            self._corrections[market_id] = number

    def cut(self, series: Series, as_of: int) -> Window | NoScore:
        """Return the window of ``series`` for ``as_of``, or why it has none."""
        holes = self._holes.get(series.pk, ())
        return cut(series, self._bars(series), holes, as_of, self._beside.of(series.instrument_id))

    def mark(self, series: Series) -> Hashable:
        """What changes whenever the bars of ``series`` do in another way than by new ones behind them."""
        return self._block(series.timeframe).mark(series.pk)

    def whole(self, series: Series) -> Window | None:
        """Return the bars of ``series`` if they reach back to the start of its newest window."""
        block = self._block(series.timeframe)
        return block.bars(series.pk) if block.is_whole(series.pk) else None

    def corrections(self, market: Market) -> int:
        """Return up to which of its revisions a market's bars are what they are in the table."""
        return self._corrections.get(market.pk, 0)

    def put(self, series: Series, bars: Window, corrections: int) -> None:
        """Take in bars, whole as of so many ``corrections``; the next ``refresh`` reads what came since."""
        market_id = series.instrument.market_id
        self._corrections[market_id] = min(corrections, self._corrections.get(market_id, corrections))
        self._block(series.timeframe).put(series.pk, bars, whole=True)

    def newest_close(self, series: Series, as_of: int) -> int | None:
        """Return the close of the newest bar in memory that closes at ``as_of`` or before."""
        times = self._bars(series).open_times
        at = np.searchsorted(times, as_of - series.interval_ms, side="right")
        return int(times[at - 1]) + series.interval_ms if at else None

    def is_complete(self, series: Series, at: int) -> bool:
        """Whether the last bar of ``series`` that can have closed by ``at`` is here or recorded as late."""
        newest = self.newest_close(series, at)
        expected = at // series.interval_ms * series.interval_ms
        if newest is None:
            return False
        ended = series.ended_at is not None and newest >= series.ended_at
        return newest == expected or ended or hole_reason(self._holes.get(series.pk, ()), newest, expected) is not None

    def _is_up_to_date(self, one: Series, until: int) -> bool:
        """Whether the newest bar that can have closed is in memory."""
        return one.pk in self._block(one.timeframe) and self._next_open(one) + one.interval_ms > until

    def _load(self, members: list[Series], until: int) -> None:
        if not members:
            return
        interval, block = members[0].interval_ms, self._block(members[0].timeframe)
        # One bar more than the longest window: its presence shows that nothing is missing before it.
        oldest = until - (WINDOW_BARS + STALE_INTERVALS + 1) * interval
        bars = read_candles(members, oldest, until - interval + 1)
        for one in members:
            found = bars.get(one.pk, empty())
            if not _reaches_back(one, found):
                # Holes: fewer bars than time suggests, or none lately. Read its window from its own last bar.
                found = self._window_of_last_bar(one, until) or found
            block.put(one.pk, found, _reaches_back(one, found))

    def _window_of_last_bar(self, one: Series, until: int) -> Window | None:
        newest = (
            Candle.objects.filter(series=one, open_time__lte=until - one.interval_ms)
            .order_by("-open_time")
            .values_list("open_time", flat=True)
            .first()
        )
        if newest is None:
            return None
        start = window_start(newest + one.interval_ms, one.interval_ms, one.first_open)
        return read_candles([one], start, newest + 1).get(one.pk)

    def _extend(self, members: list[Series], until: int) -> None:
        """Read what is new: of those together that stand at the same bar, and not at all of those that are over."""
        groups: dict[int, list[Series]] = {}
        for one in members:
            next_open = self._next_open(one)
            if one.ended_at is None or next_open < one.ended_at:  # a recording's end is known from its first bar on
                groups.setdefault(next_open, []).append(one)
        for group in groups.values():
            self._extend_group(group, until)

    def _extend_group(self, members: list[Series], until: int) -> None:
        interval, block = members[0].interval_ms, self._block(members[0].timeframe)
        since = self._next_open(members[0]) - OVERLAP_BARS * interval
        rows = read_rows(members, since, until - interval + 1)
        followed = block.follow(rows)
        others = [one for one in members if one.pk not in followed]
        fresh = dict(rows.by_series()) if others else {}
        for one in others:
            old, new = block.bars(one.pk), fresh.get(one.pk, empty())
            bars = join([old.between(0, since), new])
            vanished = len(old.open_times) > 0 and not len(new.open_times) and int(old.open_times[-1]) >= since
            if vanished or not _reaches_back(one, bars):
                self._load([one], until)
            else:
                block.put(one.pk, bars, whole=True)

    def _next_open(self, one: Series) -> int:
        newest = self._block(one.timeframe).newest(one.pk)
        return one.first_open if newest is None else newest + one.interval_ms

    def _read_holes(self, members: list[Series]) -> None:
        self._holes = {}
        found = Hole.objects.filter(Among("series_id", (one.pk for one in members))).order_by("start")
        for pk, start, end, reason in found.values_list("series_id", "start", "end", "reason"):
            self._holes.setdefault(pk, []).append(HoleSpan(start, end, reason))


def _reaches_back(one: Series, bars: Window) -> bool:
    if not len(bars.open_times):
        return False
    close = int(bars.open_times[-1]) + one.interval_ms
    return int(bars.open_times[0]) <= window_start(close, one.interval_ms, one.first_open)
