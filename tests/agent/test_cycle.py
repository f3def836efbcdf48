"""The tick: once, whole or not at all, the same every time."""

import time
from collections import Counter
from datetime import timedelta

import pytest

from agent import claims, cycle, services
from agent.claims import GIVE_UP_AFTER, Claim, LostClaim, run_of, take
from agent.cycle import Scanner
from agent.feeding import Feeder
from agent.models import AgentState, Runner, ScanRun, ScanShard
from agent.runner import MarketRunner
from agent.ticking import Ticker
from engine.side import HISTORY_MS, HOUR_MS
from market import side
from market.feeds import current_market
from market.models import Candle, Instrument, Market
from presets.services import activate_preset
from signals.explaining import explain
from signals.models import Signal, Stream
from signals.publish import mark_published
from tests.conftest import replay_settings
from tests.playing import FIVE, START, walk, write_csv

pytestmark = pytest.mark.django_db

SAME = [
    f.attname
    for f in Signal._meta.concrete_fields
    if f.attname not in ("id", "instrument_id", "created_at", "published", "run_id", "preset_version_id")
]


def stored_rows():
    """Every column of every signal but keys, ids and wall-clock times."""
    return list(Signal.objects.order_by("instrument__symbol", "seq").values_list("instrument__symbol", *SAME))


def start_afresh():
    Signal.objects.all().delete()
    Market.objects.all().delete()
    ScanRun.objects.all().delete()


def test_signals_of_a_symbol_are_numbered_from_one_without_a_hole(played):
    played(110)
    numbers = {}
    for symbol, seq in Signal.objects.order_by("seq").values_list("instrument__symbol", "seq"):
        numbers.setdefault(symbol, []).append(seq)
    assert set(numbers) == {"AAAUSDT", "BBBUSDT", "CCCUSDT"}
    for seqs in numbers.values():
        assert seqs == list(range(1, len(seqs) + 1))
    assert sum(map(len, numbers.values())) > 8


def test_a_replay_played_again_and_restarted_on_the_way_stores_the_same_rows(played, replay):
    played(60)
    once = stored_rows()
    start_afresh()
    for _ in range(6):
        runner = MarketRunner(current_market())  # a restart: nothing but the database is kept
        for _ in range(10):
            mark_published(runner.step().signals)
    assert [row[:3] for row in stored_rows()] == [row[:3] for row in once]
    assert stored_rows() == once
    assert len(once) > 6


def test_every_signal_is_derived_again_identically(played):
    played(110)
    for signal in Signal.objects.all():
        answer = explain(signal)
        assert answer["identical"] is True, (signal, answer["reason"])


def test_a_signal_that_heard_the_futures_market_is_derived_again_with_what_was_known_of_it(play):
    play(10)
    for instrument in Instrument.objects.all():
        for kind, level in (("funding_rate", 0.0001), ("open_interest", 5e4), ("long_short_ratio", 1.5)):
            hours = range(START + 3000 * FIVE - HISTORY_MS, START + 3400 * FIVE, HOUR_MS)
            told = [side.Arrival(t, level * (1 + n % 40 / 50)) for n, t in enumerate(hours)]
            side.store(instrument, kind, told)
    heard = [signal for signal in play(100) if speaks(signal, "sentiment")]
    assert heard
    assert all(explain(signal)["identical"] for signal in heard)


def speaks(signal: Signal, detector: str) -> bool:
    parts = [part for used in signal.timeframes.values() for part in used["components"]]
    return any(part["name"] == detector and part["confidence"] > 0 for part in parts)


def test_one_stored_candle_altered_by_one_unit_in_the_last_place_is_noticed(played):
    import numpy as np

    played(60)
    signal = Signal.objects.filter(instrument__symbol="BBBUSDT").latest("seq")
    candle = Candle.objects.filter(
        series__instrument=signal.instrument, series__timeframe="5m", open_time=signal.timeframes["5m"]["first_open"]
    )
    candle.update(low=np.nextafter(candle.get().low, 0.0))
    answer = explain(signal)
    assert answer["identical"] is False
    assert answer["reason"] == "differs"


