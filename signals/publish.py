"""Signals out, after their commit: one message a signal to its symbol's group, then one with every head.

A channel message is a wake-up and may be lost; the database is the truth. A hub that misses one learns it from the
heads and reads the rows.
"""

import logging
from collections.abc import Sequence

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from market.models import Market
from signals.models import Signal
from signals.wire.layers import send_all

logger = logging.getLogger(__name__)

HEADS_GROUP = "signals"


def group_of(symbol: str) -> str:
    """Return the Channels group of a symbol. Other code may join it; a message is {"type": "signal.message", …}."""
    return f"signals.{symbol}"


async def publish(market: Market, signals: Sequence[Signal]) -> bool:
    """Send signals to whoever listens, in order; return whether the layer took them all."""
    layer = get_channel_layer()
    messages = [
        (group_of(signal.instrument.symbol), {"type": "signal.message", "signal": signal.frame(market)})
        for signal in signals
    ]
    heads = {signal.instrument.symbol: signal.seq for signal in signals}
    try:
        await send_all(layer, [*messages, (HEADS_GROUP, {"type": "signal.heads", "heads": heads})])
    except (OSError, RedisError) as error:
        logger.warning("the channel layer did not take %d signals: %s", len(signals), error)
        return False
    return True


def mark_published(signals: Sequence[Signal]) -> None:
    """Remember that signals were sent, so that the sweeper leaves them alone."""
    Signal.objects.filter(pk__in=[s.pk for s in signals]).update(published=True)


def unpublished(market: Market, limit: int = 500) -> list[Signal]:
    """Return signals that a crash between commit and send left behind, in order."""
    waiting = Signal.objects.of_market(market).filter(published=False).order_by("as_of", "instrument__symbol", "seq")
    return list(waiting[:limit])
