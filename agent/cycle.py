"""One shard of a tick: score what is new, decide, and store all of it or nothing."""

import logging
import time
from binascii import crc32
from collections import Counter
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from agent import tally
from agent.claims import Claim, LostClaim, hold
from agent.models import AgentState, ScanRun
from agent.services import AGENT, policy_of, rules_of, watchlist
from alerts.watching import watch
from market import snapshot
from market.feeds import is_live
from market.models import Instrument, Market, Series
from market.windows import STALE_INTERVALS, Windows
from presets.models import PresetVersion
from risk.accounts import account_of
from risk.advancing import advance
from risk.following import take_up
from signals.models import SeriesState, Signal, Stream
from signals.outcomes.following import follow
from signals.planning import Account
from signals.scoring import SymbolResult, newest_close, score_symbols
from signals.services import Decided, decide_all, is_news, store, streams_of
from signals.states import of_result, save
from telemetry.failures import count_failure
from telemetry.logs import trail
from telemetry.stages import timed

logger = logging.getLogger(__name__)

SNAPSHOT_S = 600.0  # a start reads at most so much from the table

Watched = dict[Instrument, list[Series]]


def _path(market: Market, part: tuple[int, int]) -> Path:
    shards, shard = part
    return settings.DATA_DIR / "windows" / f"{market.pk}-{shards}-{shard}"


def shard_of(symbol: str, shards: int) -> int:
    """Return which part of a watchlist a symbol belongs to: it stays there whatever else is watched."""
    return crc32(symbol.encode()) % shards


class Scanner:
    """Does shards of one market's ticks and keeps their windows warm between them. One thread at a time."""

    def __init__(self) -> None:
        from engine.steps import Steps  # brings numba

        self._windows, self._steps = Windows(), Steps()
        self._watched: dict[tuple[int, int], Watched] = {}
        self._version = (0, 0)
        self._told: dict[int, int] = {}
        self._written: dict[tuple[int, int], float] = {}

    def warm(self, shards: int) -> set[int]:
        """Return the shards, of so many, whose windows are in memory."""
        return {shard for count, shard in self._watched if count == shards}

    def run(self, market: Market, state: AgentState, claimed: Claim) -> list[Signal]:
        """Do a claimed shard. Return what was stored; the last shard of a run moves the market on.

        Raises LostClaim, with nothing stored, if the claim was lost or the agent turned off meanwhile.
        """
        preset = claimed.run.preset_version
        policy = policy_of(state, preset)
        with timed("load"):
            watched = self._part(market, state, claimed.shards, claimed.shard.shard)
            self._windows.refresh([one for members in watched.values() for one in members], claimed.run.market_time)
            streams = streams_of(list(watched))
            recent = self._recent(watched, claimed.run.market_time, state.scan_interval_ms)
            asked = self._news(recent, watched, streams, preset, is_live(market))
        with timed("score"):
            results = score_symbols(asked, state.timeframes, policy, self._windows, self._steps)
        with timed("rules"):
            decided = decide_all(results, streams, rules_of(state))
            account = self._account(market, state, decided)
        told = self._changed(results, watched)
        for one in told:
            one.revision = market.corrections  # of before the bars were read: seen for certain
        with timed("store"), transaction.atomic():
            hold(claimed)
            _require_on()
            save(told)
            signals, held, news = store(market, decided, preset, policy.min_confidence, claimed.run.pk, account)
            watch(market, news, signals, policy, preset.preset.name)
            follow(list(watched), claimed.run.market_time)
            take_up(market, signals, claimed.run.market_time)
            scored = sum(d.decision is not None for d in decided)
            last = finish(market, claimed, scored, len(signals), held, tally.counted(results, signals, held))
        trail.info("%d symbols scored, %d signals stored", scored, len(signals), extra={"shard": claimed.shard.shard})
        self._told |= {one.pk: one.close for one in told}
        if last:
            _advance_portfolio(market, claimed.run.market_time, state.timeframes)
        return signals

    def _part(self, market: Market, state: AgentState, shards: int, shard: int) -> Watched:
        """Return a shard's instruments with their series, read again when configuration or market changed."""
        version = (state.version, market.roster)
        if self._version != version:
            former = [one for part in self._watched.values() for members in part.values() for one in members]
            self._steps.forget((one.instrument_id, one.timeframe) for one in former)
            self._watched, self._version = {}, version
        if (shards, shard) not in self._watched:
            members = [i for i in watchlist(state, market) if shard_of(i.symbol, shards) == shard]
            watched: Watched = {instrument: [] for instrument in members}
            wanted = Series.objects.filter(instrument__in=members, timeframe__in=state.timeframes)
            for one in wanted.select_related("instrument"):
                watched[one.instrument].append(one)
            self._watched[shards, shard] = watched
            self._restore(market, (shards, shard))
        return self._watched[shards, shard]

    def _restore(self, market: Market, part: tuple[int, int]) -> None:
        """Begin with what a scanner of this machine last wrote down of a part of the watchlist."""
        everyone = [one for members in self._watched[part].values() for one in members]
        unknown = [one for one in everyone if self._windows.whole(one) is None]
        if unknown:
            snapshot.read(_path(market, part), self._windows, unknown, market)
        self._written[part] = time.monotonic()

    def write_down(self, market: Market) -> None:
        """Keep the windows in files, now and then, for whoever starts on this machine. To be called between ticks."""
        for part, watched in self._watched.items():
            if time.monotonic() - self._written[part] < SNAPSHOT_S:
                continue
            self._written[part] = time.monotonic()
            try:
                everyone = [one for members in watched.values() for one in members]
                snapshot.write(_path(market, part), self._windows, everyone, market)
            except OSError as error:
                count_failure("snapshot", error)
                logger.warning("the windows are not written down, the next start reads the table: %s", error)

    def _recent(self, watched: Watched, now: int, scan_interval_ms: int) -> dict[Instrument, int]:
        """Return the newest close of each symbol, but of those whose market is silent or over.

        A close that is older than what a tick may find new is no news, though it was never told: to a fresh start, or
        to another preset.
        """
        recent = {}
        for instrument, members in watched.items():
            as_of = newest_close(members, self._windows, now)
            finest = min((one.interval_ms for one in members), default=0)
            if as_of is not None and now - as_of < max(STALE_INTERVALS * finest, scan_interval_ms + finest):
                recent[instrument] = as_of
        return recent

    def _news(
        self,
        recent: dict[Instrument, int],
        watched: Watched,
        streams: dict[int, Stream],
        preset: PresetVersion,
        live: bool,
    ) -> list[tuple[Instrument, int, list[Series]]]:
        """Return the symbols that have a new closed candle, or whose preset has a new version, each with its close."""
        asked = []
        for instrument, as_of in recent.items():
            members = watched[instrument]
            if not is_news(streams[instrument.pk], as_of, preset):
                continue
            # On an exchange the bars of one close come one by one; a player delivers them together.
            if not live or all(self._windows.is_complete(one, as_of) for one in members):
                asked.append((instrument, as_of, members))
        return asked

    def _account(self, market: Market, state: AgentState, decided: list[Decided]) -> Account:
        """Return what plans are sized by: the paper portfolio as of the tick before, however often that was begun."""
        if not any(one.decision is not None and one.decision.emit for one in decided):
            return Account(0.0)  # nothing is told, so nothing is sized
        _advance_portfolio(market, market.position or 0, state.timeframes)
        return account_of(market)

    def _changed(self, results: list[SymbolResult], watched: Watched) -> list[SeriesState]:
        """Return the states of series with a bar that this scanner has not stored the state of."""
        return [
            state
            for result in results
            for state in of_result(result, watched[result.instrument], self._windows, self._told)
        ]


