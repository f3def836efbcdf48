"""The default presets advise about as often as they are meant to, on every symbol and for both sides."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.catalogue import weight_problem
from engine.timeframes import DEFAULT_TIMEFRAMES
from presets.defaults import DEFAULTS
from presets.thresholds import Decisions, decisions, evidence_of, threshold


@cache
def evidence(folder: Path) -> dict:
    return {path.name: evidence_of(path, DEFAULT_TIMEFRAMES) for path in sorted(folder.glob("*-5m.parquet"))}


def scored(folder: Path, name: str) -> dict[str, Decisions]:
    """Return score and confidence of every decision, by file."""
    return {file: decisions(one, DEFAULTS[name].weights) for file, one in evidence(folder).items()}


@pytest.mark.candles
@pytest.mark.parametrize("name", DEFAULTS)
def test_preset_lets_the_intended_share_of_decisions_pass_within_a_factor_of_two(name, candles_dir):
    preset = DEFAULTS[name]
    passing = total = 0
    for score, confidence in scored(candles_dir, name).values():
        passing += np.count_nonzero((confidence >= preset.min_confidence) & (np.abs(score - 0.5) > preset.act))
        total += len(score)
    assert total > 800_000
    assert preset.share / 2 <= passing / total <= preset.share * 2


@pytest.mark.candles
@pytest.mark.parametrize("name", DEFAULTS)
def test_preset_says_buy_and_sell_on_every_symbol(name, candles_dir):
    preset = DEFAULTS[name]
    for file, (score, confidence) in scored(candles_dir, name).items():
        sure = confidence >= preset.min_confidence
        assert np.any(sure & (score - 0.5 > preset.act)), f"{file}: never BUY"
        assert np.any(sure & (0.5 - score > preset.act)), f"{file}: never SELL"


def test_presets_are_stricter_the_more_conservative_they_are_and_their_weights_hold():
    assert [DEFAULTS[name].share for name in ("conservative", "balanced", "aggressive")] == [0.01, 0.03, 0.08]
    acts = [DEFAULTS[name].act for name in ("conservative", "balanced", "aggressive")]
    assert acts == sorted(acts, reverse=True)
    for preset in DEFAULTS.values():
        assert weight_problem(preset.weights) is None


def test_threshold_is_the_distance_that_the_share_of_all_decisions_exceeds():
    score = np.concatenate([np.linspace(0.0, 0.5, 500), np.linspace(0.5, 1.0, 500)])
    sure = np.full(1000, 0.5)
    act = threshold([(score[:300], sure[:300]), (score[300:], sure[300:])], 0.3, 0.1)
    assert np.count_nonzero(np.abs(score - 0.5) > act) == 100
    unsure = np.where(score > 0.5, 0.5, 0.1)
    act = threshold([(score, unsure)], 0.3, 0.1)
    assert np.count_nonzero((unsure >= 0.3) & (np.abs(score - 0.5) > act)) == 100
