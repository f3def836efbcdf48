"""Input that cannot be scored is refused at every door of the engine, by shape, value and place."""

import numpy as np
import pytest

from engine.catalogue import DETECTORS
from engine.checked import checked
from engine.detector_checks import check, walk, with_side
from engine.detectors import REGISTRY
from engine.evidence import history, scan
from engine.score import Policy, combine
from engine.side import ROWS
from engine.timeframes import INTERVAL_MS
from engine.window import Window, empty

WHOLE = walk(3, 300)


def broken(row, at, value):
    values = WHOLE.values.copy()
    values[row, at] = value
    return Window(WHOLE.open_times, values)


def with_times(at, shift):
    times = WHOLE.open_times.copy()
    times[at] += shift
    return Window(times, WHOLE.values)


FAULTS = {
    "lengths differ": (Window(WHOLE.open_times[1:], WHOLE.values), r"values has shape \(6, 300\), expected \(6, 299\)"),
    "a row is missing": (Window(WHOLE.open_times, WHOLE.values[:5]), r"shape \(5, 300\), expected \(6, 300\)"),
    "times in two rows": (Window(WHOLE.open_times.reshape(2, 150), WHOLE.values), r"\(2, 150\), expected \(any\)"),
    "float32": (Window(WHOLE.open_times, WHOLE.values.astype(np.float32)), r"values is float32 \(6, 300\), .* float64"),
    "times as float": (Window(WHOLE.open_times.astype(float), WHOLE.values), "open_times is float64 .* int64"),
    "a list": (Window(WHOLE.open_times, WHOLE.values.tolist()), "values is list, expected an array of float64"),
    "NaN price": (broken(3, 7, np.nan), r"close of bar 7 \(opens 2100000\) is nan, not above 0 and finite"),
    "infinite price": (broken(1, 299, np.inf), "high of bar 299 .* is inf"),
    "price 0": (broken(2, 0, 0.0), r"low of bar 0 \(opens 0\) is 0.0"),
    "negative price": (broken(0, 12, -1.0), "open of bar 12 .* is -1.0"),
    "NaN volume": (broken(4, 5, np.nan), "volume of bar 5 .* is nan, not 0 or more and finite"),
    "infinite taker volume": (broken(5, 5, np.inf), "taker_buy_volume of bar 5 .* is inf, not finite or NaN"),
    "a time twice": (with_times(9, -300_000), r"open_times\[9\] is 2400000, not after open_times\[8\] = 2400000"),
    "a time that goes back": (with_times(200, -3_000_000), r"open_times\[200\] is"),
    "side without its rows": (WHOLE._replace(side=np.zeros((3, 1))), rf"side has shape \(3, 1\), .*\({ROWS}, any\)"),
    "more side than bars": (WHOLE._replace(side=np.zeros((ROWS, 301))), "beside 300 bars"),
    "NaN beside": (WHOLE._replace(side=np.full((ROWS, 1), np.nan)), "finite"),
}  # fmt: skip


@pytest.mark.parametrize(("window", "said"), FAULTS.values(), ids=FAULTS)
def test_window_that_cannot_be_scored_is_refused_at_every_door(window, said):
    with pytest.raises(ValueError, match=f"window 1: .*{said}"):
        scan([WHOLE, window])
    with pytest.raises(ValueError, match=said):
        history(window, INTERVAL_MS["5m"])
    with pytest.raises(ValueError, match=said):
        check(REGISTRY["trend"], [window])


def test_sound_windows_pass_with_and_without_taker_volume_and_what_lies_beside():
    for window in (WHOLE, broken(5, slice(None), np.nan), with_side(WHOLE, 1), empty()):
        assert checked(window) is window


def test_window_without_bars_is_refused_by_a_scan_and_has_no_history():
    with pytest.raises(ValueError, match="window 0 holds no bar"):
        scan([empty()])
    assert len(history(empty(), INTERVAL_MS["5m"])[0]) == 0


def test_history_refuses_an_interval_of_nothing():
    with pytest.raises(ValueError, match="interval_ms must be above 0, was 0"):
        history(WHOLE, 0)


@pytest.mark.parametrize("short", ["scores", "confidences"])
def test_combine_names_what_is_not_one_a_detector(short):
    given = {"scores": [0.0] * len(DETECTORS), "confidences": [0.0] * len(DETECTORS)} | {short: [0.0]}
    with pytest.raises(ValueError, match=f"1 {short} given, expected {len(DETECTORS)}"):
        combine(**given, atr=0.0, atr_rank=0.0, policy=Policy({"trend": 1.0}, 0.1, 0.1))
