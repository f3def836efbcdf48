"""What outlives its policy goes, in batches; what is still needed stays."""

import asyncio
import re
from collections import Counter
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from agent import retention, services
from agent.models import Runner, ScanRun
from agent.retention import Retention, prune, prune_daily
from agent.runner import MarketRunner
from market import ingest
from market import retention as candle_retention
from market.feeds import current_market
from market.models import Candle, CandleRevision, Instrument, Market, Series
from presets.models import PresetVersion
from signals import retention as signal_retention
from signals.explaining import explain
from signals.models import Signal, Stream
from signals.publish import mark_published
from tests.playing import FIVE, START, walk

pytestmark = pytest.mark.django_db

HOUR = 3_600_000
KEEP = Retention(candle_days=0, run_days=0, signal_days=0, explain_days=0)


@pytest.fixture
def hours(monkeypatch):
    """Let a policy's days last an hour: a played market is short."""
    monkeypatch.setattr(retention, "DAY_MS", HOUR)


def explained() -> Counter:
    return Counter(explain(signal)["reason"] for signal in Signal.objects.all())


def candles() -> set[tuple[int, int]]:
    return set(Candle.objects.values_list("series_id", "open_time"))


def numbers() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for symbol, seq in Signal.objects.order_by("seq").values_list("instrument__symbol", "seq"):
        found.setdefault(symbol, []).append(seq)
    return found


def test_nothing_goes_without_a_policy(played):
    played(60)
    before = candles(), numbers(), ScanRun.objects.count()
    assert prune(KEEP) == {}
    assert (candles(), numbers(), ScanRun.objects.count()) == before


def test_bars_that_a_signal_still_to_be_explained_was_made_from_stay(played, hours):
    played(110)
    prune(KEEP._replace(candle_days=1, explain_days=1000))
    assert explained() == {None: Signal.objects.count()}


def test_older_bars_go_and_explain_says_so_while_newer_signals_stay_identical(played, play, hours):
    played(110)
    services.configure({"scan_interval_ms": 900_000})
    play(170)  # more than a block behind the first window
    removed = prune(KEEP._replace(candle_days=1))
    assert removed["candles"] > 100
    reasons = explained()
    assert set(reasons) == {None, "candles_pruned"}
    newest = Signal.objects.filter(instrument__symbol="BBBUSDT").latest("seq")
    assert explain(newest)["identical"] is True
    for signal in Signal.objects.filter(instrument=newest.instrument):
        for timeframe, used in signal.timeframes.items():
            series = Series.objects.get(instrument=signal.instrument, timeframe=timeframe)
            bars = Candle.objects.filter(series=series).opening(used["first_open"], used["last_open"] + 1)
            assert bars.count() == used["count"] or explain(signal)["reason"] == "candles_pruned"


def test_a_market_goes_on_after_pruning_with_the_same_signals(played, play, hours):
    played(80)
    prune(KEEP._replace(candle_days=1))
    pruned = [(s.instrument.symbol, s.seq, s.score) for s in play(40)]
    for model in (Signal, Market, ScanRun):
        model.objects.all().delete()
    runner = MarketRunner(current_market())
    whole = []
    for _ in range(120):
        whole += runner.step().signals
        mark_published(whole)  # or the sweeper would give them once more, in the place of a tick
    assert pruned == [(s.instrument.symbol, s.seq, s.score) for s in whole][-len(pruned) :]
    assert pruned


