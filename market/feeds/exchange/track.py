"""One series as the feed follows it: which bars are closed, which are missing, which are in doubt. No I/O."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from engine.timeframes import INTERVAL_MS
from market.feeds.exchange.bars import Bar, Values, fault
from market.holes import LONGEST_WITHOUT_TRADES, HoleSpan

RECENT = 40  # bars kept to tell a repetition from a correction: two audits of 15 minutes on 1-minute bars
JUMP = 1.3  # a bar beyond this ratio to the close before it counts when two readings agree
SETTLE_MS = 2_000  # exchange time past a bar's end after which it is closed, and late if it has not come
CORRECTED_MS = 300_000  # after a bar's end: an exchange that corrects a bar has done so by then
CONFIRMATIONS = 3  # answers that show the same hole between bars, before it is the exchange's own
BACKOFF_MS = (1_000, 20_000, 60_000, 300_000, 1_800_000)


@dataclass
class Gap:
    """Bars open in [start, end) are to be fetched, from exchange time ``due_at`` on."""

    start: int
    end: int
    due_at: int
    tries: int = 0  # answers that could have held the bars and did not
    failures: int = 0  # requests without a usable answer since the last one that had some
    late: bool = False  # told as missing already

    def put_off(self, now: int) -> None:
        self.due_at = now + BACKOFF_MS[min(self.tries + self.failures, len(BACKOFF_MS) - 1)]


class Change(NamedTuple):
    """What a message or an answer amounts to: bars to store and holes to record."""

    bars: list[Bar]
    holes: list[HoleSpan]


class Track:
    """``next_open``: the open of the bar that is to close next; each earlier one is stored, or lies in a gap or hole.

    ``begun``: what that was at first; earlier bars are history. Bars before ``first`` are not asked for. ``counts`` is
    shared by all tracks of a feed.
    """

    def __init__(self, symbol: str, timeframe: str, first: int, now: int, counts: Counter[str]) -> None:
        self.symbol, self.timeframe, self.interval = symbol, timeframe, INTERVAL_MS[timeframe]
        self.counts = counts
        self.begun = self.next_open = max(now // self.interval * self.interval, first)
        self.gaps: list[Gap] = []
        self.rechecks: list[Gap] = []
        self.misses = 0  # bars in a row that did not come by socket
        self.loaded = True
        self._forming: Bar | None = None
        self._recent: dict[int, Values] = {}
        self._unread: set[int] = set()  # of these, those that no answer of CORRECTED_MS later has held as they are
        self._readings: dict[int, Values] = {}
        self._oldest: int | None = None

    def want(self, start: int, end: int, now: int) -> None:
        """Ask for the bars that open in [start, end); a gap that ends there grows, so that it is asked for as one."""
        if end <= start or any(g.start <= start and g.end >= end for g in self.gaps):
            return
        joined = [g for g in self.gaps if g.end == start]
        for gap in joined:
            self.gaps.remove(gap)
        self.gaps.append(Gap(min([start, *(g.start for g in joined)]), end, now))
        self.gaps.sort(key=lambda g: g.start)

    def knows(self, oldest: int) -> None:
        """Note that bars from ``oldest`` on are stored."""
        self._oldest = oldest

    def due(self, now: int) -> Gap | None:
        """Return what should be fetched at ``now``."""
        return next((g for g in [*self.gaps, *self.rechecks] if g.due_at <= now), None)

    def live(self, bar: Bar, now: int) -> list[Bar]:
        """Take a bar of the socket; return what is closed by it."""
        wrong = fault(bar, self.interval, now)
        if wrong:
            self.counts[wrong] += 1
            return []
        if bar.open_time < self.next_open:
            return self._afterwards(bar, now)
        closed = self._pass(bar.open_time, now) if bar.open_time > self.next_open else []
        if bar.closed:
            self.misses = 0
            return closed + self._close(bar, now)
        self._forming = bar
        return closed

    def passed(self, now: int) -> tuple[list[Bar], list[HoleSpan]]:
        """Let time pass: return bars that are closed by it, and what has not come in time, as missing."""
        closed = []
        while self.next_open + self.interval + SETTLE_MS <= now:
            following = self.next_open + self.interval
            if not self._forming:
                self.misses += 1
            closed += self._pass(following, now)
        return closed, self._late()

    def _late(self) -> list[HoleSpan]:
        spans = [HoleSpan(g.start, g.end, "missing") for g in self.gaps if not g.late and self.loaded]
        for gap in self.gaps:
            gap.late = gap.late or self.loaded
        if spans:
            self.counts["late"] += sum((s.end - s.start) // self.interval for s in spans)
        return spans

    def _pass(self, until: int, now: int) -> list[Bar]:
        """Go on to ``until``: a bar without a flag is closed by it, the rest has to be fetched."""
        forming, closed = self._forming, []
        self._forming = None
        if forming and forming.closed is None and forming.open_time == self.next_open:
            closed = self._close(forming, now)
        if self.next_open < until:
            self.want(self.next_open, until, now)
            self.next_open = until
        return closed

    def _close(self, bar: Bar, now: int) -> list[Bar]:
        self._forming = None
        self.next_open = bar.open_time + self.interval
        if not self._admits(bar, self._before(bar)):
            self.want(bar.open_time, self.next_open, now)
            return []
        return [bar]

    def _afterwards(self, bar: Bar, now: int) -> list[Bar]:
        """Take a bar whose time has passed: the missing one, a repetition, a correction, or out of order."""
        if not bar.closed:
            self.counts["out_of_order"] += 1
            return []
        if any(g.start <= bar.open_time < g.end for g in self.gaps):
            self.misses = 0
            self.counts["out_of_order"] += 1
            if self._admits(bar, self._before(bar)):
                self._cut(bar.open_time, bar.open_time + self.interval)
                return [bar]
            return []
        known = self._recent.get(bar.open_time)
        if known == bar.values:
            self.counts["duplicate"] += 1
        elif known is not None:
            self._doubt(bar, now)
        else:
            self.counts["out_of_order"] += 1
        return []

    def _before(self, bar: Bar) -> Values | None:
        """Return the nearest bar that is remembered before this one: behind a hole it is some bars away."""
        earlier = [t for t in self._recent if t < bar.open_time]
        return self._recent[max(earlier)] if earlier else None

    def _admits(self, bar: Bar, before: Values | None) -> bool:
        """Whether a bar counts: a jump does when two readings agree."""
        if before is not None and jumps(bar.values, before[3]) and self._readings.get(bar.open_time) != bar.values:
            self.counts["jump"] += 1
            self._readings[bar.open_time] = bar.values
            return False
        self._remember(bar)
        return True

    def _doubt(self, bar: Bar, now: int) -> None:
        """Ask once more about a stored bar that is told otherwise now."""
        self.counts["told_otherwise"] += 1
        self._readings[bar.open_time] = bar.values
        if not any(g.start == bar.open_time for g in self.rechecks):
            self.rechecks.append(Gap(bar.open_time, bar.open_time + self.interval, now))

    def _remember(self, bar: Bar) -> None:
        self._readings.pop(bar.open_time, None)
        self._recent[bar.open_time] = bar.values
        self._unread.add(bar.open_time)
        while len(self._recent) > RECENT:
            oldest = min(self._recent)
            del self._recent[oldest]
            self._unread.discard(oldest)
        self._oldest = bar.open_time if self._oldest is None else min(self._oldest, bar.open_time)

    def fetched(self, start: int, end: int, bars: list[Bar], now: int) -> Change:
        """Take the answer to a request for the bars of [start, end); it may hold later ones too."""
        sound = self._sound(bars, now)
        admitted, doubtful = self._admitted([b for b in sound if start <= b.open_time < end])
        corrected = self._compared(sound, now)
        covered = max((b.open_time for b in sound), default=start)
        holes = self._judge(start, end, admitted, doubtful, covered, now)
        return Change(admitted + corrected, holes)

    def _sound(self, bars: list[Bar], now: int) -> list[Bar]:
        """Return the closed bars without a fault, by time, of equal times the first."""
        if any(a.open_time > b.open_time for a, b in pairwise(bars)):
            self.counts["out_of_order"] += 1
        newest = max((b.open_time for b in bars if fault(b, self.interval, now) is None), default=0)
        sound: dict[int, Bar] = {}
        for bar in bars:
            over = bar.open_time + self.interval + SETTLE_MS <= now or bar.open_time < newest
            wrong = fault(bar, self.interval, now)
            if wrong:
                self.counts[wrong] += 1
            elif bar.open_time in sound:
                self.counts["duplicate"] += 1
            elif bar.closed or (bar.closed is None and over):
                sound[bar.open_time] = bar
        return [sound[t] for t in sorted(sound)]

    def _admitted(self, bars: list[Bar]) -> tuple[list[Bar], set[int]]:
        """Return the bars that fill gaps, and the open times of those that wait for a second reading."""
        admitted: list[Bar] = []
        doubtful: set[int] = set()
        before: Values | None = None
        for bar in bars:
            if any(g.start <= bar.open_time < g.end for g in self.gaps):
                if self._admits(bar, self._before(bar) or before):
                    admitted.append(bar)
                    before = bar.values
                else:
                    doubtful.add(bar.open_time)
            else:
                before = self._recent.get(bar.open_time, before)
        return admitted, doubtful

    def _compared(self, bars: list[Bar], now: int) -> list[Bar]:
        """Return stored bars that two readings have otherwise; ask again about those that one has."""
        corrected = []
        for bar in bars:
            known = self._recent.get(bar.open_time)
            if known is None:
                continue
            if known != bar.values and self._readings.get(bar.open_time) == bar.values:
                self.counts["corrected"] += 1
                corrected.append(bar)
                self._remember(bar)
            elif known != bar.values:
                self._doubt(bar, now)
                continue
            if now >= bar.open_time + self.interval + CORRECTED_MS:
                self._unread.discard(bar.open_time)
            self.rechecks = [g for g in self.rechecks if g.start != bar.open_time]
        return corrected

    def _judge(
        self, start: int, end: int, admitted: list[Bar], doubtful: set[int], covered: int, now: int
    ) -> list[HoleSpan]:
        """Cut what came out of the gaps; return what the exchange has shown often enough not to have."""
        holes: list[HoleSpan] = []
        for gap in [g for g in self.gaps if g.start < end and g.end > start]:
            self.gaps.remove(gap)
            for first, last in _rest(gap, start, end, {b.open_time for b in admitted}, self.interval):
                asked = start <= first and last <= end
                rest = Gap(first, last, now, gap.tries, gap.failures, gap.late)
                withheld = any(first <= t < last for t in doubtful)
                if asked and not withheld and covered >= last:  # an empty page proves nothing
                    rest.tries, rest.failures = rest.tries + 1, 0  # it answers again: no longer than a hole needs
                if asked:
                    rest.put_off(now)
                if rest.tries < CONFIRMATIONS:
                    self.gaps.append(rest)
                elif self._oldest is not None and first > self._oldest:
                    holes.append(HoleSpan(first, last, self._reason(first, last)))
                # Else it lies before the first bar there is: the exchange's history does not reach back so far.
        self._join_gaps()
        for gap in [g for g in self.rechecks if g.start >= start and g.end <= end and g.due_at <= now]:
            gap.tries += 1
            gap.put_off(now)
            if gap.tries >= CONFIRMATIONS:
                self.rechecks.remove(gap)
        self.loaded = self.loaded or not self.gaps
        if holes:
            self.counts["hole_of_the_exchange"] += len(holes)
        return holes

    def _join_gaps(self) -> None:
        """Make one of gaps that touch: how long a hole is says why it is there."""
        joined: list[Gap] = []
        for gap in sorted(self.gaps, key=lambda g: g.start):
            if joined and joined[-1].end == gap.start:
                last = joined[-1]
                last.end, last.tries = gap.end, min(last.tries, gap.tries)
                last.due_at, last.late = min(last.due_at, gap.due_at), last.late and gap.late
            else:
                joined.append(gap)
        self.gaps = joined

    def _reason(self, first: int, last: int) -> str:
        return "no_trades" if last - first <= LONGEST_WITHOUT_TRADES * self.interval else "outage"

    def failed(self, gap: Gap, now: int) -> None:
        """Put a gap off whose request failed."""
        gap.failures += 1
        gap.put_off(now)

    def _cut(self, start: int, end: int) -> None:
        for gap in [g for g in self.gaps if g.start < end and g.end > start]:
            self.gaps.remove(gap)
            taken = set(range(start, end, self.interval))
            for first, last in _rest(gap, start, end, taken, self.interval):
                self.gaps.append(Gap(first, last, gap.due_at, gap.tries, gap.failures, gap.late))
        self.gaps.sort(key=lambda g: g.start)

    def to_audit(self, audit_s: float) -> tuple[int, int]:
        """Return [start, end) of the bars of two rounds of the auditor, and of those before that were in none yet.

        Rounds fail, or leave bars out. Beyond the RECENT bars that are remembered nothing can be compared.
        """
        bars = min(int(2 * audit_s * 1000 / self.interval) + 2, RECENT)
        return min([self.next_open - bars * self.interval, *self._unread]), self.next_open


def jumps(values: Values, before: float) -> bool:
    """Whether any price of a bar lies beyond ``JUMP`` times the close before it, up or down."""
    return max(values[:4]) > before * JUMP or min(values[:4]) < before / JUMP


def _rest(gap: Gap, start: int, end: int, have: set[int], interval: int) -> list[tuple[int, int]]:
    """Return the runs of ``gap`` without the bars in ``have``, cut where the asked range begins and ends."""
    runs: list[tuple[int, int]] = []
    for at in range(gap.start, gap.end, interval):
        if at in have:
            continue
        if runs and runs[-1][1] == at and at not in (start, end):
            runs[-1] = (runs[-1][0], at + interval)
        else:
            runs.append((at, at + interval))
    return runs
