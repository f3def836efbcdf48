"""Drawn wave counts are found five bars after their last point; where one rule is broken, they are not."""

import numpy as np
import pytest

from engine.bars import mirror
from engine.detectors import elliott
from engine.detectors.elliott import CORRECTION, RESUMPTION, WAVE_5, WAVE_C_OR_3
from engine.detectors.harmonic import SPEAKS_FOR
from engine.pivots import RIGHT
from tests.engine.test_harmonic import draw, listen

DETECTORS = {"elliott": elliott.DETECTOR}
NEXT, AGE = 0, 1  # rows of the readings


def waves(*lengths, start=4.0, unit=0.02):
    """Return the ends of legs of these lengths, the first one rising."""
    signs = np.where(np.arange(len(lengths)) % 2 == 0, unit, -unit)
    return list(start + np.concatenate([[0.0], np.cumsum(signs * lengths)]))


IMPULSE = (1.0, 0.55, 1.8, 0.7, 1.1)
FOUND = [
    (IMPULSE[:4], WAVE_5, 1),
    ((1.0, 0.7, 1.5, 0.5), WAVE_5, 1),
    (IMPULSE, CORRECTION, -1),
    ((1.0, 0.9, 1.9, 0.6, 0.8), CORRECTION, -1),
    ((0.8, 0.4, 1.0, 0.5, 1.6), CORRECTION, -1),
    ((*IMPULSE, 1.2, 0.6), WAVE_C_OR_3, -1),
    ((1.0, 0.5, 1.8, 0.7, 1.0, 0.9, 0.5), WAVE_C_OR_3, -1),
    ((*IMPULSE, 0.9, 0.5, 0.8), RESUMPTION, 1),
    ((*IMPULSE, 1.2, 0.6, 0.9), RESUMPTION, 1),
    ((1.0, 0.6, 1.9, 0.7, 1.4, 0.8, 0.5, 1.0), RESUMPTION, 1),
]


@pytest.mark.parametrize(("lengths", "count", "way"), FOUND)
def test_a_drawn_count_speaks_from_its_confirmation_for_ten_bars(lengths, count, way):
    bars, last = draw(waves(*lengths), seed=len(lengths))
    score, confidence, readings = listen(bars, DETECTORS, explain=True)
    speaking = np.flatnonzero((confidence > 0) & (readings[NEXT] == count))  # the waves before make other counts
    assert list(speaking) == list(range(last + RIGHT, last + RIGHT + SPEAKS_FOR))
    assert (way * score[speaking] >= 0.5).all()


MISSED = [
    (1.0, 1.05, 1.8, 0.5),  # wave 2 beyond 0
    (1.0, 0.5, 1.6, 1.2),  # wave 4 into wave 1
    (1.0, 0.3, 0.95, 0.2),  # wave 3 shorter than wave 1, before wave 5 is known
    (1.0, 1.05, 1.8, 0.5, 1.0),  # wave 2 beyond 0
    (1.0, 0.3, 0.9, 0.4, 1.0),  # wave 3 the shortest
    (1.0, 0.5, 1.6, 1.2, 1.5),  # wave 4 into wave 1
    (1.0, 0.5, 1.8, 0.7, 0.65),  # a truncated fifth
    (*IMPULSE, 0.5, 0.6),  # B beyond 5
    (*IMPULSE, 0.5, 0.6, 1.0),  # B beyond 5, before C
    (*IMPULSE, 3.0, 1.5),  # the first leg back beyond 0
    (*IMPULSE, 1.2, 0.6, 0.5),  # C short of A
    (*IMPULSE, 1.5, 1.0, 2.4),  # C beyond 0
]


@pytest.mark.parametrize("lengths", MISSED)
def test_a_count_that_breaks_a_rule_is_silent(lengths):
    bars, last = draw(waves(*lengths), seed=1)
    _, confidence, readings = listen(bars, DETECTORS, explain=True)
    assert readings[AGE, last + RIGHT] == 0
    assert not confidence[last + RIGHT :].any()


def test_the_mirrored_count_is_bearish_with_the_same_bits():
    bars, _ = draw(waves(*FOUND[7][0]), seed=3)
    (score, confidence, _), (mirrored, same, _) = listen(bars, DETECTORS), listen(mirror(bars), DETECTORS)
    assert np.array_equal(score, -mirrored)
    assert np.array_equal(confidence, same)
    assert confidence.any()


def test_usual_proportions_give_a_higher_score_than_odd_ones():
    usual, last = draw(waves(*IMPULSE[:4]), seed=4)
    odd, _ = draw(waves(1.0, 0.95, 1.4, 0.4), seed=4)
    usual_score, odd_score = (listen(bars, DETECTORS)[0][last + RIGHT] for bars in (usual, odd))
    assert usual_score > odd_score > 0


def test_the_reason_names_the_count_and_its_levels():
    bars, last = draw(waves(*IMPULSE), seed=0)
    readings = listen(bars, DETECTORS, explain=True)[2]

    def told(row):
        return elliott.reason(dict(zip(elliott.DETECTOR.readings, readings[:, row], strict=True)))

    assert "a complete impulse up (waves 1 to 5), so a correction down is next: confirmed 0 bars ago" in told(
        last + RIGHT
    )
    assert "fails beyond" in told(last + RIGHT)
    assert "no swing was confirmed within 10 bars" in told(last + RIGHT - 1)
    assert "no impulse" in told(last - 2 * RIGHT)
