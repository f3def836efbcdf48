"""What a socket reads of the database: which symbols there are, their heads, and pages of what a client missed."""

from typing import Any, NamedTuple

from market.feeds import current_market
from market.models import Instrument
from signals.models import Signal, Stream
from signals.threads import in_thread

PAGE = 200


class Heads(NamedTuple):
    """The epoch of the numbering, and by symbol its last seq (0 before the first signal)."""

    epoch: str
    seq: dict[str, int]


@in_thread
def read_heads(symbols: tuple[str, ...] | None) -> Heads:
    """Return the heads of the known symbols among ``symbols``, or of all."""
    market = current_market()
    wanted = Instrument.objects.filter(market=market)
    if symbols is not None:
        wanted = wanted.filter(symbol__in=symbols)
    last = dict(Stream.objects.filter(instrument__in=wanted).values_list("instrument_id", "last_seq"))
    return Heads(str(market.epoch), {symbol: last.get(pk, 0) for pk, symbol in wanted.values_list("pk", "symbol")})


@in_thread
def read_page(symbol: str, after: int) -> list[dict[str, Any]]:
    """Return the frames of up to PAGE signals behind ``after``, in order."""
    market = current_market()
    instrument = Instrument.objects.get(market=market, symbol=symbol)
    return [signal.frame(market) for signal in Signal.objects.of_market(market).after(instrument, after)[:PAGE]]
