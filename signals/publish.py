"""Signals out, after their commit: one message a signal to its symbol's group, then one with every head.

A channel message is a wake-up and may be lost; the database is the truth. A hub that misses one learns it from the
heads and reads the rows.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from market.models import Market
from signals.models import Signal
from signals.wire.layers import send_all
from telemetry.failures import count_failure
from telemetry.logs import trail
from telemetry.stages import timed

logger = logging.getLogger(__name__)

HEADS_GROUP = "signals"
NO_TICKS: Mapping[int, str] = {}


def group_of(symbol: str) -> str:
    """Return the Channels group of a symbol. Other code may join it; a message is {"type": "signal.message", …}."""
    return f"signals.{symbol}"


async def publish(market: Market, signals: Sequence[Signal], ticks: Mapping[int, str] = NO_TICKS) -> bool:
    """Send signals to whoever listens, in order; return whether the layer took them all.

    ``ticks``: by run the id of its tick, which goes along to the log of the process that sends.
    """
    layer = get_channel_layer()
    now = time.time()
    messages: list[tuple[str, dict[str, Any]]] = [
        (
            group_of(signal.instrument.symbol),
            {
                "type": "signal.message",
                "signal": signal.frame(market),
                "published_at": now,
                "tick": ticks.get(signal.run_id or 0, ""),
            },
        )
        for signal in signals
    ]
    heads = {signal.instrument.symbol: signal.seq for signal in signals}
    for _, message in messages:
        told = message["signal"]
        trail.info(
            "publishing %s %d", told["symbol"], told["seq"], extra={"tick": message["tick"], "signal": told["id"]}
        )
    try:
        with timed("publish"):
            await send_all(layer, [*messages, (HEADS_GROUP, {"type": "signal.heads", "heads": heads})])
    except (OSError, RedisError) as error:
        count_failure("publish", error)
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
