"""Which bars a score is made from, and when there is none."""

import uuid

import numpy as np
import pytest

from engine.timeframes import window_start
from engine.window import Window
from market import ingest, snapshot
from market.holes import HoleSpan, recorded
from market.models import Candle, Instrument, Market, Series
from market.windows import NoScore, Windows, cut
from tests.playing import FIVE, START, walk, without


def series(first_open=START, ended_at=None):
    return Series(timeframe="5m", first_open=first_open, ended_at=ended_at)


def close_of(bar):
    return START + (bar + 1) * FIVE


def reason(result):
    return result.reason if isinstance(result, NoScore) else "scored"


def test_a_window_begins_at_its_anchor_whatever_else_is_stored():
    bars = walk(2000, seed=1)
    for bar in (900, 1100, 1290, 1500):
        start = window_start(close_of(bar), FIVE, START)
        whole = cut(series(), bars, [], close_of(bar))
        less = cut(series(), bars.between(start, close_of(bar)), [], close_of(bar))
        assert whole.digest() == less.digest()
        assert whole.open_times[0] == start
        assert whole.open_times[-1] == START + bar * FIVE


def test_fewer_than_256_bars_have_no_score_and_256_have_one():
    bars = walk(256, seed=1)
    assert reason(cut(series(), bars, [], close_of(254))) == "too_short"
    assert reason(cut(series(), bars, [], close_of(255))) == "scored"


def test_bars_that_do_not_reach_back_to_the_windows_start_have_no_score():
    bars = walk(1500, seed=1)
    late = bars.between(window_start(close_of(1400), FIVE, START) + FIVE, close_of(1400))
    assert reason(cut(series(), late, [], close_of(1400))) == "history_missing"
    assert reason(cut(series(first_open=int(late.open_times[0])), late, [], close_of(1400))) == "scored"


@pytest.mark.parametrize(
    ("missing", "kind", "since", "expected"),
    [
        (5, "outage", 13, "gap"),
        (5, "outage", 14, "scored"),
        (5, "closed", 3, "gap"),
        (2, "no_trades", 1, "scored"),
        (3, "no_trades", 1, "gap"),
        (3, "no_trades", 14, "scored"),
        (1, "missing", 200, "gap"),
        (1, None, 200, "gap"),
    ],
)
def test_a_hole_spoils_a_score_by_its_reason_and_age(missing, kind, since, expected):
    last = 1400
    first = last - since - missing + 1
    bars = without(walk(1500, seed=1), [(first, first + missing)])
    holes = [HoleSpan(START + first * FIVE, START + (first + missing) * FIVE, kind)] if kind else []
    assert reason(cut(series(), bars, holes, close_of(last))) == expected


def test_no_closed_bar_for_two_intervals_is_stale_and_behind_the_last_bar_it_has_ended():
    bars = walk(1000, seed=1)
    assert reason(cut(series(), bars, [], close_of(999) + FIVE)) == "scored"
    assert reason(cut(series(), bars, [], close_of(999) + 2 * FIVE)) == "stale"
    assert reason(cut(series(ended_at=close_of(999)), bars, [], close_of(999) + 2 * FIVE)) == "ended"


