"""The feed of an exchange: history by REST, live bars by socket, and everything that keeps both true."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.timeframes import INTERVAL_MS, WINDOW_BARS
from market.feeds.exchange.bars import Bar
from market.feeds.exchange.beside import Beside, Measured
from market.feeds.exchange.clock import within
from market.feeds.exchange.faults import ExchangeFault, UnknownSymbol
from market.feeds.exchange.sockets import Group
from market.feeds.exchange.track import Gap, Track
from market.feeds.exchange.universe import Selection, choose
from market.feeds.exchange.venue import Venue
from market.holes import HoleSpan

logger = logging.getLogger(__name__)

HISTORY_BARS = WINDOW_BARS + 1  # one more than the longest window shows that nothing is missing before it
REQUESTS = 6  # at a time: enough to use the budget up, few enough that a repair does not wait behind history
LOOK_S = 0.25  # how often bars are looked for that did not come
CLOCK_S = 600.0
CLOCK_WARN_MS, CLOCK_BLOCK_MS = 2_000, 10_000
UNIVERSE_S = 86_400.0
FIRST_RETRY_S, LONGEST_RETRY_S = 2.0, 120.0


class Arrived(NamedTuple):
    """Closed bars and recorded holes of one series; first_open (ms) as in ``Series``, 0 where it is not known."""

    symbol: str
    timeframe: str
    first_open: int
    bars: list[Bar]
    holes: list[HoleSpan]


class Chosen(NamedTuple):
    """The universe from exchange time ``at`` on, and what the exchange lists (no more) since the last look.

    least: by symbol, the step and the least notional of an order, 0 where there is none.
    """

    at: int
    symbols: list[str]
    listed: list[str]
    delisted: list[str]
    least: Mapping[str, tuple[float, float]] = {}


class Stored(NamedTuple):
    """What is stored of a series: oldest and newest open (None: no bars), ranges that are missing, first_open."""

    oldest: int | None
    newest: int | None
    missing: list[tuple[int, int]]
    first_open: int


@dataclass
class Plan:
    """What to follow and how."""

    selection: Selection
    timeframes: list[str]
    audit_s: float = 900.0
    history_bars: int = HISTORY_BARS
    derivatives: bool = False
    derivatives_url: str = ""


@dataclass
class Health:
    """How the feed is, for status, metrics and pages; plain values that another thread may read."""

    problem: str = "starting"
    retry_at: int | None = None
    offset_ms: int = 0
    clock_problem: str = ""
    unknown: list[str] = field(default_factory=list)
    delays: dict[str, int] = field(default_factory=dict)


class ExchangeFeed:
    """Follows one exchange. ``deliver`` takes what is known, in order; ``stored`` answers what the database has."""

    def __init__(
        self,
        venue: Venue,
        plan: Plan,
        deliver: Callable[[Arrived | Measured], None],
        stored: Callable[[Chosen], Awaitable[dict[tuple[str, str], Stored]]],
    ) -> None:
        self.venue, self.plan, self._deliver, self._stored = venue, plan, deliver, stored
        self.clock = venue.clock
        self.counts: Counter[str] = Counter()
        self.health = Health()
        self.tracks: dict[tuple[str, str], Track] = {}
        self.first_opens: dict[tuple[str, str], int] = {}
        self.symbols: list[str] = []
        self._listed: set[str] = set()  # active markets of the quote asset at the last look
        self.groups: list[Group] = []
        self.beside: Beside | None = None
        if plan.derivatives:
            perpetuals = venue.perpetuals(plan.derivatives_url)
            self.beside = Beside(perpetuals, self.clock, self.now, lambda: self.symbols, deliver, self.counts)
        self._busy: set[int] = set()
        self._wake = asyncio.Event()
        self._again = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._sockets: list[asyncio.Task[None]] = []

    def now(self) -> int:
        """Return the exchange's time (ms) as far as it is known."""
        return self.clock.now_ms() + self.health.offset_ms

    async def run(self) -> None:
        """Follow the exchange until cancelled."""
        try:
            await self._reach()
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for loop in (self._choose_daily, self._look, self._repair, self._measure_clock, self._audit):
                    tasks.create_task(loop())
                if self.beside:
                    tasks.create_task(self.beside.run())
        finally:
            if self.beside:
                await self.beside.close()
            await self.venue.close()

    async def _reach(self) -> None:
        """Read the exchange's markets, however long it takes until it answers."""
        delay = FIRST_RETRY_S
        while True:
            try:
                await self.venue.load()
                await self.venue.read_limit()
                await self._measure()
            except ExchangeFault as fault:
                wait = max(delay * (0.5 + random.random()), getattr(fault, "wait_s", 0.0))  # noqa: S311
                self.counts[fault.reason] += 1
                self.health.problem, self.health.retry_at = str(fault), self.clock.now_ms() + int(wait * 1000)
                logger.warning("%s: %s; next try in %.0f s", self.venue.name, fault, wait)
                delay = min(delay * 2, LONGEST_RETRY_S)
                await self.clock.sleep(wait)
            else:
                self.health.problem, self.health.retry_at = "", None
                return

    # The universe

    async def _choose_daily(self) -> None:
        while True:
            self._again.clear()
            try:
                await self._choose()
                await self._until_asked(UNIVERSE_S)
                await self.venue.load()
            except ExchangeFault as fault:
                self.counts[fault.reason] += 1
                logger.warning("the universe stays as it is: %s", fault)
                await self.clock.sleep(FIRST_RETRY_S if not self.symbols else LONGEST_RETRY_S)

    async def _until_asked(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await within(self.clock, seconds, self._again.wait())

    async def _choose(self) -> None:
        selection = self.plan.selection
        volumes = await self.venue.quote_volumes() if selection.needs_volumes else {}
        symbols, unknown = choose(selection, self.venue.listings, volumes, self.now())
        active = {s for s, one in self.venue.listings.items() if one.active and one.quote == selection.quote}
        listed, gone = active - self._listed, self._listed - active | self._gone(active)
        self.health.unknown = sorted(set(unknown) - gone)
        for symbol in self.health.unknown:
            logger.warning("EXCHANGE_SYMBOLS: %s has no %s", self.venue.name, symbol)
        least = {s: (one.step, one.min_notional) for s in symbols if (one := self.venue.listings.get(s))}
        chosen = Chosen(self.now(), symbols, sorted(listed) if self._listed else [], sorted(gone), least)
        known = await self._stored(chosen)
        follow = {(s, t) for s in symbols for t in self.plan.timeframes if t in self.venue.timeframes()}
        for key in [k for k in self.tracks if k not in follow]:
            del self.tracks[key]
        self.symbols, self._listed = symbols, active
        await self._connect(sorted(follow))
        new = [s for s in symbols if any((s, t) in follow and (s, t) not in self.tracks for t in self.plan.timeframes)]
        for symbol in new:
            await self._begin(symbol, [k for k in sorted(follow) if k[0] == symbol and k not in self.tracks], known)

    def _gone(self, active: set[str]) -> set[str]:
        """Return the symbols that were watched and are traded no more."""
        return {s for s in self.symbols if s not in self.venue.listings or not self.venue.listings[s].active} - active

    def replan(self, timeframes: list[str]) -> None:
        """Follow other timeframes from now on."""
        if timeframes != self.plan.timeframes:
            self.plan.timeframes = timeframes
            self._again.set()

    async def _begin(self, symbol: str, keys: list[tuple[str, str]], known: dict[tuple[str, str], Stored]) -> None:
        """Follow a symbol: its history is asked for from where the stored bars end."""
        first = None
        if any(key not in known for key in keys):
            first = await self._patiently(symbol)
        for key in sorted(keys, key=lambda k: INTERVAL_MS[k[1]]):
            interval, now = INTERVAL_MS[key[1]], self.now()
            stored = known.get(key) or Stored(None, None, [], 0 if first is None else first // interval * interval)
            start = now // interval * interval - self.plan.history_bars * interval
            track = Track(*key, stored.first_open, now, self.counts)
            track.loaded = False
            if stored.oldest is not None and stored.newest is not None:
                track.knows(stored.oldest)
                start = max(start, stored.newest + interval)
            track.want(max(start, stored.first_open), track.next_open, now)
            for begin, end in stored.missing:
                track.want(begin, end, now)
            track.loaded = not track.gaps
            self.tracks[key], self.first_opens[key] = track, stored.first_open
        self._wake.set()

    async def _patiently(self, symbol: str) -> int | None:
        delay = FIRST_RETRY_S
        while True:
            try:
                return await self.venue.first_open(symbol)
            except UnknownSymbol:
                return None
            except ExchangeFault as fault:
                self.counts[fault.reason] += 1
                await self.clock.sleep(delay)
                delay = min(delay * 2, LONGEST_RETRY_S)

    async def _connect(self, pairs: list[tuple[str, str]]) -> None:
        """Open sockets for ``pairs``, unless they are open."""
        if not self.venue.streams or sorted(p for g in self.groups for p in g.pairs) == pairs:
            return
        for task in self._sockets:
            task.cancel()
        await asyncio.gather(*self._sockets, return_exceptions=True)
        size = self.venue.kind.group
        self.groups, self._sockets = [], []
        for at in range(0, len(pairs), size):
            group = self._group(pairs[at : at + size])
            self.groups.append(group)
            assert self._tasks
            self._sockets.append(self._tasks.create_task(group.run()))

    def _group(self, pairs: list[tuple[str, str]]) -> Group:
        def tracks() -> list[Track]:
            return [self.tracks[pair] for pair in pairs if pair in self.tracks]

        group = Group(self.venue, self.clock, tracks, self._on_bar, self.counts)
        group.pairs = pairs
        return group

    # Live bars

    def _on_bar(self, symbol: str, timeframe: str, bar: Bar) -> None:
        track = self.tracks.get((symbol, timeframe))
        self.counts["frames"] += 1
        if track is None:
            return  # its history has not begun: the request for it will hold this bar
        closed = track.live(bar, self.now())
        if closed:
            self.counts["by_socket"] += len(closed)
            self._arrived(track, closed, [])
        if track.gaps or track.rechecks:
            self._wake.set()

    def _arrived(self, track: Track, bars: list[Bar], holes: list[HoleSpan]) -> None:
        key = (track.symbol, track.timeframe)
        if bars and bars[-1].open_time >= track.begun:
            late = self.now() - bars[-1].open_time - track.interval
            self.health.delays[f"{track.symbol} {track.timeframe}"] = late
        if bars or holes:
            self._deliver(Arrived(*key, self.first_opens[key], bars, holes))

    async def _look(self) -> None:
        """See to what time alone brings: bars that are closed or late by now, sockets that are silent."""
        while True:
            now = self.now()
            for track in list(self.tracks.values()):
                closed, late = track.passed(now)
                self._arrived(track, closed, late)
            for group in self.groups:
                group.watch()
            self._wake.set()
            await self.clock.sleep(LOOK_S)

    # What is missing

    async def _repair(self) -> None:
        """Fetch what is due, live series before history, history symbol by symbol."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._wake.wait()
                self._wake.clear()
                now = self.now()
                due = [t for t in self.tracks.values() if id(t) not in self._busy and t.due(now)]
                for track in sorted(due, key=lambda t: not t.loaded)[: REQUESTS - len(self._busy)]:
                    self._busy.add(id(track))
                    tasks.create_task(self._fetch(track))

    async def _fetch(self, track: Track) -> None:
        try:
            gap = track.due(self.now())
            if gap is not None:
                await self._fill(track, gap)
        finally:
            self._busy.discard(id(track))
            self._wake.set()

    async def _fill(self, track: Track, gap: Gap) -> None:
        start, end = gap.start, self.venue.page_end(track.timeframe, gap.start, gap.end)
        try:
            bars = await self.venue.candles(track.symbol, track.timeframe, start, end)
        except ExchangeFault as fault:
            self._note(fault, track)
            track.failed(gap, self.now())
            return
        change = track.fetched(start, end, bars, self.now())
        self.counts["by_rest"] += len(change.bars)
        self._arrived(track, change.bars, change.holes)

    def _note(self, fault: ExchangeFault, track: Track) -> None:
        self.counts[fault.reason] += 1
        logger.info("%s %s: %s", track.symbol, track.timeframe, fault)
        if isinstance(fault, UnknownSymbol):
            self._again.set()  # delisted, perhaps: read the list of markets again

    async def _audit(self) -> None:
        """Compare the newest stored bars of every series with the exchange's own, one series after the other."""
        while True:
            tracks = [t for t in self.tracks.values() if t.loaded]
            for track in tracks:
                await self.clock.sleep(self.plan.audit_s / len(tracks))
                start, end = track.to_audit(self.plan.audit_s)
                try:
                    bars = await self.venue.candles(track.symbol, track.timeframe, start, end)
                except ExchangeFault as fault:
                    self._note(fault, track)
                    continue
                change = track.fetched(start, end, bars, self.now())
                self.counts["audited"] += 1
                self._arrived(track, change.bars, change.holes)
            if not tracks:
                await self.clock.sleep(LOOK_S)

    # The clock

    async def _measure_clock(self) -> None:
        while True:
            await self.clock.sleep(CLOCK_S)
            try:
                await self._measure()
            except ExchangeFault as fault:
                self.counts[fault.reason] += 1

    async def _measure(self) -> None:
        """Measure how far the exchange's clock is ahead of this machine's."""
        offset = await self.venue.offset_ms()
        if offset is None:
            return
        self.health.offset_ms = offset
        self.health.clock_problem = ""
        side = "behind" if offset > 0 else "ahead of"
        text = f"this machine's clock is {abs(offset) / 1000:.1f} s {side} {self.venue.name}'s"
        if abs(offset) > CLOCK_BLOCK_MS:
            self.counts["clock_blocked"] += 1
            self.health.clock_problem = text
        if abs(offset) > CLOCK_WARN_MS:
            self.counts["clock_off"] += 1
            logger.warning("%s", text)

    def report(self) -> dict[str, Any]:
        """Return how the feed is, as plain values."""
        tracks = list(self.tracks.values())
        loaded = sum(t.loaded for t in tracks)
        wanted = len(self.symbols) * len(self.plan.timeframes)
        budget = self.venue.budget
        return {
            "problem": self.health.problem,
            "retry_at": self.health.retry_at,
            "clock_offset_ms": self.health.offset_ms,
            "unknown_symbols": self.health.unknown,
            "history": {"series": wanted, "loaded": loaded},
            "sockets": [{"series": len(g.pairs), "state": g.state, "problem": g.problem} for g in self.groups],
            "by_rest_only": [f"{t.symbol} {t.timeframe}" for t in tracks if t.misses],
            "weight": {"used": budget.used, "limit": budget.limit} if budget else None,
            "blocked_until": budget.blocked_until if budget and budget.blocked_until > self.clock.now_ms() else None,
            "delays": dict(sorted(self.health.delays.items())),
            "derivatives": self.beside.report() if self.beside else None,
            "counts": dict(sorted(self.counts.items())),
        }
