"""Swings against a slow reference written from their definition, and their promises one by one."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detector_checks import extreme_windows, sample_windows, tile_of, walk
from engine.pivots import KEPT, RIGHT, SWINGS_STATE, Swings, find_swings


class Swing(NamedTuple):
    kind: int
    price: float
    at: int


def _find(bars: Bars) -> Swings:
    lanes = bars.close.shape[1]
    return find_swings(bars, Span(0, 0, 0), np.zeros((SWINGS_STATE, lanes)))


def _known(swings: Swings, row: int, lane: int = 0) -> list[Swing]:
    """Return the swings known at a row, newest first."""
    kinds = [int(swings.kind[row, lane]) * (-1) ** k for k in range(int(swings.known[row, lane]))]
    return [Swing(kind, swings.price[k, row, lane], int(swings.at[k, row, lane])) for k, kind in enumerate(kinds)]


def _reference(high: list[float], low: list[float], row: int) -> list[Swing]:
    """Return the swings known at ``row``, newest first, straight from the definition."""
    swings: list[Swing] = []
    for at in range(RIGHT, row - RIGHT + 1):
        around = [k for k in range(at - RIGHT, at + RIGHT + 1) if k != at]
        top = all(high[k] < high[at] - 1e-12 for k in around)
        bottom = all(low[k] > low[at] + 1e-12 for k in around)
        if top == bottom:
            continue
        new = Swing(1, high[at], at) if top else Swing(-1, low[at], at)
        if not swings or swings[0].kind != new.kind:
            swings.insert(0, new)
        elif (new.price - swings[0].price) * new.kind > 0:
            swings[0] = new
    return swings[:KEPT]


def _tile(high: list[float], low: list[float]) -> Bars:
    tops, bottoms = np.array(high, dtype=float)[:, None], np.array(low, dtype=float)[:, None]
    middle = (tops + bottoms) / 2
    return Bars(middle, tops, bottoms, middle, np.ones_like(tops), np.ones_like(tops))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_swings_are_those_of_the_definition_at_every_bar(seed, bars_of):
    bars = bars_of(walk(seed, 400))
    swings = _find(bars)
    high, low = bars.high[:, 0].tolist(), bars.low[:, 0].tolist()
    assert swings.known[-1, 0] == KEPT
    for row in range(400):
        assert _known(swings, row) == _reference(high, low, row), f"bar {row}"


def test_swings_alternate_and_stand_at_the_extremes_of_their_bars():
    tile = tile_of(sample_windows())
    swings = _find(tile.bars)
    for lane, length in enumerate(tile.lengths):
        for row in range(60, int(length), 7):
            known = _known(swings, row, lane)
            ats = [swing.at for swing in known]
            assert ats == sorted(set(ats), reverse=True), f"window {lane}, bar {row}: out of order"
            for swing in known:
                side = tile.bars.high if swing.kind > 0 else tile.bars.low
                assert swing.price == side[swing.at, lane], f"window {lane}, bar {row}: {swing}"
            for newer, older in pairwise(known):
                assert (newer.price - older.price) * newer.kind > 0, f"window {lane}, bar {row}: {newer} after {older}"


def test_newest_high_and_low_are_the_newest_swing_of_their_kind():
    tile = tile_of(sample_windows())
    swings = _find(tile.bars)
    for row in range(100, 256, 5):
        for lane in range(len(tile.lengths)):
            newest = {swing.kind: swing for swing in reversed(_known(swings, row, lane))}
            for kind, price, at in ((1, swings.high, swings.high_at), (-1, swings.low, swings.low_at)):
                if kind in newest:
                    assert newest[kind] == Swing(kind, price[row, lane], at[row, lane])
                else:
                    assert at[row, lane] == -1.0


def test_swing_is_known_exactly_five_bars_later():
    high = [10.0 + (3.0 if i == 20 else 0.01 * (i % 2)) for i in range(40)]
    low = [9.0 - 0.01 * (i % 2) for i in range(40)]
    swings = _find(_tile(high, low))
    assert swings.high_at[:, 0].tolist() == [-1.0] * (20 + RIGHT) + [20.0] * (20 - RIGHT)
    assert swings.known[20 + RIGHT - 1, 0] == 0
    assert _known(swings, 20 + RIGHT) == [Swing(1, 13.0, 20)]


def test_cutting_the_future_changes_no_swing(bars_of):
    bars = bars_of(walk(9, 300))
    whole = _find(bars)
    for row in range(10, 300):
        cut = _find(Bars(*(column[: row + 1] for column in bars)))
        assert _known(cut, row) == _known(whole, row), f"bar {row}"


def test_mirrored_market_has_the_mirrored_swings():
    cases = extreme_windows()
    tile = tile_of([*sample_windows(), *cases.values()])
    upright, mirrored = _find(tile.bars), _find(mirror(tile.bars))
    np.testing.assert_array_equal(mirrored.kind, -upright.kind)
    np.testing.assert_array_equal(mirrored.known, upright.known)
    np.testing.assert_array_equal(mirrored.at, upright.at)
    np.testing.assert_array_equal(mirrored.price, -upright.price)
    np.testing.assert_array_equal(mirrored.low_at, upright.high_at)
    np.testing.assert_array_equal(mirrored.high, -upright.low)
    assert np.count_nonzero(upright.kind > 0) > 1_000
    assert np.count_nonzero(upright.kind < 0) > 1_000


@pytest.mark.parametrize("distance", range(1, RIGHT + 1))
def test_tie_within_five_bars_is_no_swing(distance):
    high, low = [10.0] * 40, [9.0] * 40
    high[20] = high[20 + distance] = 12.0
    assert _find(_tile(high, low)).known[-1, 0] == 0
    high[20 + distance] = 12.0 - 1e-13  # below EPSILON: still a tie
    assert _find(_tile(high, low)).known[-1, 0] == 0
    high[20 + distance] = 12.0 - 1e-9
    assert _known(_find(_tile(high, low)), 39) == [Swing(1, 12.0, 20)]


def test_bar_that_is_high_and_low_at_once_is_neither():
    high, low = [10.0] * 40, [9.0] * 40
    high[20], low[20] = 12.0, 7.0
    assert _find(_tile(high, low)).known[-1, 0] == 0


def test_higher_high_replaces_the_high_before_and_a_lower_or_equal_one_does_not():
    def newest(*tops: float) -> list[Swing]:
        high, low = [10.0] * 60, [9.0] * 60
        for i, top in enumerate(tops):
            high[10 + 15 * i] = top
        return _known(_find(_tile(high, low)), 59)

    assert newest(12.0, 13.0) == [Swing(1, 13.0, 25)]
    assert newest(12.0, 11.0) == [Swing(1, 12.0, 10)]
    assert newest(12.0, 12.0) == [Swing(1, 12.0, 10)]


def test_flat_market_has_no_swing():
    swings = _find(_tile([10.0] * 50, [10.0] * 50))
    assert not swings.known.any()
    assert not swings.kind.any()
    assert (swings.high_at == -1.0).all()
    assert (swings.low_at == -1.0).all()
