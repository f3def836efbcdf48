"""A scan, a history, and a scan in any split or order: the same bits."""

import numpy as np
import pytest

from engine.detector_checks import walk
from engine.evidence import Evidence, history, scan
from engine.timeframes import INTERVAL_MS, MIN_BARS, WINDOW_BARS, window_start
from engine.window import Window


def _window_of(series: Window, bar: int, interval: int) -> Window:
    """Return the window of one bar as a live scan cuts it."""
    close = int(series.open_times[bar]) + interval
    return series.between(window_start(close, interval, int(series.open_times[0])), close)


def _bits(evidence: Evidence, row: int = 0) -> list[bytes]:
    return [
        np.ascontiguousarray(values).tobytes()
        for values in (
            evidence.score[:, row],
            evidence.confidence[:, row],
            evidence.atr[row],
            evidence.atr_rank[row],
        )
    ]


def _compare(series: Window, interval: int, count: int) -> None:
    indices, evidence = history(series, interval)
    lengths = {i: len(_window_of(series, i, interval).open_times) for i in range(len(series.open_times))}
    assert indices.tolist() == [i for i, n in lengths.items() if n >= MIN_BARS]
    assert evidence.confidence.any(axis=(1, 2)).sum() >= 3, "nearly every detector is silent: nothing is compared"
    rows = np.random.default_rng(3).choice(len(indices), min(count, len(indices)), replace=False)
    rows = sorted({0, len(indices) - 1, *rows.tolist()})
    scanned = scan([_window_of(series, int(indices[row]), interval) for row in rows])
    for row, one in zip(rows, scanned, strict=True):
        assert _bits(one) == _bits(evidence, row), f"bar {indices[row]}"


@pytest.mark.parametrize("first_bar", [0, 100, 255])
def test_history_equals_the_scan_at_every_bar_of_a_made_up_series(first_bar):
    minutes = INTERVAL_MS["5m"]
    _compare(walk(11, 1_500, first_open=first_bar * minutes), minutes, 1_500)


def test_history_equals_the_scan_where_a_chunk_of_blocks_ends():
    """More than 64 blocks: they are folded in two chunks."""
    _compare(walk(12, 66 * 256), INTERVAL_MS["5m"], 200)


def test_a_history_on_two_threads_has_the_bits_of_one():
    series = walk(13, 140 * 256)  # three tiles
    (bars, one), (same, two) = (history(series, INTERVAL_MS["5m"], threads) for threads in (1, 2))
    assert np.array_equal(bars, same)
    for ours, theirs in zip(one[:6], two[:6], strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_history_equals_the_scan_at_every_bar_of_a_series_with_holes(holed):
    _compare(holed, INTERVAL_MS["5m"], len(holed.open_times))


@pytest.mark.candles
@pytest.mark.parametrize("name", ["BTCUSDT-1h", "PEPEUSDT-15m", "BIFIUSDT-5m"])
def test_history_equals_the_scan_on_real_candles(name, candles):
    _compare(candles(name), INTERVAL_MS[name.split("-")[1]], 300)


@pytest.mark.candles
def test_history_equals_the_scan_on_real_candles_with_taker_volume_and_an_outage(candles):
    """The outage of 2021 lies in the one, taker volume in the other."""
    minute = INTERVAL_MS["1m"]
    _compare(candles("1m-2021-09/SOLUSDT-1m"), minute, 100)
    perpetual = candles("NEARUSDT-PERP-1m")
    _compare(Window(perpetual.open_times[:20_000], perpetual.values[:, :20_000]), minute, 100)


def test_series_too_short_for_a_score_has_no_history():
    indices, evidence = history(walk(13, MIN_BARS - 1), INTERVAL_MS["5m"])
    assert len(indices) == 0
    assert evidence.score.shape[1] == evidence.confidence.shape[1] == len(evidence.atr) == 0


def test_first_scored_bar_is_the_256th():
    indices, _ = history(walk(13, MIN_BARS), INTERVAL_MS["5m"])
    assert indices.tolist() == [MIN_BARS - 1]


def _many_windows() -> list[Window]:
    """Return 150 windows (three tiles) of lengths that differ."""
    interval = INTERVAL_MS["5m"]
    series = [walk(seed, 1_400, 10.0**seed, 0.002 * (seed + 1)) for seed in range(3)]
    bars = np.random.default_rng(8).integers(MIN_BARS, 1_400, size=150)
    return [_window_of(series[i % 3], int(bar), interval) for i, bar in enumerate(bars)]


@pytest.fixture(scope="module")
def whole_scan() -> list[list[bytes]]:
    return [_bits(one) for one in scan(_many_windows())]


@pytest.mark.parametrize("size", [1, 7, 64, 65])
def test_scan_in_parts_gives_the_same_bits(size, whole_scan):
    windows = _many_windows()
    parts = [one for at in range(0, len(windows), size) for one in scan(windows[at : at + size])]
    assert [_bits(one) for one in parts] == whole_scan


@pytest.mark.parametrize("seed", [1, 2])
def test_scan_in_another_order_gives_the_same_bits(seed, whole_scan):
    windows = _many_windows()
    order = np.random.default_rng(seed).permutation(len(windows))
    shuffled = scan([windows[i] for i in order])
    assert [_bits(one) for one in shuffled] == [whole_scan[i] for i in order]


def test_asking_for_reasons_changes_no_bit(whole_scan):
    assert [_bits(one) for one in scan(_many_windows(), explain=True)] == whole_scan


def _with_close(window: Window, bar: int, close: float) -> Window:
    values = window.values.copy()
    values[3, bar] = close
    return Window(window.open_times, values)


@pytest.mark.parametrize("bar", [WINDOW_BARS - 1, WINDOW_BARS - 50])
def test_small_change_of_one_bar_changes_the_evidence(bar):
    """So that equal bits mean something. A change of one bit of a price may vanish in its logarithm: see the digest."""
    window = walk(14, WINDOW_BARS)
    changed = _with_close(window, bar, float(window.values[3, bar]) * (1.0 + 1e-12))
    assert _bits(scan([changed])[0]) != _bits(scan([window])[0])


@pytest.mark.parametrize("bar", [0, 300, WINDOW_BARS - 1])
def test_one_bit_of_one_bar_changes_the_digest_of_a_window(bar):
    window = walk(14, WINDOW_BARS)
    changed = _with_close(window, bar, float(np.nextafter(window.values[3, bar], np.inf)))
    assert changed.digest() != window.digest()
    assert _with_close(window, bar, float(window.values[3, bar])).digest() == window.digest()
