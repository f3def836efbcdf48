"""Markets for the tests of the engine: made up from a seed, and real ones read from CANDLES_DIR."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from engine.bars import Bars
from engine.detector_checks import walk
from engine.evidence import to_logs
from engine.window import Window

# The same examples on each run: what is red is red again. No database, no deadline: a kernel may compile first.
settings.register_profile("engine", derandomize=True, database=None, deadline=None, max_examples=200)
settings.load_profile("engine")


@pytest.fixture
def candles(candles_dir: Path) -> Callable[[str], Window]:
    """Return a function that reads one file of real candles, such as ``BTCUSDT-1h``, whole."""

    def read(name: str) -> Window:
        table = pq.read_table(candles_dir / f"{name}.parquet")
        columns = [table[c].to_numpy() for c in ("open", "high", "low", "close", "volume")]
        taker = "taker_buy_volume" in table.column_names
        columns.append(table["taker_buy_volume"].to_numpy() if taker else np.full(len(table), np.nan))
        return Window(table["open_time"].to_numpy().astype(np.int64), np.stack(columns).astype(np.float64))

    return read


@pytest.fixture
def bars_of() -> Callable[[Window], Bars]:
    """Return a function that turns a window into a tile of one lane."""

    def one_lane(window: Window) -> Bars:
        return Bars(*(np.ascontiguousarray(column[:, None]) for column in to_logs(window.values)))

    return one_lane


@pytest.fixture
def holed() -> Window:
    """A walk of 2,400 bars with holes: single bars, a night, and one longer than a whole window."""
    whole = walk(5, 2_400)
    absent = {400, 401, 777, *range(900, 960), *range(1_024, 1_030), *range(1_400, 2_200 - 20)}
    kept = np.array([i for i in range(2_400) if i not in absent])
    return Window(whole.open_times[kept], whole.values[:, kept])
