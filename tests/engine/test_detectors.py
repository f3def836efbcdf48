"""Every detector passes the checks, and the checks catch a detector that breaks any one of the rules."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from engine.bars import EPSILON, Bars, Span
from engine.detector_checks import CHECKS, check, sample_windows, walk
from engine.detectors import REGISTRY
from engine.detectors.base import Detector, Output, Shared
from engine.timeframes import BLOCK_BARS, MIN_BARS, WARM_UP_BARS
from engine.window import Window


@pytest.mark.parametrize("name", REGISTRY)
def test_detector_passes_every_check_on_made_up_markets(name):
    assert check(REGISTRY[name]) == []


@pytest.mark.candles
@pytest.mark.parametrize("name", REGISTRY)
def test_detector_passes_every_check_at_every_bar_of_a_real_file(name, candles):
    assert check(REGISTRY[name], _blocks(candles("BTCUSDT-1h"))) == []


@pytest.mark.candles
@pytest.mark.parametrize("name", REGISTRY)
def test_detector_passes_every_check_on_thin_tiny_and_taker_markets(name, candles):
    files = ("BIFIUSDT-5m", "PEPEUSDT-15m", "NEARUSDT-PERP-1m")
    blocks = [_blocks(candles(file)) for file in files]
    assert check(REGISTRY[name], [window for found in blocks for window in found[3 :: len(found) // 3]]) == []


def _blocks(series: Window) -> list[Window]:
    """Return a window for each block of 256 bars that can be scored: together they score every bar of the file."""
    ends = range(MIN_BARS, len(series.open_times), BLOCK_BARS)
    cuts = [(max(0, end - BLOCK_BARS - WARM_UP_BARS + 1), end) for end in ends]
    return [Window(series.open_times[first:end], series.values[:, first:end]) for first, end in cuts]


# A detector as somebody else might write it, without numba, and its corrupted copies

Fold = Callable[[Bars, Shared, Span, Any, Output], None]


def _stretch(bars: Bars, shared: Shared, span: Span) -> np.ndarray:
    """Return the distance from the mean of 20 bars, in ranges, -1..1; 0 where nothing moves."""
    unit = shared.atr[span.emit :]
    distance = bars.close[span.emit :] - shared.mean[span.emit :]
    return np.clip(np.divide(distance, 4.0 * unit, out=np.zeros_like(unit), where=unit > EPSILON), -1.0, 1.0)


def honest(bars: Bars, shared: Shared, span: Span, state: Any, out: Output) -> None:
    out.score[:] = _stretch(bars, shared, span)
    out.confidence[:] = np.abs(out.score) > 0.25
    if out.readings.shape[1]:
        out.readings[0] = 4.0 * out.score


def reason(readings: Mapping[str, float]) -> str:
    if abs(readings["stretch"]) <= 1.0:
        return f"price is {readings['stretch']:+.1f} ranges from its mean, not more than 1"
    return f"price is {readings['stretch']:+.1f} ranges from its mean, more than 1"


def _detector(fold: Fold = honest, words: Callable[[Mapping[str, float]], Any] = reason, rows: int = 0) -> Detector:
    return Detector("planted", fold, rows, ("stretch",), words, 20)


def peeks(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    following = np.minimum(np.arange(span.emit, bars.close.shape[0]) + 1, bars.close.shape[0] - 1)
    out.score[:] = np.sign(bars.close[following] - bars.close[span.emit :])


def knows_the_pivot_at_once(bars, shared, span, state, out):
    """A window centred on the bar is the usual way to look ahead without noticing."""
    honest(bars, shared, span, state, out)
    for row in range(span.emit, bars.close.shape[0]):
        around = bars.high[max(row - 2, 0) : row + 3].max(axis=0), bars.low[max(row - 2, 0) : row + 3].min(axis=0)
        out.score[row - span.emit] = 0.5 * (bars.low[row] == around[1]) - 0.5 * (bars.high[row] == around[0])


def sees_only_bulls(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.score[:] = np.maximum(out.score, 0.0)


def gives_ties_to_the_bulls(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.score[:] = np.where(bars.close[span.emit :] >= bars.open[span.emit :], 1.0, -1.0)


def is_surer_of_falls(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] *= np.where(out.score < 0.0, 1.0, 0.9)


def scores_above_one(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.score[:] *= 1.0 + 1e-9


def is_more_than_certain(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] *= 1.5


def has_negative_confidence(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] -= 0.5


def is_bound_to_the_scale(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.score[:] = np.tanh(bars.close[span.emit :] / 50.0)


def has_a_threshold_in_quote_currency(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    ranges = np.exp(bars.high[span.emit :]) - np.exp(bars.low[span.emit :])
    out.confidence[:] *= ranges > 0.01


def divides_by_a_flat_range(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    with np.errstate(all="ignore"):
        out.score[:] = np.clip((bars.close - bars.open) / (bars.high - bars.low), -1.0, 1.0)[span.emit :]


def divides_by_no_volume_with_a_warning(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] *= np.nan_to_num(bars.taker_buy[span.emit :] / bars.volume[span.emit :]) >= 0.0


def believes_in_taker_volume(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] *= np.clip(bars.taker_buy[span.emit :], 0.0, 1.0)


def counts_rows_of_the_tile(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] *= (np.arange(span.emit, bars.close.shape[0])[:, None] % 3) / 2.0


def forgets_its_state(bars, shared, span, state, out):
    """Counts the bars it has seen in this call only, where it should carry the count in ``state``."""
    honest(bars, shared, span, state, out)
    out.confidence[:] /= 1.0 + np.arange(bars.close.shape[0] - span.emit)[:, None]


def carries_only_what_it_emits(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    for row in range(span.emit, bars.close.shape[0]):
        state[0] = 0.9 * state[0] + 0.1 * (bars.close[row] > bars.open[row])
        out.confidence[row - span.emit] = state[0]


def listens_to_its_neighbours(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    out.confidence[:] *= 1.0 / (1.0 + shared.atr[span.emit :].mean(axis=1, keepdims=True))


def writes_into_the_bars(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    bars.close[span.emit :] *= 1.001


def writes_into_the_shared_range(bars, shared, span, state, out):
    honest(bars, shared, span, state, out)
    np.maximum(shared.atr, 0.01, out=shared.atr)


def raises(bars, shared, span, state, out):
    raise LookupError("no such level")


PLANTED = [
    (peeks, "look-ahead"),
    (knows_the_pivot_at_once, "look-ahead"),
    (sees_only_bulls, "mirror"),
    (gives_ties_to_the_bulls, "mirror"),
    (is_surer_of_falls, "mirror"),
    (scores_above_one, "bounds"),
    (is_more_than_certain, "bounds"),
    (has_negative_confidence, "bounds"),
    (is_bound_to_the_scale, "scale"),
    (has_a_threshold_in_quote_currency, "scale"),
    (divides_by_a_flat_range, "silence"),
    (divides_by_no_volume_with_a_warning, "silence"),
    (believes_in_taker_volume, "silence"),
    (counts_rows_of_the_tile, "one path"),
    (forgets_its_state, "one path"),
    (carries_only_what_it_emits, "one path"),
    (listens_to_its_neighbours, "one path"),
    (writes_into_the_bars, "inputs"),
    (writes_into_the_shared_range, "inputs"),
    (raises, "bounds"),
]
FEW = [walk(1, 420, 100.0, 0.01), walk(2, 300, 0.5, 0.02)]


def test_honest_detector_without_numba_passes_every_check():
    assert check(_detector()) == []


@pytest.mark.parametrize(("fold", "rule"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_planted_fault_is_caught_by_its_check(fold, rule):
    problems = [text for text in check(_detector(fold, rows=1), FEW) if text.startswith(f"planted: {rule}: ")]
    assert problems, f"{fold.__name__} passes {rule}"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (lambda r: "", "no text"),
        (lambda r: None, "no text"),
        (lambda r: "price is far from its mean", "names no value"),
        (lambda r: f"price is {r['stretch'] * np.inf} from 1", "no number"),
        (lambda r: f"price is {r['stretch']:.1f} ranges from its mean of 20", "on which it speaks"),
        (lambda r: f"price is {r['level']:.1f}", "raised KeyError"),
    ],
    ids=["empty", "nothing", "no value", "nan", "same words", "unknown reading"],
)
def test_reason_that_explains_nothing_is_caught(words, fault):
    problems = [text for text in check(_detector(words=words), FEW) if text.startswith("planted: reasons: ")]
    assert any(fault in text for text in problems), problems


def test_warm_up_longer_than_the_shortest_window_is_caught():
    late = Detector("late", honest, 0, ("stretch",), reason, MIN_BARS)
    assert check(late, FEW) == ["late: bounds: warm_up is 256; a window's bar 255 is scored already"]


def test_problem_names_detector_check_window_bar_and_values():
    def half_sure(bars, shared, span, state, out):
        honest(bars, shared, span, state, out)
        first = 260 - span.emit
        if 0 <= first < len(out.score):
            out.confidence[first, -1] = 1.25

    problems = check(_detector(half_sure), FEW)
    assert "planted: bounds: window 1, bar 260: confidence 1.25 is not within 0..1 (1 bars)" in problems


def test_window_too_short_to_be_scored_is_refused():
    with pytest.raises(ValueError, match="window 1 holds 255 bars, a check needs 256"):
        check(_detector(), [walk(1, 300), walk(1, 255)])


def test_sample_windows_and_the_list_of_checks_are_the_same_each_time():
    once, again = sample_windows(), sample_windows()
    assert [window.digest() for window in once] == [window.digest() for window in again]
    assert list(CHECKS) == ["bounds", "inputs", "silence", "mirror", "look-ahead", "one path", "scale", "reasons"]
