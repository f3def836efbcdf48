"""What a played market offers: bars by close time, and nothing later than asked for."""

from typing import Any, Protocol

from engine.window import Window
from market.holes import HoleSpan


class FeedError(Exception):
    """The source of a market cannot be used; the text names what and where."""


class PlayedFeed(Protocol):
    """A market whose clock is the player's: a simulation or a recording.

    symbols: exchange style, sorted. start: market time (ms) at which playing begins. end: close of the last bar, or
    None if there is none. history_bars: how many bars a series before ``start`` are loaded.
    keep_bars: how many bars a series are kept, or None for all.
    """

    symbols: tuple[str, ...]
    start: int
    end: int | None
    history_bars: int
    keep_bars: int | None

    def timeframes(self, symbol: str) -> list[str]:
        """Timeframes that ``symbol`` has, shortest first."""
        ...

    def first_open(self, symbol: str, timeframe: str) -> int:
        """Open time of the first bar there ever was."""
        ...

    def last_close(self, symbol: str, timeframe: str) -> int | None:
        """Close time of the last bar there will be, or None if there is no last one."""
        ...

    def bars(self, symbol: str, timeframe: str, after: int, until: int) -> Window:
        """Bars that close in (after, until]."""
        ...

    def holes(self, symbol: str, timeframe: str, after: int, until: int) -> list[HoleSpan]:
        """Holes that reach into (after, until], as far as ``until``."""
        ...

    def state(self, position: int) -> dict[str, Any]:
        """What a restart at ``position`` needs to go on with the same bars."""
        ...
