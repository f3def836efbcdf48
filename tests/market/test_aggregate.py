"""Larger bars from smaller ones."""

import numpy as np
import pytest

from engine.timeframes import INTERVAL_MS
from market.aggregate import aggregate
from market.feeds import files
from market.holes import HoleSpan, recorded
from tests.playing import FIVE, START, walk, without

QUARTER = INTERVAL_MS["15m"]


def by_hand(window, target):
    """Aggregate with a plain loop over complete buckets."""
    buckets = {}
    for i, t in enumerate(window.open_times.tolist()):
        buckets.setdefault(t // target * target, []).append(i)
    rows = {}
    for open_time, members in buckets.items():
        if len(members) == target // FIVE:
            o, h, low, c, v, taker = window.values[:, members]
            traded = v > 0 if (v > 0).any() else np.ones(len(v), dtype=bool)
            o, h, low, c = o[traded], h[traded], low[traded], c[traded]
            rows[open_time] = (o[0], h.max(), low.min(), c[-1], v[0] + v[1] + v[2], taker[0] + taker[1] + taker[2])
    return rows


def test_a_larger_bar_has_the_first_open_the_extremes_the_last_close_and_the_sums_of_its_parts():
    base = walk(300, seed=5, start=START + FIVE)  # begins inside a quarter of an hour
    base.values[4, 10:16] = 0.0
    made, holes = aggregate(base, [], FIVE, QUARTER)
    expected = by_hand(base, QUARTER)
    assert dict(zip(made.open_times.tolist(), map(tuple, made.values.T.tolist()), strict=True)) == expected
    assert holes == []
    assert made.open_times[0] == START + QUARTER


def test_an_outage_of_base_bars_is_inherited_and_no_bar_is_made_up():
    base = without(walk(300, seed=5), [(100, 104)])
    made, holes = aggregate(base, recorded(base.open_times, FIVE), FIVE, QUARTER)
    touched = {(START + i * FIVE) // QUARTER * QUARTER for i in range(100, 104)}
    assert not touched & set(made.open_times.tolist())
    assert holes == [HoleSpan(min(touched), max(touched) + QUARTER, "outage")]


def test_a_bar_without_trades_does_not_keep_a_larger_bar_from_being_made():
    base = without(walk(300, seed=5), [(100, 101)])
    made, holes = aggregate(base, recorded(base.open_times, FIVE), FIVE, QUARTER)
    assert (START + 100 * FIVE) // QUARTER * QUARTER in made.open_times
    assert holes == []


@pytest.mark.candles
@pytest.mark.parametrize("symbol", ["BTCUSDT", "WIFUSDT", "PEPEUSDT"])
@pytest.mark.parametrize("timeframe", ["15m", "1h"])
def test_five_minute_bars_add_up_to_the_exchanges_own_larger_bars(candles_dir, symbol, timeframe):
    base = files.read(candles_dir / f"{symbol}-5m.parquet")
    theirs = files.read(candles_dir / f"{symbol}-{timeframe}.parquet")
    ours, _ = aggregate(base, recorded(base.open_times, FIVE), FIVE, INTERVAL_MS[timeframe])
    common = np.intersect1d(ours.open_times, theirs.open_times)
    assert len(common) == len(theirs.open_times)
    mine, their = ours.between(0, common[-1] + 1).values, theirs.values
    np.testing.assert_array_equal(mine[:4], their[:4])
    np.testing.assert_allclose(mine[4], their[4], rtol=1e-9)
