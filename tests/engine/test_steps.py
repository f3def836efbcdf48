"""A bar that only follows is folded alone, in the bits of its whole window."""

import numpy as np
import pytest

from engine import steps as module
from engine.evidence import scan
from engine.explain import reasons
from engine.steps import Followed, Steps, said_of
from engine.timeframes import window_start
from engine.window import Window
from tests.playing import FIVE, START, walk, without

SYMBOLS = 5


@pytest.fixture(scope="module")
def series():
    """Walks over the end of a block; one with a hole that makes its windows shorter, one without taker volumes."""
    found = [walk(1100, seed=n) for n in range(SYMBOLS)]
    found[1] = without(found[1], [(700, 702)])
    found[2].values[5] = np.nan
    return found


@pytest.fixture
def folded(monkeypatch):
    """How many bars were folded whole, and how many alone."""
    counts = {"whole": 0, "alone": 0}
    whole, step = module._folded, module._Cohort.step

    def counted_whole(keys, followed):
        counts["whole"] += len(keys)
        return whole(keys, followed)

    def counted_step(cohort, windows, count):
        counts["alone"] += len(windows)
        step(cohort, windows, count)

    monkeypatch.setattr(module, "_folded", counted_whole)
    monkeypatch.setattr(module._Cohort, "step", counted_step)
    return counts


def window_at(bars: Window, bar: int) -> Followed:
    close = START + (bar + 1) * FIVE
    window = bars.between(window_start(close, FIVE, START), close)
    return Followed(window, int(window.open_times[0]))


def same_bits(found, window: Window) -> bool:
    alone = said_of(scan([window], explain=True)[0])[0]
    return repr(found[:6]) == repr(alone[:6]) and reasons(found) == reasons(alone)


def test_bars_one_by_one_say_what_their_windows_say_also_when_some_come_late_or_are_left_out(series, folded):
    steps, chance, at = Steps(), np.random.default_rng(3), [1000] * SYMBOLS
    for _ in range(90):
        for n in range(SYMBOLS):
            at[n] += int(chance.integers(0, 3)) if chance.random() < 0.3 else 1
        asked = {n: window_at(series[n], at[n] % 1100 if at[n] < 1100 else 1099) for n in range(SYMBOLS)}
        asked.pop(int(chance.integers(0, 2 * SYMBOLS)), None)
        found = steps.scan(asked)
        assert found.keys() == asked.keys()
        assert all(same_bits(found[n], asked[n].window) for n in asked)
    assert folded["whole"] < 4 * SYMBOLS < folded["alone"]


@pytest.mark.parametrize("ahead", [[1, 2, 2, 2, 3], [3, 1, 1, 2, 2], [2, 0, 1, 3, 1]])
def test_series_that_stood_at_one_bar_and_are_unequally_many_further_keep_their_own_numbers(ahead):
    series = [walk(1100, seed=n) for n in range(SYMBOLS)]
    steps = Steps()
    steps.scan({n: window_at(series[n], 900) for n in range(SYMBOLS)})
    for bar in (900, 910):
        asked = {n: window_at(series[n], bar + more) for n, more in enumerate(ahead)}
        found = steps.scan(asked)
        assert all(same_bits(found[n], asked[n].window) for n in asked)


def test_a_window_whose_earlier_bars_changed_is_folded_whole_again(series, folded):
    steps = Steps()
    steps.scan({0: window_at(series[0], 900)})
    window, mark = window_at(series[0], 901)
    corrected = Window(window.open_times, window.values.copy())
    corrected.values[1:4, 400] *= 1.001
    found = steps.scan({0: Followed(corrected, (mark, "corrected"))})[0]
    assert same_bits(found, corrected)
    assert folded == {"whole": 2, "alone": 0}
    # Without the mark the correction would go unseen: that is what it is for.
    steps = Steps()
    steps.scan({0: window_at(series[0], 900)})
    assert not same_bits(steps.scan({0: Followed(corrected, mark)})[0], corrected)


def test_a_new_bar_that_cannot_be_scored_is_named_and_the_next_sound_one_is_scored(series):
    steps = Steps()
    steps.scan({0: window_at(series[0], 900)})
    window, mark = window_at(series[0], 901)
    broken = Window(window.open_times, window.values.copy())
    broken.values[3, -1] = -1.0
    with pytest.raises(ValueError, match=r"close of bar \d+ .* is -1.0"):
        steps.scan({0: Followed(broken, mark)})
    assert same_bits(steps.scan({0: Followed(window, mark)})[0], window)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_late_changes_or_is_left_out_each_series_keeps_its_own_numbers(seed):
    chance, series = np.random.default_rng(seed), [walk(1000, seed=20 + n) for n in range(8)]
    steps, at, version = Steps(), [900] * 8, [0] * 8
    for _ in range(40):
        asked = {}
        for n in np.flatnonzero(chance.random(8) < 0.8).tolist():
            at[n] += int(chance.choice([0, 1, 1, 1, 2, 3]))
            if chance.random() < 0.1:  # a mark changes: folded whole again
                version[n] += 1
            window, mark = window_at(series[n], at[n])
            asked[n] = Followed(window, (mark, version[n]))
        found = steps.scan(asked)
        assert all(same_bits(found[n], asked[n].window) for n in asked)
        steps.forget(np.flatnonzero(chance.random(8) < 0.05).tolist())
