"""A history may be scored where a live window may: every bar against ``cut``."""

import numpy as np
import pytest

from market.holes import HoleSpan
from market.models import Series
from market.scoreable import scoreable
from market.windows import NoScore, cut
from tests.playing import FIVE, START, walk, without


@pytest.mark.parametrize("seed", range(8))
def test_the_bars_of_a_history_that_may_be_scored_are_those_that_cut_gives_a_window(seed):
    rng = np.random.default_rng(seed)
    absent, holes = [], []
    for _ in range(6):
        at, length = int(rng.integers(0, 1_900)), int(rng.choice([1, 2, 3, 30, 300]))
        absent.append((at, at + length))
        reason = str(rng.choice(["no_trades", "outage", "missing", "closed", "unrecorded"]))
        if reason != "unrecorded":
            holes.append(HoleSpan(START + at * FIVE, START + (at + length) * FIVE, reason))
    bars = without(walk(2_000, seed=seed), absent)
    holes.sort()
    first_open = START - int(rng.choice([0, 400])) * FIVE
    series = Series(timeframe="5m", first_open=first_open)
    ours = scoreable(bars.open_times, holes, first_open, FIVE)
    live = [not isinstance(cut(series, bars, holes, int(t) + FIVE), NoScore) for t in bars.open_times]
    assert ours.tolist() == live
    assert len(set(live)) == 2
