"""One tick: claim it, score what is new, decide, and store all of it or nothing."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from agent.models import AgentState, ScanRun, ScanShard
from agent.services import AGENT, policy_of, rules_of, watchlist
from engine.score import Policy
from market.models import Instrument, Market, Series
from market.windows import Windows
from presets.models import PresetVersion
from presets.services import active_version
from signals.models import Signal, Stream
from signals.scoring import SymbolResult, newest_close, score_symbols
from signals.services import Decided, decide_all, ensure_streams, store

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


def is_finished(market: Market, kind: str, due: int) -> bool:
    """Whether the run of a tick is over, however it ended."""
    return ScanRun.objects.filter(market=market, kind=kind, due_at=due).exclude(status=ScanRun.Status.RUNNING).exists()


def claim(market: Market, kind: str, due: int, market_time: int) -> Claim | None:
    """Take the tick; of several who try, one gets it, and another only after the lease."""
    preset = active_version()
    now = timezone.now()
    try:
        with transaction.atomic():
            run, _ = ScanRun.objects.get_or_create(
                market=market, kind=kind, due_at=due, defaults={"market_time": market_time, "preset_version": preset}
            )
            shard, _ = ScanShard.objects.get_or_create(run=run, shard=0, defaults={"lease_until": now})
            free = ScanShard.objects.filter(pk=shard.pk, fence=shard.fence, finished_at=None, lease_until__lte=now)
            if free.update(fence=shard.fence + 1, lease_until=now + LEASE) == 0:
                return None
    except IntegrityError:
        return None  # somebody inserted the same row first
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

    def run(self, market: Market, state: AgentState, claimed: Claim, also: Callable[[], None]) -> list[Signal]:
        """Do a claimed tick; ``also`` is called in its transaction. Return what was stored.

        Raises LostClaim, with nothing stored, if the claim was lost or the agent turned off meanwhile.
        """
        preset = claimed.run.preset_version
        policy = policy_of(state, preset)
        results = self._score(market, state, preset, policy, claimed.run.market_time)
        streams = ensure_streams([r.instrument for r in results])
        decided = decide_all(results, streams, rules_of(state))
        with transaction.atomic():
            self._hold(claimed)
            signals, held = store(market, decided, preset, policy.min_confidence, claimed.run.pk)
            self._finish(claimed, decided, signals, held)
            also()
        return signals

    def _score(
        self, market: Market, state: AgentState, preset: PresetVersion, policy: Policy, now: int
    ) -> list[SymbolResult]:
        """Score every watched symbol that has a new closed candle, or whose preset has a new version."""
        instruments = watchlist(state, market)
        series: dict[int, list[Series]] = {i.pk: [] for i in instruments}
        wanted = Series.objects.filter(instrument__in=instruments, timeframe__in=state.timeframes)
        for one in wanted.select_related("instrument"):
            series[one.instrument_id].append(one)
        self._windows.refresh([one for members in series.values() for one in members], now)
        done = Stream.objects.in_bulk([i.pk for i in instruments])
        asked: list[tuple[Instrument, int, list[Series]]] = []
        for instrument in instruments:
            members, stream = series[instrument.pk], done.get(instrument.pk)
            as_of = newest_close(members, self._windows, now)
            if as_of is not None and (stream is None or _is_news(stream, as_of, preset)):
                asked.append((instrument, as_of, members))
        return score_symbols(asked, state.timeframes, policy, self._windows)

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


def _is_news(stream: Stream, as_of: int, preset: PresetVersion) -> bool:
    return stream.scored_as_of < as_of or (stream.scored_as_of == as_of and stream.scored_preset_id != preset.pk)
