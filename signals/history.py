"""What a socket reads of the database: which symbols there are, their heads, and pages of what a client missed."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DatabaseError

from market.feeds import current_market, market_key
from market.models import Instrument
from signals.models import Signal
from signals.ring import Coalesced, Ring
from signals.threads import in_thread

if TYPE_CHECKING:
    from signals.hub import Hub

logger = logging.getLogger(__name__)

PAGE = 200
APART_S = 0.2  # a thousand clients that come back at once read the heads five times a second
WATCH_S = 1.0  # what the layer lost together with the heads that would have told is noticed within two of these

ring = Ring()


class Heads(NamedTuple):
    """The epoch of the numbering, and by symbol its last seq (0 before the first signal)."""

    epoch: str
    seq: dict[str, int]


@in_thread
def _read_all_heads() -> Heads:
    rows = list(
        Instrument.objects.filter(market__key=market_key()[0]).values_list(
            "symbol", "stream__last_seq", "market__epoch"
        )
    )
    epoch = rows[0][2] if rows else current_market().epoch
    return Heads(str(epoch), {symbol: seq or 0 for symbol, seq, _ in rows})


_all_heads = Coalesced(_read_all_heads, APART_S)


async def read_heads(symbols: tuple[str, ...] | None) -> Heads:
    """Return the heads of the known symbols among ``symbols``, or of all, as of now or later."""
    heads = await _all_heads()
    if symbols is None:
        return heads
    return Heads(heads.epoch, {symbol: heads.seq[symbol] for symbol in symbols if symbol in heads.seq})


async def read_page(symbol: str, after: int) -> list[dict[str, Any]]:
    """Return the frames of up to PAGE signals behind ``after``, in order: from memory, else from the database."""
    if found := ring.after(symbol, after, PAGE):
        return found
    async with ring.lock(symbol):
        if found := ring.after(symbol, after, PAGE):
            return found
        page = await _read_page(symbol, after)
        for frame in page:
            ring.add(frame)
        return page


@in_thread
def _read_page(symbol: str, after: int) -> list[dict[str, Any]]:
    market = current_market()
    instrument = Instrument.objects.get(market=market, symbol=symbol)
    return [signal.frame(market) for signal in Signal.objects.of_market(market).after(instrument, after)[:PAGE]]


async def watch_heads(hub: "Hub") -> None:
    """Tell a hub the stored heads every second, as a ``heads`` message would: that one may be lost as well.

    Told is what was stored at the look before: what is newer may still be on its way.
    """
    stored: dict[str, int] = {}
    while True:
        await asyncio.sleep(WATCH_S)
        if not hub.connections:
            stored = {}
            continue
        try:
            heads = await read_heads(None)
        except DatabaseError as error:
            logger.warning("the heads cannot be read, trying again: %s", error)
            continue
        await hub.take_heads(stored)
        stored = {symbol: seq for symbol, seq in heads.seq.items() if seq}
