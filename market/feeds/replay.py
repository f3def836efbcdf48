"""A market played from a folder of recorded candles."""

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from engine.timeframes import INTERVAL_MS, MIN_BARS, WINDOW_BARS
from engine.window import Window
from market.feeds import files
from market.feeds.base import FeedError
from market.feeds.recorded import Recording
from market.holes import HoleSpan, recorded
from rest.symbols import normalise


class ReplayFeed:
    """Recorded bars in the order in which they closed; each symbol from its smallest file, larger ones aggregated."""

    keep_bars: int | None = None
    history_bars = WINDOW_BARS

    def __init__(self, folder: Path, symbols: list[str], start: int | None, timeframes: list[str]) -> None:
        self._recordings = _load(folder, {normalise(s) for s in symbols})
        self.symbols = tuple(sorted(self._recordings))
        self.end: int | None = max(r.last_close(t) for r in self._recordings.values() for t in r.series)
        grid = min(r.base_ms for r in self._recordings.values())
        self.start = (start if start is not None else self._default_start(timeframes)) // grid * grid
        if self.start >= self.end:
            raise FeedError(f"REPLAY_START: {self.start} is not before the last bar, which closes at {self.end}")

    def _default_start(self, timeframes: list[str]) -> int:
        """Return the first time at which every watched series that is not over has enough bars to be scored."""
        ready = []
        for recording in self._recordings.values():
            for timeframe in timeframes:
                times = recording.series[timeframe][0].open_times if timeframe in recording.series else ()
                if len(times) >= MIN_BARS:
                    ready.append((int(times[MIN_BARS - 1]) + INTERVAL_MS[timeframe], recording.last_close(timeframe)))
        if not ready:
            raise FeedError(f"no symbol has {MIN_BARS} bars on any of {', '.join(timeframes)}: nothing could be scored")
        # Walk the candidates in order: a series that is over by then no longer holds up the start.
        for moment in sorted(first for first, _ in ready):
            if all(first <= moment or last <= moment for first, last in ready):
                return moment
        return max(first for first, _ in ready)

    def timeframes(self, symbol: str) -> list[str]:
        return list(self._recordings[symbol].series)

    def first_open(self, symbol: str, timeframe: str) -> int:
        return int(self._recordings[symbol].series[timeframe][0].open_times[0])

    def last_close(self, symbol: str, timeframe: str) -> int | None:
        return self._recordings[symbol].last_close(timeframe)

    def bars(self, symbol: str, timeframe: str, after: int, until: int) -> Window:
        return self._recordings[symbol].bars(timeframe, after, until)

    def holes(self, symbol: str, timeframe: str, after: int, until: int) -> list[HoleSpan]:
        return self._recordings[symbol].holes(timeframe, after, until)

    def state(self, position: int) -> dict[str, Any]:
        return {}


def smallest_files(folder: Path, wanted: AbstractSet[str] = frozenset()) -> dict[str, Path]:
    """Return by symbol the file with its smallest timeframe; ``wanted``: only these symbols."""
    smallest: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        name = files.parse_name(path)
        if name and (not wanted or name[0] in wanted):
            interval = INTERVAL_MS[name[1]]
            if name[0] not in smallest or interval < smallest[name[0]][0]:
                smallest[name[0]] = (interval, path)
    return {symbol: path for symbol, (_, path) in smallest.items()}


def _load(folder: Path, wanted: set[str]) -> dict[str, Recording]:
    if not folder.is_dir():
        raise FeedError(f"MARKET_SOURCE: {folder} is no folder")
    smallest = smallest_files(folder, wanted)
    if absent := sorted(wanted - smallest.keys()):
        raise FeedError(f"REPLAY_SYMBOLS: {folder} has no file for {', '.join(absent)}")
    if not smallest:
        raise FeedError(f"MARKET_SOURCE: {folder} holds no SYMBOL-interval.parquet or .csv")
    return {symbol: record_file(path) for symbol, path in smallest.items()}


def record_file(path: Path) -> Recording:
    """Return one file's bars on every timeframe. Raises FeedError naming what is wrong with it."""
    name = files.parse_name(path)
    if name is None:
        raise FeedError(f"{path}: a candle file is named SYMBOL-interval.parquet or .csv")
    interval = INTERVAL_MS[name[1]]
    window = files.read(path)
    files.require_sound(path, window, interval)
    return Recording(window, recorded(window.open_times, interval), interval)