def test_a_recordings_short_hole_means_no_trades_and_a_longer_one_an_outage():
    bars = without(walk(100, seed=1), [(10, 12), (50, 53)])
    assert [(h.reason, (h.end - h.start) // FIVE) for h in recorded(bars.open_times, FIVE)] == [
        ("no_trades", 2),
        ("outage", 3),
    ]


@pytest.fixture
def stored(db):
    """Return a stored series and a function that stores bars of it."""
    market = Market.objects.create(key="test", source="test")
    instrument = Instrument.objects.create(market=market, symbol="AAAUSDT")
    one = Series.objects.create(instrument=instrument, timeframe="5m", first_open=START)

    def put(window: Window) -> None:
        rows = zip(window.open_times.tolist(), *window.values.tolist(), strict=True)
        Candle.objects.bulk_create(
            [
                Candle(series=one, open_time=t, open=o, high=h, low=low, close=c, volume=v, taker_buy_volume=k)
                for t, o, h, low, c, v, k in rows
            ],
            update_conflicts=True,
            unique_fields=["series", "open_time"],
            update_fields=["close"],
        )

    return one, put


def fresh(one, until):
    windows = Windows()
    windows.refresh([one], until)
    return windows.cut(one, until)


def test_windows_kept_warm_over_many_refreshes_equal_windows_read_anew(stored):
    one, put = stored
    bars = without(walk(1400, seed=4), [(1000, 1040), (1200, 1201)])
    put(bars.between(0, START + 800 * FIVE))
    warm = Windows()
    for bar in [799, 800, 805, 999, 1050, 1051, 1100, 1250, 1399]:
        put(bars.between(0, close_of(bar)))
        warm.refresh([one], close_of(bar))
        kept, anew = warm.cut(one, close_of(bar)), fresh(one, close_of(bar))
        assert reason(kept) == reason(anew)
        if isinstance(kept, Window):
            assert kept.digest() == anew.digest()


def test_a_corrected_newest_bar_is_seen_at_the_next_refresh(stored):
    one, put = stored
    bars = walk(1000, seed=4)
    put(bars.between(0, close_of(989)))
    warm = Windows()
    warm.refresh([one], close_of(989))
    bars.values[3, 989] = np.nextafter(bars.values[3, 989], 0)
    put(bars.between(0, close_of(990)))
    warm.refresh([one], close_of(990))
    assert warm.cut(one, close_of(990)).values[3, -2] == bars.values[3, 989]


def test_a_series_that_went_silent_long_ago_is_stale_beside_one_that_goes_on(stored):
    one, put = stored
    other = Series.objects.create(instrument=one.instrument, timeframe="15m", first_open=START)
    put(walk(600, seed=4))
    warm = Windows()
    for bar in (599, 610, 900):
        warm.refresh([one, other], close_of(bar))
    assert reason(warm.cut(one, close_of(900))) == "stale"
    assert reason(warm.cut(other, close_of(900))) == "too_short"


@pytest.mark.parametrize("last", [None, 1_399, 1_150, 1_000])
def test_however_far_memory_is_behind_a_series_is_read_on_to_its_end(stored, last):
    one, put = stored
    one.ended_at = last and close_of(last)
    put(walk(1_400, seed=4).between(0, one.ended_at or close_of(1_399)))
    warm = Windows()
    for bar in (700, 1_100, 1_101, 1_399):  # as after hours without a tick: the agent was off, or its windows were old
        warm.refresh([one], close_of(bar))
        kept, anew = warm.cut(one, close_of(bar)), fresh(one, close_of(bar))
        assert reason(kept) == reason(anew), bar
        if isinstance(anew, Window):
            assert kept.digest() == anew.digest(), bar
    assert reason(kept) == ("scored" if last in (None, 1_399) else "ended")


def test_windows_from_a_file_are_those_of_the_table_whatever_came_or_was_corrected_since(stored, tmp_path):
    one, _ = stored
    market, path, bars = one.instrument.market, tmp_path / "windows", walk(1000, seed=4)
    ingest.store(market, [(one, bars.between(0, close_of(949)), [])])
    warm = Windows()
    warm.refresh([one], close_of(949))
    snapshot.write(path, warm, [one], market)
    for change in ("nothing", "bars", "a correction"):
        if change == "bars":
            ingest.store(market, [(one, bars.between(close_of(949), close_of(989)), [])])
        elif change == "a correction":
            bars.values[1, 700] *= 1.01
            ingest.store(market, [(one, bars.between(START + 700 * FIVE, START + 701 * FIVE), [])])
        until = close_of(949 if change == "nothing" else 989)
        started = Windows()
        assert snapshot.read(path, started, [one], Market.objects.get()) == 1
        started.refresh([one], until)
        assert started.cut(one, until).digest() == fresh(one, until).digest(), change


def test_a_file_that_is_of_another_market_or_damaged_is_left_alone(stored, tmp_path, caplog):
    one, put = stored
    market, path = one.instrument.market, tmp_path / "windows"
    put(walk(800, seed=4))
    warm = Windows()
    warm.refresh([one], close_of(799))
    snapshot.write(path, warm, [one], market)
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:100], b"x" * 100, whole.replace(b'"format": 1', b'"format": 2')):
        path.write_bytes(damaged)
        assert snapshot.read(path, Windows(), [one], market) == 0
    assert caplog.text.count("is not read") == 5
    path.write_bytes(whole)
    assert snapshot.read(path, Windows(), [one], market) == 1
    market.epoch = uuid.uuid4()
    assert snapshot.read(path, Windows(), [one], market) == 0
    assert snapshot.read(tmp_path / "none", Windows(), [one], market) == 0


def test_a_series_that_gets_its_earlier_history_late_is_scored_from_then_on(stored):
    one, put = stored
    bars = walk(900, seed=4)
    put(bars.between(close_of(600), close_of(898)))
    warm = Windows()
    warm.refresh([one], close_of(898))
    assert reason(warm.cut(one, close_of(898))) == "history_missing"
    put(bars)
    warm.refresh([one], close_of(899))
    assert warm.cut(one, close_of(899)).digest() == fresh(one, close_of(899)).digest()
