"""The project's own server, as ``manage.py serve`` starts it, but with a publisher's door in the place of the agent.

python -m bench.fanout.serving prepare SYMBOLS
python -m bench.fanout.serving daphne|uvicorn PORT [PUBLISH_PORT]
python -m bench.fanout.serving publish PUBLISH_PORT
"""

import asyncio
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
django.setup()

from channels.layers import get_channel_layer  # noqa: E402
from django.core.management import call_command  # noqa: E402

from agent.management.commands.serve import SERVE  # noqa: E402
from bench.fanout.lines import Lines, decode, publish_lines  # noqa: E402
from market.feeds import current_market  # noqa: E402
from market.models import Instrument  # noqa: E402
from signals.publish import HEADS_GROUP, group_of  # noqa: E402
from signals.wire.layers import send_all  # noqa: E402


def prepare(symbols: int) -> None:
    call_command("migrate", verbosity=0)
    market = current_market()
    names = [f"S{number:03}USDT" for number in range(symbols)]
    Instrument.objects.bulk_create([Instrument(market=market, symbol=name) for name in names], ignore_conflicts=True)


async def send_scan(lines: Lines) -> None:
    """Send as signals.publish does: each signal to its symbol's group, then the heads."""
    signals = [decode(payload) for _, payload in lines]
    more = {"published_at": time.time(), "tick": "bench-tick-0"}
    messages = [(group_of(s["symbol"]), {"type": "signal.message", "signal": s, **more}) for s in signals]
    heads = {s["symbol"]: s["seq"] for s in signals}
    await send_all(get_channel_layer(), [*messages, (HEADS_GROUP, {"type": "signal.heads", "heads": heads})])


class Door:
    """In the place of the agent's runner: publishes what comes on a port, or nothing."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def run(self) -> None:
        if self.port:
            server = await publish_lines(self.port, send_scan)
            await server.serve_forever()

    async def stop(self) -> None:
        pass


def main() -> None:
    what, number, *rest = sys.argv[1:]
    if what == "prepare":
        prepare(int(number))
    elif what == "publish":
        asyncio.run(Door(int(number)).run())
    else:
        SERVE[what]("127.0.0.1", int(number), Door(int(rest[0]) if rest else 0))


if __name__ == "__main__":
    main()
