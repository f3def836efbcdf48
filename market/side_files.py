"""Files of side series: Parquet or CSV named ``SYMBOL-kind`` with the columns ``time`` and ``value``."""

import re
from pathlib import Path

import numpy as np

from engine.side import KINDS
from market.feeds.base import FeedError
from market.side import Arrival

NAME = re.compile(rf"^(?P<symbol>[A-Z0-9]{{1,40}}(?:-PERP)?)-(?P<kind>{'|'.join(KINDS)})\.(?:parquet|csv)$")


def read(path: Path) -> tuple[str, str, list[Arrival]]:
    """Return symbol, kind and values of a file, by time. Raises FeedError naming the file and what is wrong."""
    import pandas as pd  # slow to import: only those who read files pay

    name = NAME.match(path.name)
    if name is None:
        raise FeedError(f"{path}: a side series is named SYMBOL-kind.parquet or .csv, kind one of {', '.join(KINDS)}")
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        times, values = frame["time"].to_numpy(np.int64), frame["value"].to_numpy(np.float64)
    except KeyError as error:
        raise FeedError(f"{path}: column {error} is missing; it needs time and value") from error
    except Exception as error:  # whatever pyarrow or pandas raise for bytes that are no table
        raise FeedError(f"{path}: cannot be read as {path.suffix[1:]}: {error}") from error
    order = np.argsort(times, kind="stable")
    return name["symbol"], name["kind"], list(map(Arrival, times[order].tolist(), values[order].tolist()))
