"""One tick: claim it, score what is new, decide, and store all of it or nothing."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from agent.models import AgentState, ScanRun, ScanShard
from agent.services import AGENT, policy_of, rules_of, watchlist
from market.models import Instrument, Market, Series
from market.windows import Windows
from presets.models import PresetVersion
from presets.services import active_version
from signals.models import Signal, Stream
from signals.scoring import newest_close, score_symbols
from signals.services import Decided, decide_all, is_news, store, streams_of

# Longer than a scan takes; a dead worker's tick is taken over after it. Too short costs double work, never a double
# signal: the fence sees to that.
LEASE = timedelta(seconds=5)


class Claim(NamedTuple):
    """The right to do one shard of one run, as long as nobody holds a higher fence."""

    run: ScanRun
    shard: ScanShard
    fence: int


class LostClaim(Exception):
    """The tick may not be committed: another worker took it over, or the agent was turned off."""


def due_at(market_time: int, interval_ms: int) -> int:
    """Return the tick that market time has reached."""
    return market_time // interval_ms * interval_ms


class Finished(Exception):
    """The tick was run already."""


def claim(market: Market, kind: str, due: int, market_time: int) -> Claim | None:
    """Take the tick; of several who try, one gets it, and another only after the lease.

    Raises Finished when its run is over, however it ended.
    """
    run = ScanRun.objects.filter(market=market, kind=kind, due_at=due).select_related("preset_version__preset").first()
    if run is None:
        return _begin(market, kind, due, market_time)
    if run.status != ScanRun.Status.RUNNING:
        raise Finished
    return _take_over(run)


def _begin(market: Market, kind: str, due: int, market_time: int) -> Claim | None:
    run = ScanRun(market=market, kind=kind, due_at=due, market_time=market_time, preset_version=active_version())
    shard = ScanShard(run=run, fence=1, lease_until=timezone.now() + LEASE)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            shard.save(force_insert=True)
    except IntegrityError:
        return None  # somebody else inserted the tick first
    return Claim(run, shard, shard.fence)


def _take_over(run: ScanRun) -> Claim | None:
    shard, now = run.shards.get(), timezone.now()
    free = ScanShard.objects.filter(pk=shard.pk, fence=shard.fence, finished_at=None, lease_until__lte=now)
    if free.update(fence=shard.fence + 1, lease_until=now + LEASE) == 0:
        return None
    return Claim(run, shard, shard.fence + 1)


def release(claimed: Claim) -> None:
    """Give the tick back: whoever is next need not wait for the lease."""
    mine = ScanShard.objects.filter(pk=claimed.shard.pk, fence=claimed.fence, finished_at=None)
    mine.update(lease_until=timezone.now())


def mark_missed(market: Market, before: int) -> int:
    """Record ticks that were begun and never finished, and that market time has passed, as missed."""
    passed = ScanRun.objects.filter(market=market, status=ScanRun.Status.RUNNING, due_at__lt=before)
    return passed.update(status=ScanRun.Status.MISSED, finished_at=timezone.now())


class Scanner:
    """Runs ticks of one market and keeps its windows warm between them. One thread at a time."""

    def __init__(self) -> None:
        self._windows = Windows()
        self._watched: tuple[int, dict[Instrument, list[Series]]] = (0, {})

    def run(self, market: Market, state: AgentState, claimed: Claim, also: Callable[[], None]) -> list[Signal]:
        """Do a claimed tick; ``also`` is called in its transaction. Return what was stored.

        Raises LostClaim, with nothing stored, if the claim was lost or the agent turned off meanwhile.
        """
        preset = claimed.run.preset_version
        policy = policy_of(state, preset)
        watched = self._watchlist(market, state)
        self._windows.refresh([one for members in watched.values() for one in members], claimed.run.market_time)
        streams = streams_of(list(watched))
        asked = self._news(watched, streams, preset, claimed.run.market_time)
        results = score_symbols(asked, state.timeframes, policy, self._windows)
        decided = decide_all(results, streams, rules_of(state))
        with transaction.atomic():
            self._hold(claimed)
            signals, held = store(market, decided, preset, policy.min_confidence, claimed.run.pk)
            self._finish(claimed, decided, signals, held)
            also()
        return signals

    def _watchlist(self, market: Market, state: AgentState) -> dict[Instrument, list[Series]]:
        """Return the watched instruments with their series, read again when the agent's configuration changed."""
        if self._watched[0] != state.version:
            watched: dict[Instrument, list[Series]] = {i: [] for i in watchlist(state, market)}
            wanted = Series.objects.filter(instrument__in=list(watched), timeframe__in=state.timeframes)
            for one in wanted.select_related("instrument"):
                watched[one.instrument].append(one)
            self._watched = (state.version, watched)
        return self._watched[1]

    def _news(
        self, watched: dict[Instrument, list[Series]], streams: dict[int, Stream], preset: PresetVersion, now: int
    ) -> list[tuple[Instrument, int, list[Series]]]:
        """Return the symbols that have a new closed candle, or whose preset has a new version, each with its close."""
        asked = []
        for instrument, members in watched.items():
            as_of = newest_close(members, self._windows, now)
            if as_of is not None and is_news(streams[instrument.pk], as_of, preset):
                asked.append((instrument, as_of, members))
        return asked

    def _hold(self, claimed: Claim) -> None:
        """Make the claim good: first statement of the transaction, so that an older taker stops here."""
        mine = ScanShard.objects.filter(pk=claimed.shard.pk, fence=claimed.fence, finished_at=None)
        if mine.update(finished_at=timezone.now()) == 0:
            raise LostClaim("another worker has taken this tick over")
        if not AgentState.objects.select_for_update().get(pk=AGENT).enabled:
            raise LostClaim("the agent was turned off")

    def _finish(self, claimed: Claim, decided: list[Decided], signals: list[Signal], held: Counter[str]) -> None:
        ScanRun.objects.filter(pk=claimed.run.pk).update(
            status=ScanRun.Status.COMPLETE,
            finished_at=timezone.now(),
            symbols=sum(d.decision is not None for d in decided),
            signals=len(signals),
            held={because: count for because, count in sorted(held.items()) if count},
        )
