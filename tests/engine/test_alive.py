"""Every detector speaks on real markets, neither hardly ever nor all the time, and for both sides."""

from functools import cache
from pathlib import Path

import pytest

from engine.catalogue import BUILT_IN
from signals.management.commands.measure_detectors import Voice, measure, read

CONTINUOUS = ["trend", "momentum", "mean_reversion", "volume", "sar", "fibonacci", "whales"]
PATTERNS = ["volatility", "price_action", "smc", "harmonic", "elliott"]
NOT_FROM_CANDLES = ["sentiment", "news"]  # fed by series of their own: tested with these
SPOT, PERPETUAL = "*-5m.parquet", "NEARUSDT-PERP-1m.parquet"  # the perpetual alone has taker volume


@cache
def voices(folder: Path, pattern: str) -> dict[str, Voice]:
    return measure(read(path) for path in sorted(folder.glob(pattern)))


@pytest.mark.candles
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_detector_speaks_on_a_third_of_the_bars(name, candles_dir):
    voice = voices(candles_dir, PERPETUAL if name == "whales" else SPOT)[name]
    assert voice.bars > 100_000
    assert voice.share >= 0.30


@pytest.mark.candles
@pytest.mark.parametrize("name", PATTERNS)
def test_pattern_detector_speaks_on_few_bars_but_not_on_none(name, candles_dir):
    assert 0.001 <= voices(candles_dir, SPOT)[name].share <= 0.20


@pytest.mark.candles
@pytest.mark.parametrize("name", [*CONTINUOUS, *PATTERNS])
def test_detector_speaks_for_one_side_at_most_twice_as_often_as_for_the_other(name, candles_dir):
    voice = voices(candles_dir, PERPETUAL if name == "whales" else SPOT)[name]
    assert max(voice.bullish, voice.bearish) <= 2 * min(voice.bullish, voice.bearish)


def test_every_detector_that_reads_candles_is_either_continuous_or_a_pattern():
    assert sorted(set(BUILT_IN) - set(NOT_FROM_CANDLES)) == sorted([*CONTINUOUS, *PATTERNS])