def test_bars_within_their_days_stay_and_each_series_keeps_its_newest_window(played, hours):
    played(110)
    now = current_market().position
    prune(KEEP._replace(candle_days=100))
    assert not Candle.objects.filter(open_time__lt=now - 100 * HOUR, series__timeframe="5m").exists()
    assert Candle.objects.filter(open_time__lt=now - 99 * HOUR - FIVE, series__timeframe="5m").exists() is False
    for one in Series.objects.all():
        newest = Candle.objects.filter(series=one).latest("open_time").open_time
        stored = Candle.objects.filter(series=one).count()
        window = min((newest - one.first_open) // one.interval_ms + 1, 512)
        assert stored >= window - 24  # the outage of two hours


def test_a_prune_cut_short_goes_on_where_it_stopped(played, hours, monkeypatch):
    monkeypatch.setattr(candle_retention, "BATCH", 10)
    monkeypatch.setattr(signal_retention, "BATCH", 1)
    policy = Retention(candle_days=1, run_days=2, signal_days=3, explain_days=3)
    played(110)
    expected = Counter()
    for kind, rows in retention.batches(policy, dry_run=True):
        expected[kind] += rows
    before = len(candles())
    first = prune(policy, stop=lambda: True)
    assert 0 < first.total() < expected.total()
    rest = prune(policy)
    assert first + rest == +expected
    assert len(candles()) == before - expected["candles"]
    assert prune(policy) == {}


def test_a_prune_that_has_no_time_comes_to_its_end_when_called_again_until_nothing_goes(played, hours):
    played(110)
    policy = Retention(candle_days=1, run_days=2, signal_days=3, explain_days=3)
    calls = 0
    while prune(policy, stop=lambda: True):
        calls += 1
    assert calls > 5
    assert Counter(rows for _, rows in retention.batches(policy, dry_run=True) if rows) == {}


def test_signals_lose_a_prefix_of_their_numbers_and_keep_the_newest(played, hours):
    played(110)
    whole, versions = numbers(), PresetVersion.objects.count()
    now = current_market().position
    removed = prune(KEEP._replace(signal_days=2))
    assert removed["signals"] > 0
    for symbol, seqs in numbers().items():
        assert seqs == whole[symbol][-len(seqs) :]
    old = Signal.objects.filter(as_of__lt=now - 2 * HOUR)
    assert set(old) <= {stream.last_signal for stream in Stream.objects.all()}
    assert set(numbers()) == set(whole)
    assert PresetVersion.objects.count() == versions
    heads = dict(Stream.objects.values_list("instrument__symbol", "last_seq"))
    assert heads == {symbol: seqs[-1] for symbol, seqs in whole.items()}


def test_a_signal_that_was_not_sent_yet_holds_what_follows_it(played, hours):
    played(110)
    waiting = Signal.objects.filter(instrument__symbol="BBBUSDT", seq=2)
    waiting.update(published=False)
    prune(KEEP._replace(signal_days=1))
    assert numbers()["BBBUSDT"][0] == 2
    waiting.update(published=True)
    prune(KEEP._replace(signal_days=1))
    assert numbers()["BBBUSDT"][0] > 2


def test_runs_go_but_the_newest_and_one_that_is_still_running(played, hours):
    played(60)
    newest, oldest = ScanRun.objects.first(), ScanRun.objects.last()
    ScanRun.objects.filter(pk=oldest.pk).update(status="running")
    Market.objects.update(position=current_market().position + 1000 * HOUR)
    assert prune(KEEP._replace(run_days=1))["runs"] == 58
    assert set(ScanRun.objects.values_list("pk", flat=True)) == {newest.pk, oldest.pk}


def test_runners_not_seen_for_a_day_are_forgotten(play):
    play(1)
    Runner.objects.create(name="gone:1", seen_at=timezone.now() - retention.RUNNER_GONE * 2)
    assert prune(KEEP) == {"runners": 1}


@pytest.mark.parametrize(("source", "position"), [("simulated", 10**15), ("imported", None)])
def test_a_simulation_keeps_its_own_number_of_bars_and_an_import_all(db, source, position):
    market = Market.objects.create(key=source, source=source, position=position)
    instrument = Instrument.objects.create(market=market, symbol="AAAUSDT")
    one = Series.objects.create(instrument=instrument, timeframe="5m", first_open=START)
    ingest.store(market, [(one, walk(1500, seed=1), [])])
    assert prune(Retention(1, 1, 1, 1)) == {}
    assert Candle.objects.count() == 1500


def test_former_values_go_with_their_bars(played, hours):
    played(110)
    one = Series.objects.get(instrument__symbol="BBBUSDT", timeframe="5m")
    first = Candle.objects.filter(series=one).earliest("open_time").open_time
    bars = walk(3400, seed=5, price=0.00001)
    ingest.store(current_market(), [(one, bars.between(first, first + 1), [])])
    assert CandleRevision.objects.count() == 1
    assert prune(KEEP._replace(candle_days=1))["revisions"] == 1


def test_the_command_counts_first_and_removes_only_when_told(played, settings, hours):
    played(110)
    settings.CANDLE_DAYS, settings.RUN_DAYS, settings.SIGNAL_DAYS, settings.EXPLAIN_DAYS = 1, 2, 3, 3
    before = candles(), numbers(), ScanRun.objects.count()
    printed = []
    for options in ({"dry_run": True}, {}, {}):
        out = StringIO()
        call_command("prune", stdout=out, **options)
        text = out.getvalue()
        printed.append({kind: int(rows) for kind, rows in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)})
        if options:
            assert (candles(), numbers(), ScanRun.objects.count()) == before
            assert "dry run" in text
    assert printed[0] == printed[1]
    assert min(printed[0][kind] for kind in ("candles", "signals", "runs")) > 0
    assert set(printed[2].values()) == {0}


async def test_pruning_comes_soon_after_the_start_then_daily_and_survives_a_failure(monkeypatch):
    stopping, calls = asyncio.Event(), []

    def failing(stop):
        calls.append(stop())
        if len(calls) == 3:
            stopping._loop_for_test.call_soon_threadsafe(stopping.set)
        raise RuntimeError("disk full")

    stopping._loop_for_test = asyncio.get_running_loop()
    monkeypatch.setattr(retention, "prune", failing)
    monkeypatch.setattr(retention, "FIRST_AFTER_S", 0.01)
    monkeypatch.setattr(retention, "EVERY_S", 0.01)
    await asyncio.wait_for(prune_daily(stopping), 30)
    assert calls == [False] * 3
