"""A group of series on one socket, kept alive: a broken or silent one is torn down and built anew."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable

from market.feeds.exchange.clock import Clock
from market.feeds.exchange.faults import ExchangeFault, fault_of
from market.feeds.exchange.track import Track
from market.feeds.exchange.venue import OnBar, Venue

logger = logging.getLogger(__name__)

SILENT_S = 60.0  # Binance sends a frame of a traded series every 2 s; a group of 150 is never still for a minute
MISSES = 2  # bars in a row that a series did not get by socket, while the socket lives: seen after reconnects
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 120.0
STEADY_S = 300.0  # a socket that lived as long starts the delays anew


class Group:
    """Series that share a socket."""

    def __init__(
        self, venue: Venue, clock: Clock, tracks: Callable[[], list[Track]], on_bar: OnBar, counts: Counter[str]
    ) -> None:
        self._venue, self._clock, self._tracks, self._counts = venue, clock, tracks, counts
        self._on_bar = on_bar
        self.pairs: list[tuple[str, str]] = []
        self.state = "starting"
        self.problem = ""
        self.frame_at = clock.now_ms()
        self._torn: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Keep a socket open for ``pairs`` until cancelled."""
        delay = FIRST_DELAY_S
        while True:
            began = self._clock.now_ms()
            fault = await self._live()
            self._counts[fault.reason] += 1
            self.state, self.problem = "down", str(fault)
            if self._clock.now_ms() - began > STEADY_S * 1000:
                delay = FIRST_DELAY_S
            # Half to one and a half: sockets that broke together do not come back together.
            wait = delay * (0.5 + random.random())  # noqa: S311
            logger.info("socket of %d series: %s; next try in %.1f s", len(self.pairs), fault, wait)
            delay = min(delay * 2, LONGEST_DELAY_S)
            await self._clock.sleep(wait)

    async def _live(self) -> ExchangeFault:
        """Run one socket to its end and return why it ended."""
        self.frame_at, self.state = self._clock.now_ms(), "live"
        for track in self._tracks():
            track.misses = 0
        self._torn = asyncio.get_running_loop().create_future()
        stream = self._venue.stream(self.pairs, self._on_bar, self._frame, self._bad_frame)
        work = asyncio.ensure_future(stream.run())
        try:
            await asyncio.wait({work, self._torn}, return_when=asyncio.FIRST_COMPLETED)
            (self._torn if self._torn.done() else work).result()
        except Exception as error:
            return fault_of(error)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await stream.close()
        return ExchangeFault("ws_closed", "the socket ended")

    def _frame(self) -> None:
        self.frame_at = self._clock.now_ms()

    def _bad_frame(self) -> None:
        self._counts["bad_frame"] += 1

    def watch(self) -> None:
        """Tear the socket down if it has gone silent, or some of its series have."""
        if self.state != "live":
            return
        if self._clock.now_ms() - self.frame_at > SILENT_S * 1000:
            self._tear(ExchangeFault("ws_silent", f"no frame for {SILENT_S:.0f} s on an open socket"))
            return
        silent = [t for t in self._tracks() if t.misses >= MISSES]
        if silent:
            names = ", ".join(f"{t.symbol} {t.timeframe}" for t in silent[:5])
            self._tear(ExchangeFault("ws_partly_silent", f"{len(silent)} series get no closed bar: {names}"))

    def _tear(self, fault: ExchangeFault) -> None:
        if self._torn and not self._torn.done():
            self._torn.set_exception(fault)
