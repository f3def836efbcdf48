"""A server of the tests: the project's application under daphne or uvicorn, with a door to publish and to look inside.

``python -m tests.wire.server '{"server": …, "port": …, "door": …, "deflate": …, "versions": {…}, "tls": …}'``

``tls``: a file with key and certificate, "" for none.

The door takes one JSON object a line: ``{"store": {"AAAUSDT": 3}}`` stores and publishes that many signals of each
symbol and answers with their texts as the wire has them; ``{"figures": true}`` answers with the hub's figures and the
resident memory in KB.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_agent.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402

from agent.management.commands.serve import SERVE  # noqa: E402
from market.feeds import current_market  # noqa: E402
from market.models import Instrument  # noqa: E402
from presets.models import PresetVersion  # noqa: E402
from signals import hub, publish  # noqa: E402
from signals.models import Signal, Stream, signal_id  # noqa: E402
from signals.threads import in_thread  # noqa: E402
from signals.wire import servers  # noqa: E402
from signals.wire.payload import encode  # noqa: E402

SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
OPTIONS = json.loads(sys.argv[1])


@in_thread
def store(counts):
    """Store signals as a scan does, symbols taking turns; return them."""
    market, preset = current_market(), PresetVersion.objects.select_related("preset").first()
    instruments = {name: Instrument.objects.get_or_create(market=market, symbol=name)[0] for name in SYMBOLS}
    with transaction.atomic():
        last = {name: Stream.objects.get_or_create(instrument=instruments[name])[0].last_seq for name in counts}
        signals = [
            signal(market, preset, instruments[name], last[name] + number)
            for number in range(1, max(counts.values(), default=0) + 1)
            for name in counts
            if number <= counts[name]
        ]
        Signal.objects.bulk_create(signals)
        for name, count in counts.items():
            Stream.objects.filter(instrument=instruments[name]).update(last_seq=last[name] + count)
    return market, signals


def signal(market, preset, instrument, seq):
    return Signal(
        id=signal_id(market.epoch, instrument.symbol, seq),
        instrument=instrument,
        seq=seq,
        as_of=1_700_000_000_000 + seq * 300_000,
        score=0.5 + (seq % 400) / 1000,
        confidence=0.7,
        consensus=1.0,
        direction="BULLISH",
        advice="BUY",
        risk_level="LOW",
        price=100.0 + seq,
        atr=0.01,
        atr_rank=0.3,
        because="moved",
        preset_version=preset,
        min_confidence=0.1,
        scoring_version="test",
        configured=["5m"],
        timeframes={t: {"score": 0.6} for t in ("5m", "15m", "1h")},
        published=True,
    )


def resident_kb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


class Door:
    """In the place of the agent's runner."""

    async def run(self):
        await store(dict.fromkeys(SYMBOLS, 0))
        server = await asyncio.start_server(self.serve, "127.0.0.1", OPTIONS["door"], limit=1 << 24)
        await server.serve_forever()

    async def serve(self, reader, writer):
        while line := await reader.readline():
            answer = await self.answer(json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    async def answer(self, asked):
        if "store" in asked:
            market, signals = await store(asked["store"])
            for first in range(0, len(signals), 300):  # as many as a scan may have
                assert await publish.publish(market, signals[first : first + 300])
            return [encode(one.frame(market)) for one in signals]
        return hub.hub_figures() | {"resident_kb": resident_kb()}

    async def stop(self):
        pass


def negotiate_deflate():
    """Have both servers accept permessage-deflate: daphne never does by itself, ours turns uvicorn's off."""
    if OPTIONS["server"] == "uvicorn":
        import uvicorn

        config = uvicorn.Config
        uvicorn.Config = lambda *args, **named: config(*args, **named | {"ws_per_message_deflate": True})
    else:
        from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
        from daphne import server

        class Factory(server.WebSocketFactory):
            def setProtocolOptions(self, **options):
                super().setProtocolOptions(**options, perMessageCompressionAccept=self.accept)

            @staticmethod
            def accept(offers):
                return next(
                    (PerMessageDeflateOfferAccept(o) for o in offers if isinstance(o, PerMessageDeflateOffer)), None
                )

        server.WebSocketFactory = Factory


def speak_tls(pem):
    """Have the server speak TLS itself, as both do when they are started by hand with a certificate."""
    if OPTIONS["server"] == "uvicorn":
        import uvicorn

        config = uvicorn.Config
        uvicorn.Config = lambda *args, **named: config(*args, **named | {"ssl_certfile": pem})
    else:
        from daphne import endpoints

        endpoints.build_endpoint_description_strings = lambda host, port: [
            f"ssl:{port}:privateKey={pem}:certKey={pem}:interface={host}"
        ]


if __name__ == "__main__":
    if settings.REDIS_URL:  # servers of other tests may speak over the same Redis
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = f"served-{OPTIONS['port']}"
    if OPTIONS["deflate"]:
        negotiate_deflate()
    if OPTIONS["tls"]:
        speak_tls(OPTIONS["tls"])
    # Groups of a Redis are its databases' together: what another run publishes there is not for this one.
    if "prefix" in settings.CHANNEL_LAYERS["default"]["CONFIG"]:
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = f"test-{os.getpid()}-{OPTIONS['port']}"
    known = servers.version
    servers.version = lambda package: OPTIONS["versions"].get(package) or known(package)
    SERVE[OPTIONS["server"]]("127.0.0.1", OPTIONS["port"], Door())