def test_a_signal_of_another_engine_or_of_pruned_candles_is_not_called_identical(played):
    played(30)
    signal = Signal.objects.latest("as_of")
    signal.scoring_version = "other"
    assert (explain(signal)["identical"], explain(signal)["reason"]) == (None, "engine_changed")
    Candle.objects.filter(series__instrument=signal.instrument).delete()
    assert (explain(signal)["identical"], explain(signal)["reason"]) == (None, "candles_pruned")


def test_an_outage_gives_gap_with_its_reason_and_then_scores_again(played, play):
    played(50)  # the outage begins at bar 3,300
    before = Signal.objects.filter(instrument__symbol="CCCUSDT").count()
    play(26)
    skipped = Stream.objects.get(instrument__symbol="CCCUSDT").decision["skipped"]
    assert {(s["timeframe"], s["reason"]) for s in skipped} >= {("5m", "gap")}
    assert "outage" in next(s["detail"] for s in skipped if s["reason"] == "gap")
    during = START + 3300 * FIVE, START + 3324 * FIVE
    assert not Candle.objects.filter(
        series__instrument__symbol="CCCUSDT", series__timeframe="5m", open_time__gte=during[0], open_time__lt=during[1]
    ).exists()
    services.configure({"scan_interval_ms": 1_800_000})  # 14 bars of an hour are long: fewer ticks lead to their end
    play(200)
    assert Stream.objects.get(instrument__symbol="CCCUSDT").decision["skipped"] == []
    assert Signal.objects.filter(instrument__symbol="CCCUSDT").count() > before


def a_tick_again(market: Market) -> Claim:
    """Claim a tick beyond all others over the bars that are there, as if nothing of them had been scored."""
    due = ScanRun.objects.latest("due_at").due_at + FIVE
    run, _ = run_of(market, ScanRun.Kind.TICK, due, market.position)
    return take(run)


def test_of_two_who_claim_a_tick_one_begins_it_and_one_takes_it(play):
    play(1)
    market = current_market()
    (first, begun), (second, begun_too) = (run_of(market, ScanRun.Kind.TICK, 10**12, 10**12) for _ in range(2))
    assert (first, begun, begun_too) == (second, True, False)
    assert take(first) is not None
    assert take(second) is None


def test_a_worker_whose_lease_ran_out_cannot_commit(play):
    play(3)
    market, state = current_market(), services.agent_state()
    late = a_tick_again(market)
    ScanShard.objects.filter(pk=late.shard.pk).update(lease_until="2000-01-01T00:00:00Z")
    taker = take(late.run)
    assert taker.fence == late.fence + 1
    Stream.objects.update(scored_as_of=0)
    with pytest.raises(LostClaim):
        Scanner().run(market, state, late)
    assert not Signal.objects.filter(run_id=late.run.pk).exists()
    assert ScanRun.objects.get(pk=late.run.pk).status == "running"


@pytest.mark.django_db(transaction=True)
def test_a_scan_longer_than_its_lease_is_not_taken_over_until_its_worker_is_gone(play, monkeypatch):
    play(3)
    monkeypatch.setattr(claims, "LEASE", timedelta(seconds=0.4))
    long = a_tick_again(current_market())
    with claims.kept(long):
        time.sleep(1.0)
        assert take(long.run) is None
    time.sleep(0.6)
    assert take(long.run).fence == long.fence + 1


def test_a_tick_run_twice_stores_nothing_the_second_time(play):
    play(3)
    market, state = current_market(), services.agent_state()
    count = Signal.objects.count()
    assert Scanner().run(market, state, a_tick_again(market)) == []
    assert Signal.objects.count() == count


