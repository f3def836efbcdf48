"""Drawn X A B C D are found five bars after D and nowhere else; with one ratio off, they are not."""

from itertools import pairwise

import numpy as np
import pytest

from engine.bars import Bars, Span, mirror
from engine.detectors import harmonic
from engine.detectors.harmonic import NAMES, READINGS, SPEAKS_FOR, TOLERANCE
from engine.evidence import fold, fresh_state
from engine.pivots import RIGHT

LEG_BARS = 12
DETECTORS = {"harmonic": harmonic.DETECTOR}
BULLISH = {"Gartley": (0.618, 0.60, 0.786), "Bat": (0.45, 0.60, 0.886), "Butterfly": (0.786, 0.85, 1.27)}
BULLISH["Crab"] = (0.55, 0.85, 1.618)


def draw(points, seed):
    """Return bars whose swings are ``points`` (ln price), and the row of the last: legs of 12 bars with noise.

    Before the first point price comes from the second; after the last it goes slowly back for 24 bars.
    """
    rng = np.random.default_rng(seed)
    legs = [np.linspace(a, b, LEG_BARS, endpoint=False) for a, b in pairwise([points[1], *points])]
    back = np.linspace(points[-1], points[-1] + 0.3 * (points[-2] - points[-1]), 2 * LEG_BARS)
    path = np.concatenate([*legs, back])
    close = path + rng.uniform(-1, 1, path.size) * 0.01 * np.abs(np.diff(points)).min()
    # A swing's bar reaches its point exactly; noise must not move the end that the ratios are measured from.
    close[LEG_BARS::LEG_BARS] = path[LEG_BARS::LEG_BARS]
    # Opened half way: two bars that share an extreme would be no pivot.
    opened = 0.5 * (np.concatenate([close[:1], close[:-1]]) + close)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    volume = rng.uniform(1, 2, close.size)
    columns = (opened, high, low, close, volume, volume / 2)
    return Bars(*(np.ascontiguousarray(c[:, None]) for c in columns)), LEG_BARS * len(points)


def five_points(b, c, d, xa=0.05):
    """Return bullish X A B C D at ln price 4: B took back ``b`` of XA, C ``c`` of AB, D ``d`` of XA."""
    x = 4.0
    a = x + xa
    at_b = a - b * xa
    return [x, a, at_b, at_b + c * (a - at_b), a - d * xa]


def listen(bars, detectors=DETECTORS, explain=False):
    """Return score, confidence and readings of every bar of one lane."""
    evidence = fold(bars, Span(0, 0, 0), fresh_state(bars.close.shape[1], detectors), explain, detectors)
    return evidence.score[0, :, 0], evidence.confidence[0, :, 0], evidence.readings[0][:, :, 0]


def examples():
    """Ten patterns: each of the four drawn two or three times, with ratios off by up to 40 % of the tolerance."""
    rng = np.random.default_rng(5)
    for seed in range(10):
        name = NAMES[seed % 4]
        yield name, [r * (1 + 0.4 * TOLERANCE * rng.uniform(-1, 1)) for r in BULLISH[name]], seed


@pytest.mark.parametrize(("name", "ratios", "seed"), list(examples()))
def test_a_drawn_pattern_speaks_from_its_confirmation_for_ten_bars(name, ratios, seed):
    bars, d = draw(five_points(*ratios), seed)
    score, confidence, readings = listen(bars, explain=True)
    speaking = np.flatnonzero(confidence)
    assert np.array_equal(speaking, np.flatnonzero(score))
    assert list(speaking) == list(range(d + RIGHT, d + RIGHT + SPEAKS_FOR))
    assert (score[speaking] >= 0.5).all()
    assert readings[READINGS.index("pattern"), d + RIGHT] == 1 + NAMES.index(name)


MISSES = [
    (0.70, 0.60, 0.786),  # B between Gartley and Butterfly
    (0.618, 0.60, 0.68),  # D short of a Gartley
    (0.618, 0.60, 1.00),  # D at X
    (0.618, 0.30, 0.786),  # C took back too little
    (0.618, 0.99, 0.786),  # C took back too much
    (0.30, 0.60, 0.886),  # B short of a Bat
    (0.45, 0.45, 0.886),  # CD too long for BC
    (0.45, 0.60, 1.10),  # D past a Bat, short of a Butterfly
    (0.90, 0.85, 1.27),  # B past a Butterfly
    (0.786, 0.85, 1.43),  # D between Butterfly and Crab
    (0.55, 0.85, 1.90),  # D past a Crab
]


@pytest.mark.parametrize("ratios", MISSES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_near_miss_is_silent(ratios, seed):
    bars, d = draw(five_points(*ratios), seed)
    _, confidence, readings = listen(bars, explain=True)
    assert readings[READINGS.index("side"), d + RIGHT] == 1
    assert not confidence.any()


def test_the_mirrored_pattern_is_bearish_with_the_same_bits():
    bars, _ = draw(five_points(*BULLISH["Bat"]), 3)
    (score, confidence, _), (mirrored, same, _) = listen(bars), listen(mirror(bars))
    assert np.array_equal(score, -mirrored)
    assert np.array_equal(confidence, same)
    assert confidence.any()


def test_a_better_fit_gives_a_higher_score():
    exact, d = draw(five_points(*BULLISH["Gartley"]), 4)
    loose, _ = draw(five_points(0.618, 0.60, 0.83), 4)
    assert listen(exact)[0][d + RIGHT] > listen(loose)[0][d + RIGHT] > 0


@pytest.mark.parametrize("to", [-0.2, 0.9], ids=["beyond D", "past the target"])
def test_a_close_beyond_d_or_past_the_target_ends_it_for_good(to):
    bars, d = draw(five_points(*BULLISH["Gartley"]), 6)
    row, leg = d + RIGHT + 1, float(bars.high[: d + 1].max() - bars.low[d, 0])
    bars.close[row] = bars.low[d] + to * leg
    bars.high[row], bars.low[row] = np.maximum(bars.open, bars.close)[row], np.minimum(bars.open, bars.close)[row]
    confidence = listen(bars)[1]
    assert confidence[row - 1] > 0
    assert not confidence[row:].any()


def test_the_reason_names_the_pattern_its_ratios_and_its_levels():
    bars, d = draw(five_points(*BULLISH["Gartley"]), 0)
    readings = listen(bars, explain=True)[2]

    def told(row):
        return harmonic.reason(dict(zip(READINGS, readings[:, row], strict=True)))

    assert "bullish Gartley: B took back 62 % of XA, D 79 % (ideal 62 and 79), confirmed 0 bars ago" in told(d + RIGHT)
    assert "fewer than 5" in told(d)
