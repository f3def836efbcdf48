"""Replay and simulation as feeds."""

import numpy as np
import pytest

from engine.timeframes import INTERVAL_MS
from market.feeds.base import FeedError
from market.feeds.replay import ReplayFeed
from market.feeds.simulated import HISTORY_HOURS, SimulatedFeed
from tests.playing import FIVE, START, walk, without, write_csv

ALL = ["5m", "15m", "1h"]
NOW = 1_760_000_123_456


def test_a_replay_starts_when_every_series_that_is_not_over_has_256_bars(tmp_path):
    write_csv(tmp_path, "AAAUSDT", walk(4000, seed=1))
    write_csv(tmp_path, "BBBUSDT", walk(300, seed=2))  # over before anything has 256 hours
    feed = ReplayFeed(tmp_path, [], None, ALL)
    assert feed.start == START + 256 * INTERVAL_MS["1h"]
    assert feed.symbols == ("AAAUSDT", "BBBUSDT")


def test_a_replay_gives_each_bar_once_and_none_before_it_closed(tmp_path):
    bars = walk(800, seed=1)
    write_csv(tmp_path, "AAAUSDT", bars)
    feed = ReplayFeed(tmp_path, [], START + 300 * FIVE, ALL)
    seen = []
    for position in range(feed.start, feed.end, FIVE):
        new = feed.bars("AAAUSDT", "15m", position, position + FIVE)
        assert (new.open_times + INTERVAL_MS["15m"] <= position + FIVE).all()
        seen += new.open_times.tolist()
    assert seen == list(
        range(START + 300 * FIVE, feed.end // INTERVAL_MS["15m"] * INTERVAL_MS["15m"], INTERVAL_MS["15m"])
    )


def test_a_replays_hole_grows_with_the_clock_and_no_further(tmp_path):
    write_csv(tmp_path, "AAAUSDT", without(walk(800, seed=1), [(400, 424)]))
    feed = ReplayFeed(tmp_path, [], START + 300 * FIVE, ALL)
    at = START + 410 * FIVE
    (hole,) = feed.holes("AAAUSDT", "5m", at - FIVE, at)
    assert (hole.start, hole.end, hole.reason) == (START + 400 * FIVE, at, "outage")


def test_a_symbol_is_replayed_from_its_smallest_file(tmp_path):
    write_csv(tmp_path, "AAAUSDT", walk(800, seed=1))
    write_csv(tmp_path, "AAAUSDT", walk(800, seed=9, interval=INTERVAL_MS["15m"]), "15m")
    feed = ReplayFeed(tmp_path, [], START + 300 * FIVE, ALL)
    first = feed.bars("AAAUSDT", "15m", START, START + INTERVAL_MS["15m"])
    assert first.values[0, 0] == walk(800, seed=1).values[0, 0]


BAD_ROWS = {
    "repeats": lambda w: w.open_times.__setitem__(20, w.open_times[19]),
    "comes after a later one": lambda w: w.open_times.__setitem__(20, w.open_times[18] - FIVE),
    "not on the grid": lambda w: w.open_times.__setitem__(20, w.open_times[20] + 1000),
    "high is below": lambda w: w.values[1].__setitem__(20, w.values[3, 20] * 0.9),
    "low is above": lambda w: w.values[2].__setitem__(20, w.values[3, 20] * 1.1),
    "not above 0 or is no number": lambda w: w.values[3].__setitem__(20, np.nan),
    "volume is negative": lambda w: w.values[4].__setitem__(20, -1.0),
    "a price is not above 0": lambda w: w.values[:4, 20].__setitem__(slice(None), -5.0),
}


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_replay_file_with_a_bad_bar_is_refused_by_file_row_and_reason(tmp_path, fault):
    window = walk(400, seed=1)
    BAD_ROWS[fault](window)
    path = write_csv(tmp_path, "AAAUSDT", window)
    with pytest.raises(FeedError, match=fault) as refused:
        ReplayFeed(tmp_path, [], None, ALL)
    assert str(path) in str(refused.value)
    assert "row 20" in str(refused.value)


def test_a_replay_folder_that_is_missing_empty_or_unreadable_is_refused_by_name(tmp_path):
    for folder, text in ((tmp_path / "none", "is no folder"), (tmp_path, "holds no SYMBOL")):
        with pytest.raises(FeedError, match=text) as refused:
            ReplayFeed(folder, [], None, ALL)
        assert str(folder) in str(refused.value)
    (tmp_path / "AAAUSDT-5m.parquet").write_bytes(b"no parquet")
    with pytest.raises(FeedError, match="cannot be read as parquet"):
        ReplayFeed(tmp_path, [], None, ALL)
    with pytest.raises(FeedError, match="no file for ZZZUSDT"):
        ReplayFeed(tmp_path, ["zzz/usdt"], None, ALL)


def test_a_replay_file_without_a_column_is_refused_by_the_columns_name(tmp_path):
    (tmp_path / "AAAUSDT-5m.csv").write_text("open_time,open,high,low,close\n1,1,1,1,1\n")
    with pytest.raises(FeedError, match="column volume is missing"):
        ReplayFeed(tmp_path, [], None, ALL)


def test_a_simulation_restarted_at_any_moment_goes_on_with_the_same_bars():
    feed = SimulatedFeed(7, {}, NOW)
    later = feed.start + 40 * INTERVAL_MS["1h"]
    whole = {t: feed.bars("BTCUSDT", t, feed.start, later) for t in ALL}
    for hours in (1, 23, 30):
        position = feed.start + hours * INTERVAL_MS["1h"]
        again = SimulatedFeed(7, feed.state(position))
        for timeframe in ALL:
            rest = again.bars("BTCUSDT", timeframe, position, later)
            expected = whole[timeframe].between(position, later)
            assert rest.digest() == expected.digest()


def test_a_simulation_differs_by_seed_and_begins_800_hours_before_its_start():
    one, other = SimulatedFeed(7, {}, NOW), SimulatedFeed(8, {}, NOW)
    history = one.bars("BTCUSDT", "1h", 0, one.start)
    assert len(history.open_times) == HISTORY_HOURS
    assert history.digest() != other.bars("BTCUSDT", "1h", 0, other.start).digest()


def test_simulated_bars_are_sound():
    from market.ingest import faults

    feed = SimulatedFeed(7, {}, NOW)
    for symbol in feed.symbols:
        bars = feed.bars(symbol, "5m", 0, feed.start)
        assert not [fault for fault in faults(bars, FIVE) if fault]
        assert (np.diff(bars.open_times) == FIVE).all()