def test_a_tick_during_which_the_agent_is_turned_off_stores_nothing(play):
    play(3)
    market, state = current_market(), services.agent_state()
    claimed = a_tick_again(market)
    Stream.objects.update(scored_as_of=0)
    before, seqs = Signal.objects.count(), list(Stream.objects.values_list("last_seq", flat=True))
    services.toggle(False)
    with pytest.raises(LostClaim, match="turned off"):
        Scanner().run(market, state, claimed)
    assert Signal.objects.count() == before
    assert list(Stream.objects.values_list("last_seq", flat=True)) == seqs


def test_an_error_in_the_middle_of_a_tick_stores_nothing_of_it_and_the_next_try_all(play, monkeypatch):
    play(3)
    market = current_market()
    runner = MarketRunner(market)
    position, count = market.position, Signal.objects.count()
    with monkeypatch.context() as broken:
        broken.setattr(cycle, "finish", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")))
        with pytest.raises(RuntimeError):
            runner.step()
    assert (current_market().position, Signal.objects.count()) == (position, count)
    ScanShard.objects.update(lease_until="2000-01-01T00:00:00Z")
    runner.step()
    assert current_market().position == position + FIVE


def test_a_tick_over_which_every_taker_dies_is_given_up_and_the_market_goes_on(play):
    play(3)
    market = current_market()
    runner = MarketRunner(market)
    runner._feeder.step()
    run, _ = run_of(market, ScanRun.Kind.TICK, market.position + FIVE, market.position + FIVE)
    for _ in range(GIVE_UP_AFTER):
        assert take(run) is not None
        ScanShard.objects.filter(run=run).update(lease_until="2000-01-01T00:00:00Z")
    runner.step()
    run.refresh_from_db()
    assert (run.status, run.signals) == ("partial", 0)
    assert current_market().position == market.position + FIVE


def test_a_scan_in_shards_stores_what_a_scan_in_one_piece_stores(played, replay):
    played(60)
    once = stored_rows()
    start_afresh()
    replay.SCAN_SHARD_SYMBOLS = 1
    tickers = [Ticker(current_market()) for _ in range(2)]
    feeder = Feeder(current_market())
    while ScanRun.objects.filter(status="complete").count() < 60:
        feeder.step()
        for ticker in tickers:
            mark_published(ticker.step(0.0).signals)
    assert stored_rows()[: len(once)] == once
    assert all(run.shards.count() == 3 for run in ScanRun.objects.all())
    assert sum(ScanRun.objects.values_list("signals", flat=True)) == Signal.objects.count()


def test_a_worker_goes_back_to_the_shard_whose_windows_it_holds(play, replay):
    replay.SCAN_SHARD_SYMBOLS = 1
    play(1)
    run, _ = run_of(current_market(), ScanRun.Kind.TICK, 10**13, 10**13, shards=3)
    assert take(run, warm={2}).shard.shard == 2
    assert take(run, warm={2}).shard.shard == 0


def test_a_tick_of_which_only_a_part_was_done_when_the_agent_went_off_is_partial(play, replay):
    replay.SCAN_SHARD_SYMBOLS = 1
    play(1)
    feeder, ticker = Feeder(current_market()), Ticker(current_market())
    feeder.step()
    ticker.step(0.0)
    services.toggle(False)
    replay.REPLAY_SPEED = 1e9
    feeder = Feeder(current_market())
    for _ in range(3):
        feeder.step()
    assert "partial" in ScanRun.objects.values_list("status", flat=True)


def test_an_agent_that_is_off_stands_still_at_speed_0_and_goes_on_when_on(play):
    play(2)
    services.toggle(False)
    position = current_market().position
    play(5)
    assert current_market().position == position
    services.toggle(True)
    play(5)
    assert current_market().position == position + 5 * FIVE


def test_two_runners_on_one_database_scan_each_tick_once(play, replay):
    play(0)
    runners = [MarketRunner(current_market()) for _ in range(2)]
    for _ in range(40):
        for runner in runners:
            mark_published(runner.step().signals)
    ticks = Counter(ScanRun.objects.values_list("due_at", flat=True))
    assert set(ticks.values()) == {1}
    assert set(ScanRun.objects.values_list("status", flat=True)) == {"complete"}
    assert current_market().position >= START + (3250 + 40) * FIVE


def test_a_scan_interval_longer_than_the_grid_scans_only_at_its_multiples(play):
    services.agent_state()
    services.configure({"scan_interval_ms": 1_800_000})
    play(24)
    due = sorted(ScanRun.objects.values_list("due_at", flat=True))
    assert due
    assert all(d % 1_800_000 == 0 for d in due)
    assert current_market().position == START + (3250 + 24) * FIVE


def test_a_new_preset_version_scores_the_same_close_again(play):
    play(4)
    activate_preset("aggressive")
    play(1)
    versions = set(Stream.objects.values_list("scored_preset__preset__name", flat=True))
    assert versions == {"aggressive"}
    assert set(ScanRun.objects.order_by("-pk").values_list("preset_version__preset__name", flat=True)[:1]) == {
        "aggressive"
    }


def test_a_symbol_that_is_over_is_told_neither_at_a_fresh_start_nor_for_another_preset(settings, tmp_path):
    write_csv(tmp_path, "AAAUSDT", walk(4_000, seed=1))
    write_csv(tmp_path, "LATEUSDT", walk(3_260, seed=2))
    write_csv(tmp_path, "OVERUSDT", walk(3_100, seed=3))
    for name, value in replay_settings(tmp_path).items():
        setattr(settings, name, value)
    services.configure({"rules": {"hysteresis": 0.0, "step": 0.01, "cooldown_s": 0}})
    runner = MarketRunner(current_market())
    for _ in range(20):
        mark_published(runner.step().signals)
    told = Signal.objects.values_list("instrument__symbol", "as_of")
    assert max(as_of for symbol, as_of in told if symbol == "LATEUSDT") <= START + 3_260 * FIVE
    before = Counter(symbol for symbol, _ in told)
    activate_preset("aggressive")
    mark_published(runner.step().signals)
    assert Counter(told.all().values_list("instrument__symbol", flat=True)) - before == Counter(AAAUSDT=1)
    assert before["LATEUSDT"] > 1
    assert "OVERUSDT" not in before


def test_the_market_ends_behind_its_last_bar_and_the_agent_lives_on(play, replay):
    replay.REPLAY_START = START + 3990 * FIVE
    play(20)
    market = current_market()
    assert market.ended
    assert market.position == START + 4000 * FIVE
    status = services.status_json()
    assert status["market"]["status"] == "ended"
    assert status["running"] is True
    assert status["next_scan_at"] is None


def test_what_a_crash_left_unpublished_comes_with_the_next_sweep_and_not_while_off(play):
    signals = play(5)
    assert signals
    Signal.objects.update(published=False)
    services.toggle(False)
    runner = MarketRunner(current_market())
    assert runner.step().signals == []
    services.toggle(True)
    left = runner.step().signals
    assert [(s.instrument.symbol, s.seq) for s in left] == [
        (s.instrument.symbol, s.seq) for s in sorted(left, key=lambda s: (s.as_of, s.instrument.symbol, s.seq))
    ]
    assert len(left) == Signal.objects.count()


def test_the_first_state_comes_from_the_settings_and_stays_afterwards(settings, db):
    settings.REALTIME_AGENT_ENABLED = False
    settings.REALTIME_SCAN_INTERVAL_MS = 45_000
    state = services.agent_state()
    assert (state.enabled, state.scan_interval_ms) == (False, 45_000)
    settings.REALTIME_AGENT_ENABLED = True
    assert services.agent_state().enabled is False
    assert AgentState.objects.count() == 1


def test_the_agent_runs_only_while_a_runner_shows_a_heartbeat(play):
    play(1)
    assert services.status_json()["running"] is True
    Runner.objects.update(seen_at="2000-01-01T00:00:00Z")
    assert services.status_json()["running"] is False
