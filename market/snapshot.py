"""Windows in a file: a worker that starts reads them from there and from the table only what came since."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.window import COLUMNS, Window
from market.models import Market, Series
from market.windows import Windows

logger = logging.getLogger(__name__)

FORMAT = 1
HEAD_BYTES = 16  # at the file's head: how long its description is, in decimal


def write(path: Path, windows: Windows, members: Sequence[Series], market: Market) -> None:
    """Write the windows of ``members`` to ``path``, in one step: who reads meanwhile reads the file that was there.

    Left out is what does not reach back to its window's start: it is read from the table again.
    """
    kept = [(one, bars) for one in members if (bars := windows.whole(one)) is not None]
    about = {
        "format": FORMAT,
        "epoch": str(market.epoch),
        "corrections": windows.corrections(market),
        "series": [[one.pk, len(bars.open_times)] for one, bars in kept],
    }
    head = json.dumps(about).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(b"%*d" % (HEAD_BYTES, len(head)) + head)
        for _, bars in kept:
            file.write(bars.open_times.tobytes())
            file.write(np.ascontiguousarray(bars.values).tobytes())
    fresh.replace(path)


def read(path: Path, windows: Windows, members: Sequence[Series], market: Market) -> int:
    """Put what ``path`` holds of ``members`` into ``windows``; return of how many series.

    None where there is no file, where it is of another numbering or another format, or where it is damaged.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0
    try:
        about, begin = _described(data)
    except ValueError as error:
        logger.warning("%s is not read: %s", path, error)
        return 0
    if about["epoch"] != str(market.epoch) or about["corrections"] > market.corrections:
        return 0
    wanted, count = {one.pk: one for one in members}, 0
    for pk, bars in about["series"]:
        times = np.frombuffer(data, np.int64, bars, begin)
        values = np.frombuffer(data, np.float64, bars * len(COLUMNS), begin + times.nbytes).reshape(len(COLUMNS), bars)
        begin += times.nbytes + values.nbytes
        if pk in wanted:
            windows.put(wanted[pk], Window(times, values), about["corrections"])
            count += 1
    return count


def _described(data: bytes) -> tuple[dict[str, Any], int]:
    """Return what a file says of itself, and where its bars begin. Raises ValueError."""
    size = int(data[:HEAD_BYTES])
    about = json.loads(data[HEAD_BYTES : HEAD_BYTES + size])
    if about.get("format") != FORMAT:
        raise ValueError(f"format {about.get('format')}, not {FORMAT}")
    bars = sum(count for _, count in about["series"])
    expected = HEAD_BYTES + size + bars * 8 * (1 + len(COLUMNS))
    if len(data) != expected:
        raise ValueError(f"{len(data)} bytes, {expected} expected")
    return about, HEAD_BYTES + size