def give_up(market: Market, claimed: Claim) -> None:
    """Let a shard go whose takers died one after the other; its run is partial and says so."""
    with transaction.atomic():
        hold(claimed)
        _require_on()
        claimed.run.shards.filter(pk=claimed.shard.pk).update(given_up=True)
        finish(market, claimed, 0, 0, Counter(), Counter())


def _require_on() -> None:
    """Raise LostClaim if the agent is off; who turns it off waits until this transaction has ended."""
    rows = AgentState.objects.filter(pk=AGENT)
    if connection.vendor == "postgresql":
        # Shared: the shards of one run commit side by side. Django has no words for it.
        rows = AgentState.objects.raw("SELECT * FROM agent_agentstate WHERE id = %s FOR SHARE", [AGENT])  # type: ignore[assignment]
    if not rows[0].enabled:
        raise LostClaim("the agent was turned off")


def _advance_portfolio(market: Market, now: int, timeframes: list[str]) -> None:
    """Take the paper portfolio through what has closed, in a transaction of its own.

    It knows how far it is, so what fails here, or dies before it, is made up for by the next tick; a fault of the
    portfolio must not keep signals from being sent.
    """
    try:
        advance(market, now, timeframes)
    except Exception:
        logger.exception("the paper portfolio stays where it is until the next tick")


def finish(
    market: Market, claimed: Claim, symbols: int, signals: int, held: Counter[str], counts: tally.Counts
) -> bool:
    """Add a shard to its run; the last one completes the run and moves the market on, in the same transaction.

    Return whether this was the last one.
    """
    run = ScanRun.objects.select_for_update().get(pk=claimed.run.pk)
    if run.status != ScanRun.Status.RUNNING:
        raise LostClaim(f"the tick is {run.status} already")
    total = Counter(run.held) + held
    run.symbols, run.signals = run.symbols + symbols, run.signals + signals
    run.held = {because: count for because, count in sorted(total.items()) if count}
    last = not run.shards.filter(finished_at=None).exists()
    if last:
        given_up = run.shards.filter(given_up=True).exists()
        run.status = ScanRun.Status.PARTIAL if given_up else ScanRun.Status.COMPLETE
        run.finished_at = timezone.now()
        if not market.move(run.market_time):
            raise LostClaim("another process has moved the market on")
        counts["agent_scans", run.status] += 1
    run.save(update_fields=["symbols", "signals", "held", "status", "finished_at"])
    tally.add(market, counts)
    return last
