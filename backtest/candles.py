"""Where a backtest's candles come from: the market in use, what was imported, or the files of a replay."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from django.conf import settings

from engine.side import at_closes
from engine.timeframes import INTERVAL_MS, window_start
from engine.window import Window, empty
from market import side
from market.feeds import current_market
from market.feeds.recorded import Recording
from market.feeds.replay import record_file, smallest_files
from market.holes import HoleSpan
from market.importing import imported_market
from market.models import Candle, Hole, Market, Series
from market.windows import read_candles


class History(NamedTuple):
    """One series: bars that reach back to the window of the first bar asked for, holes, and where the series ends."""

    window: Window
    holes: list[HoleSpan]
    first_open: int
    ended_at: int | None


class Source(Protocol):
    """A market's past. ``name`` is what answers call it."""

    name: str

    def coverage(self, symbol: str, timeframe: str) -> tuple[int, int] | None:
        """Return open of the first bar and close of the last one there is (ms), or None without bars."""

    def read(self, symbol: str, timeframe: str, start: int, end: int) -> History:
        """Return the bars from the window of the first one that closes behind ``start`` to the last by ``end``."""


class NoCandles(Exception):
    """No source holds what was asked for; the text says what there is, field and code what is at fault."""

    def __init__(self, text: str, field: str, code: str) -> None:
        super().__init__(text)
        self.field, self.code = field, code


class StoredCandles:
    """The candle table of one market, up to its present time."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.name = market.source

    def _series(self, symbol: str, timeframe: str) -> Series | None:
        wanted = Series.objects.filter(instrument__market=self._market, instrument__symbol=symbol)
        return wanted.filter(timeframe=timeframe).first()

    def _known(self, one: Series, end: int) -> int:
        """Return the open time behind the last bar that is closed at ``end`` and at the market's time."""
        now = self._market.position
        return (end if now is None else min(end, now)) - one.interval_ms + 1

    def coverage(self, symbol: str, timeframe: str) -> tuple[int, int] | None:
        one = self._series(symbol, timeframe)
        if one is None:
            return None
        known = Candle.objects.filter(series=one, open_time__lt=self._known(one, 2**53))
        times = known.order_by("open_time").values_list("open_time", flat=True)
        first, last = times.first(), times.last()
        return None if first is None or last is None else (first, last + one.interval_ms)

    def read(self, symbol: str, timeframe: str, start: int, end: int) -> History:
        one = self._series(symbol, timeframe)
        if one is None:
            return History(empty(), [], 0, None)
        begin = window_start(start + one.interval_ms, one.interval_ms, one.first_open)
        # A hole makes windows of fewer bars, never of older ones: they are anchored in time.
        bars = read_candles([one], begin, self._known(one, end)).get(one.pk, empty())
        holes = Hole.objects.filter(series=one, end__gt=begin, start__lt=end).values_list("start", "end", "reason")
        bars = bars._replace(side=at_closes(side.beside(one.instrument_id, begin), bars.open_times + one.interval_ms))
        return History(bars, [HoleSpan(*hole) for hole in holes], one.first_open, one.ended_at)


class RecordedCandles:
    """The files that a replay plays, beyond its present time as well: they are the past of someone else's market."""

    name = "replay files"

    def __init__(self, folder: Path) -> None:
        self._files = smallest_files(folder)

    def _recording(self, symbol: str) -> Recording | None:
        path = self._files.get(symbol)
        return None if path is None else _recording(path, path.stat().st_mtime_ns)

    def coverage(self, symbol: str, timeframe: str) -> tuple[int, int] | None:
        recording = self._recording(symbol)
        if recording is None or timeframe not in recording.series:
            return None
        return int(recording.series[timeframe][0].open_times[0]), recording.last_close(timeframe)

    def read(self, symbol: str, timeframe: str, start: int, end: int) -> History:
        recording = self._recording(symbol)
        if recording is None or timeframe not in recording.series:
            return History(empty(), [], 0, None)
        interval, window = INTERVAL_MS[timeframe], recording.series[timeframe][0]
        first = int(window.open_times[0])
        begin = window_start(start + interval, interval, first)
        bars = window.between(begin, end - interval + 1)
        return History(bars, recording.holes(timeframe, begin, end), first, recording.last_close(timeframe))


@lru_cache(maxsize=16)
def _recording(path: Path, changed_ns: int) -> Recording:
    return record_file(path)


def sources() -> list[Source]:
    """Return where candles may be, in the order in which they are asked."""
    market = current_market()
    found: list[Source] = [StoredCandles(market), StoredCandles(imported_market())]
    if market.source == "replay":
        found.append(RecordedCandles(Path(settings.MARKET_SOURCE.partition(":")[2]).expanduser()))
    return found


def find(symbols: Sequence[str], timeframe: str, start: int, end: int, name: str | None = None) -> Source:
    """Return the first source that holds bars of every symbol and, together, the range from start to end.

    timeframe: the smallest one asked for. name: only this source. Raises NoCandles.
    """
    asked = [one for one in sources() if name is None or one.name == name]
    if not asked:
        raise _no_source(name)
    for source in asked:
        spans = [source.coverage(symbol, timeframe) for symbol in symbols]
        held = [span for span in spans if span is not None and span[0] < end and span[1] > start]
        if len(held) == len(symbols) and min(s[0] for s in held) <= start and max(s[1] for s in held) >= end:
            return source
    raise _lacking(asked, symbols, timeframe, start, end)


def named(name: str) -> Source:
    """Return the source of that name. Raises NoCandles when there is none, such as after MARKET_SOURCE changed."""
    for source in sources():
        if source.name == name:
            return source
    raise _no_source(name)


def _no_source(name: str | None) -> NoCandles:
    there = ", ".join(dict.fromkeys(source.name for source in sources()))
    return NoCandles(f"there is no source {name!r} of candles; there are {there}", "candles", "unknown_source")


def _lacking(asked: Sequence[Source], symbols: Sequence[str], timeframe: str, start: int, end: int) -> NoCandles:
    spans = {symbol: {one.name: one.coverage(symbol, timeframe) for one in asked} for symbol in symbols}
    unknown = [symbol for symbol, held in spans.items() if not any(held.values())]
    if unknown:
        shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        return NoCandles(
            f"no {timeframe} candles of {shown} in {', '.join(s.name for s in asked)}", "symbols", "unknown_symbol"
        )
    symbol, held = next(iter(spans.items()))
    there = [f"{name} has {day(span[0])} to {day(span[1])}" for name, span in held.items() if span]
    wanted = f"{symbol} {timeframe} from {day(start)} to {day(end)}"
    text = f"{wanted} is not all there: {', '.join(there) or 'it is lacking'}"
    late = any(span and span[0] <= start < span[1] for span in held.values())
    return NoCandles(text, "end_date" if late else "start_date", "outside_data")


def day(ms: int) -> str:
    """Return a time in ms as a person reads it: 2024-02-01, with the hour where it is not midnight (UTC)."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.strftime("%Y-%m-%d" if ms % 86_400_000 == 0 else "%Y-%m-%d %H:%M")
