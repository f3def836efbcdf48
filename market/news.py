"""News sources that other packages bring, found by their entry points in the group ``realtime_agent.news``.

An entry point's object is a function ``source(symbols, since, until)``: it yields ``NewsScore`` of those symbols with a
time in (since, until], ms of market time. What it yields is stored beside the candles; a scan never waits for a source.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from operator import itemgetter
from typing import NamedTuple

from engine.side import KINDS
from market import side
from market.models import Instrument, Market

GROUP = "realtime_agent.news"


class NewsScore(NamedTuple):
    """What a source makes of the news of a symbol at a time (ms): -1 bearish .. 1 bullish."""

    symbol: str
    time: int
    score: float


Source = Callable[[Sequence[str], int, int], Iterable[NewsScore]]


class UnusableSource(Exception):
    """An entry point that gives no source, or a source that failed or yields what is no score; the text names it."""


def sources() -> list[EntryPoint]:
    """Return the installed sources by name. Imports none of them."""
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def collect(market: Market, until: int) -> Counter[str]:
    """Ask every source for the last day up to ``until`` and store what is new; return counts as ``side.store`` does.

    Several sources form one series of a symbol, put in order of time. Raises UnusableSource; then nothing is stored.
    """
    instruments = {one.symbol: one for one in Instrument.objects.filter(market=market)}
    since = until - KINDS["news"].longest_ms  # what is older has faded
    found = [score for entry in sources() for score in _ask(entry, sorted(instruments), since, until)]
    counts: Counter[str] = Counter()
    for symbol, instrument in instruments.items():
        mine = sorted({(one.time, one.score) for one in found if one.symbol == symbol}, key=itemgetter(0))
        if mine:
            counts.update(side.store(instrument, "news", [side.Arrival(*one) for one in mine], known_at=until))
    unknown = sum(one.symbol not in instruments for one in found)
    return counts + Counter({"unknown symbol": unknown})


def _ask(entry: EntryPoint, symbols: Sequence[str], since: int, until: int) -> list[NewsScore]:
    try:
        return [
            NewsScore(str(symbol), int(time), float(score))
            for symbol, time, score in entry.load()(symbols, since, until)
        ]
    except Exception as error:  # somebody else's module may raise anything
        raise UnusableSource(f"entry point {entry.name} = {entry.value}: {type(error).__name__}: {error}") from error
