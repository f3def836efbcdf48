"""Does the filtered value at risk hold what it says, on real hourly returns of 2024, bar after bar?

Three symbols and their last 1,500 bars in ``make test``, all thirteen whole in ``make study``.
"""

import os
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.coverage import christoffersen, kupiec
from engine.value_at_risk import METHODS, value_at_risk

pytestmark = pytest.mark.candles

WHOLE = "STUDY_SEEDS" in os.environ
SYMBOLS = "AVAX BIFI BTC DOGE ETH LINK LTC NEAR PEPE SOL TRX WIF XRP".split()  # noqa: SIM905  reads better
WINDOW = 500
CONFIDENCE = 0.95
SHRUNK = 0.8  # a value at risk that is told too small: the tests must see it


class Verdicts(NamedTuple):
    """Of one symbol under one method."""

    forecasts: int
    share: float
    covered: bool
    independent: bool
    shrunk_fails: bool


def forecasts(returns, method):
    """Return the value at risk told before each bar behind the first WINDOW, from the WINDOW bars before it."""
    return np.array(
        [value_at_risk(returns[i - WINDOW : i], CONFIDENCE, method).var for i in range(WINDOW, len(returns))]
    )


def judged(returns, method) -> Verdicts:
    told, came = forecasts(returns, method), returns[WINDOW:]
    exceeded = came < -told
    return Verdicts(
        len(told),
        float(exceeded.mean()),
        kupiec(exceeded, 1.0 - CONFIDENCE).p >= 0.05,
        christoffersen(exceeded).p >= 0.05,
        kupiec(came < -SHRUNK * told, 1.0 - CONFIDENCE).p < 0.05,
    )


@pytest.fixture
def hourly(candles_dir):
    """Return the hourly returns of each symbol."""
    names = SYMBOLS if WHOLE else ["BTC", "SOL", "XRP"]
    closes = {s: pq.read_table(candles_dir / f"{s}USDT-1h.parquet")["close"].to_numpy() for s in names}
    if not WHOLE:
        closes = {s: close[-WINDOW - 1_501 :] for s, close in closes.items()}
    return {s: np.diff(close) / close[:-1] for s, close in closes.items()}


def test_the_filtered_value_at_risk_is_exceeded_as_often_and_as_irregularly_as_it_says(hourly, capsys):
    found = {symbol: judged(returns, "filtered") for symbol, returns in hourly.items()}
    with capsys.disabled():
        for symbol, one in found.items():
            words = "" if one.covered else ", not as often as told"
            words += "" if one.independent else ", not independent"
            words += "" if one.shrunk_fails else f", {SHRUNK} of it passes too"
            print(f"\n{symbol:5} {one.share:.2%} of {one.forecasts} exceeded{words}", end="")
        print()
    n = len(found)
    assert sum(one.covered for one in found.values()) >= (11 if WHOLE else n)
    assert sum(one.independent for one in found.values()) >= (10 if WHOLE else n - 1)
    assert sum(one.shrunk_fails for one in found.values()) > n / 2


@pytest.mark.skipif(not WHOLE, reason="counts of all symbols: make study")
def test_what_the_other_methods_come_to_is_told_beside_it(hourly, capsys):
    counts = {}
    for method in METHODS:
        found = [judged(returns, method) for returns in hourly.values()]
        counts[method] = sum(one.covered for one in found), sum(one.independent for one in found)
        with capsys.disabled():
            print(f"\n{method}: Kupiec {counts[method][0]}, Christoffersen {counts[method][1]} of {len(found)}", end="")
    assert counts["filtered"][1] > max(counts["historical"][1], counts["parametric"][1])
