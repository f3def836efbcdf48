"""Coming back from every kind of position, also while old signals are being removed: all of it, or ``history_lost``."""

import asyncio
import os
import random
import uuid

import pytest

from engine.version import scoring_version
from market.feeds import current_market
from market.models import Instrument
from presets.services import active_version
from signals import history, retention
from signals.connection import Connection
from signals.models import Signal, Stream, signal_id
from signals.publish import publish
from signals.retention import prune_signals
from signals.threads import in_thread
from tests.socket.test_socket import Client

pytestmark = pytest.mark.django_db(transaction=True)

CASES = int(os.environ.get("RESUMES", "40"))  # the full count is 500
OTHER = "OTHERUSDT"
OLDEST, HEAD = 41, 140
KINDS = ("current", "older", "too old", "future", "wrong epoch", "negative", "other symbol", "during a prune")


def row(market, instrument, seq, preset) -> Signal:
    """A stored signal; what it says does not matter here."""
    return Signal(
        id=signal_id(market.epoch, instrument.symbol, seq), instrument=instrument, seq=seq, as_of=seq * 300_000,
        score=0.5, confidence=0.5, consensus=0.5, direction="NEUTRAL", advice="HOLD", risk_level="LOW", price=1.0,
        atr=0.1, atr_rank=0.5, because="moved", preset_version=preset, min_confidence=0.1,
        scoring_version=scoring_version(), configured=["5m"], timeframes={"5m": {"score": 0.5}}, published=True,
    )  # fmt: skip


@pytest.fixture
async def kept(replay, monkeypatch):
    """A market whose signals are read and removed in small pieces."""
    monkeypatch.setattr(history, "PAGE", 7)
    monkeypatch.setattr(retention, "BATCH", 9)
    return await in_thread(current_market)()


def begin(market, symbol: str) -> None:
    """Store a symbol of which the signals OLDEST to HEAD are kept."""
    instrument = Instrument.objects.create(market=market, symbol=symbol)
    preset = active_version()
    Signal.objects.bulk_create(row(market, instrument, seq, preset) for seq in range(OLDEST, HEAD + 1))
    newest = Signal.objects.get(instrument=instrument, seq=HEAD)
    Stream.objects.create(instrument=instrument, last_seq=HEAD, last_signal=newest)


def remove_until(market, seq: int) -> None:
    for _ in prune_signals(market, before=seq * 300_000, dry_run=False):
        pass


def store_next(market, symbol: str) -> Signal:
    instrument = Instrument.objects.get(market=market, symbol=symbol)
    stream = Stream.objects.get(instrument=instrument)
    signal = row(market, instrument, stream.last_seq + 1, active_version())
    signal.save(force_insert=True)
    Stream.objects.filter(pk=stream.pk).update(last_seq=signal.seq, last_signal=signal)
    return signal


def position(kind: str, chance: random.Random) -> int:
    """Return a ``since`` of this kind."""
    return {
        "current": HEAD,
        "older": chance.randrange(OLDEST - 1, HEAD),
        "too old": chance.randrange(0, OLDEST - 1),
        "future": HEAD + chance.randrange(1, 1000),
        "negative": -chance.randrange(1, 1000),
    }.get(kind, chance.randrange(OLDEST - 1, HEAD))


async def come_back(market, kind: str, symbol: str, chance: random.Random) -> tuple[int, list[dict]]:
    """Subscribe from a position of this kind; return it and all that came until a signal stored afterwards."""
    since = position(kind, chance)
    request = {"action": "subscribe", "symbols": [symbol], "since": {symbol: since}, "epoch": str(market.epoch)}
    if kind == "wrong epoch":
        request["epoch"] = str(uuid.UUID(int=chance.getrandbits(128)))
    elif kind == "other symbol":
        request["since"] = {OTHER: since}
    meanwhile = []
    if kind == "during a prune":
        meanwhile.append(asyncio.ensure_future(in_thread(remove_until)(market, chance.randrange(OLDEST, HEAD + 2))))
    got = []
    async with Client() as client:
        await client.say(request)
        got.append(await next_message(client))
        if got[0]["type"] == "subscription_confirmed":
            signal = await in_thread(store_next)(market, symbol)
            await publish(market, [signal])
            while reached(got[-1]) < signal.seq:
                got.append(await next_message(client))
    await asyncio.gather(*meanwhile)
    return since, got


async def next_message(client: Client) -> dict:
    while (message := await client.socket.receive_json_from(timeout=20))["type"] == "status":
        pass
    return message


def reached(message: dict) -> int:
    """Return the number behind which the live signals follow, as far as this message tells."""
    if message["type"] == "error":
        return message["head_seq"]
    return message["seq"] if message["type"] == "signal" else 0


def faults(kind: str, since: int, got: list[dict]) -> list[str]:
    """The oracle: what is wrong with what came."""
    errors = [m["code"] for m in got if m["type"] == "error"]
    seqs = [m["seq"] for m in got if m["type"] == "signal"]
    if kind in ("negative", "other symbol"):
        return [] if (errors, seqs) == (["invalid_message"], []) else [f"{errors} {seqs}"]
    found = []
    lost = [n for n, m in enumerate(got) if m.get("code") == "history_lost"]
    if set(errors) - {"history_lost"} or len(lost) > 1:
        found.append(f"errors {errors}")
    if kind in ("current", "older") and lost:
        found.append("history_lost although all of it is kept")
    if kind in ("too old", "future", "wrong epoch") and not lost:
        found.append("no history_lost")
    before = [m["seq"] for m in got[: lost[0]] if m["type"] == "signal"] if lost else seqs
    after = seqs[len(before) :]
    if before != list(range(since + 1, since + 1 + len(before))) and before:
        found.append(f"behind {since} came {before}")
    if lost and after != list(range(got[lost[0]]["head_seq"] + 1, HEAD + 2)):
        found.append(f"after history_lost {got[lost[0]]} came {after}")
    return found


async def failures(market, cases: int) -> list[str]:
    seed = random.randrange(10**9)
    chance, found = random.Random(seed), []
    print(f"seed {seed}")
    await in_thread(begin)(market, OTHER)
    for case in range(cases):
        kind = KINDS[case % len(KINDS)]
        await in_thread(begin)(market, symbol := f"S{case}USDT")
        since, got = await come_back(market, kind, symbol, chance)
        found += [f"seed {seed}, case {case}, {kind}: {fault}" for fault in faults(kind, since, got)]
    return found


async def test_from_every_kind_of_position_comes_all_of_it_or_history_lost(kept):
    assert await failures(kept, CASES) == []


async def test_without_the_notice_of_a_gap_the_same_cases_find_silent_holes(kept, monkeypatch):
    def jump(self, symbol, oldest):
        self.position[symbol] = oldest - 1

    monkeypatch.setattr(Connection, "_lost", jump)
    found = await failures(kept, len(KINDS) * 3)
    assert any("too old" in fault for fault in found)
