"""Candle files: Parquet or CSV named ``SYMBOL-interval``, columns as in the replay format of docs/data.md."""

import re
from pathlib import Path

import numpy as np

from engine.timeframes import INTERVAL_MS
from engine.window import COLUMNS, Window
from market.feeds.base import FeedError
from market.ingest import faults

NAME = re.compile(r"^(?P<symbol>[A-Z0-9]{1,40}(?:-PERP)?)-(?P<timeframe>\w+)\.(?:parquet|csv)$")
REQUIRED = ("open_time", *COLUMNS[:5])


def parse_name(path: Path) -> tuple[str, str] | None:
    """Return (symbol, timeframe) from a file's name, or None if it is no candle file."""
    match = NAME.match(path.name)
    if not match or match["timeframe"] not in INTERVAL_MS:
        return None
    return match["symbol"], match["timeframe"]


def read(path: Path) -> Window:
    """Return the bars of a file. Raises FeedError naming the file and what its columns lack."""
    import pandas as pd  # slow to import: only those who read files pay

    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except Exception as error:  # whatever pyarrow or pandas raise for bytes that are no table
        raise FeedError(f"{path}: cannot be read as {path.suffix[1:]}: {error}") from error
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise FeedError(f"{path}: column {', '.join(missing)} is missing; it has {', '.join(map(str, frame.columns))}")
    try:
        times = frame["open_time"].to_numpy(np.int64)
        values = [frame[name].to_numpy(np.float64) for name in COLUMNS[:5]]
        taker = frame["taker_buy_volume"].to_numpy(np.float64) if "taker_buy_volume" in frame else None
    except (ValueError, TypeError) as error:
        raise FeedError(f"{path}: a column holds something else than numbers: {error}") from error
    return Window(times, np.stack([*values, np.full(len(times), np.nan) if taker is None else taker]))


def require_sound(path: Path, window: Window, interval_ms: int) -> None:
    """Raise FeedError naming the first row that is out of order, double, off the grid or nonsense."""
    if not len(window.open_times):
        raise FeedError(f"{path}: holds no bars")
    step = np.diff(window.open_times)
    if (step <= 0).any():
        row = int(np.flatnonzero(step <= 0)[0]) + 1
        what = "repeats" if step[row - 1] == 0 else "comes after a later one:"
        raise FeedError(f"{path}: row {row}: open_time {what} {window.open_times[row]}")
    found = faults(window, interval_ms)
    bad = np.flatnonzero(found != None)  # noqa: E711  elementwise
    if len(bad):
        row = int(bad[0])
        bar = dict(zip(COLUMNS, window.values[:, row].tolist(), strict=True))
        raise FeedError(f"{path}: row {row}: {found[row]}: open_time {window.open_times[row]}, {bar}")
