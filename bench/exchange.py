"""``python -m bench.exchange``: from a closing frame's leaving the exchange to the signal at a client; writes
bench/results/YYYY-MM-DD-exchange-latency.md.

The simulated exchange, on the machine's clock, a server of its own process with an empty SQLite database, and a client
of its socket, who is told of every change. 100 symbols; an exchange that flags closed bars (Binance's protocol, three
timeframes), and one that does not (OKX's old one, one timeframe): there the first frame of the next bar closes one.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import django
import numpy as np

os.environ["DJANGO_SETTINGS_MODULE"] = "realtime_agent.settings"
django.setup()  # the simulated exchange takes its bars from modules that know the models

# ruff: noqa: E402
from bench.measuring import ROOT, Target, ms
from bench.reporting import begun, load, machine, targets_table, write
from market.feeds.exchange.clock import WallClock
from tests.exchange.okx import Okx
from tests.exchange.simulator import Simulator
from tests.exchange.truth import Truth
from tests.playing import walk
from tests.process.conftest import free_port

SYMBOLS, MINUTE, LONGEST = 100, 60_000, 15
BEAT_S = 0.002  # how often the exchange looks whether a bar has ended
P95_S = 1.0
LOAD_S = 400.0  # how long history may take


class Stamps:
    """When the last closing frame of a symbol at a close left, by ``time.perf_counter``."""

    def __init__(self) -> None:
        self.left: dict[tuple[str, int], float] = {}


def stamped(base: type[Simulator]) -> type[Simulator]:
    class Stamped(base):
        stamps: Stamps

        def _closing_frames(self, symbol: str, timeframe: str, close: int) -> list:
            frames = super()._closing_frames(symbol, timeframe, close)
            self.stamps.left[symbol, close] = time.perf_counter()
            return frames

    return Stamped


def truth(timeframes: list[str]) -> Truth:
    """Return seeded minutes of every symbol, long enough for history of the longest timeframe and half an hour more."""
    grid = LONGEST * MINUTE
    longest = LONGEST if len(timeframes) > 1 else 1
    now = int(time.time() * 1000) // grid * grid
    start, bars = now - 800 * longest * MINUTE, 800 * longest + 60
    return Truth(
        {f"B{n:02d}USDT": walk(bars, seed=n, interval=MINUTE, start=start, price=10.0 + n) for n in range(SYMBOLS)},
        timeframes,
    )


async def measure(exchange: str, base: type[Simulator], timeframes: list[str], closes: int) -> dict[str, Any]:
    """Return the latencies (s) of signals over so many closes, and what the server says of itself."""
    simulator = stamped(base)(truth(timeframes), WallClock())
    simulator.stamps = Stamps()
    if isinstance(simulator, Okx):
        simulator.confirms = False
    rest, stream = await simulator.start()
    beat = asyncio.ensure_future(emit(simulator))
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "DATA_DIR": folder, "PORT": str(free_port()), "MARKET_SOURCE": exchange, "EXCHANGE_URL": rest,
            "EXCHANGE_STREAM_URL": stream, "EXCHANGE_SYMBOLS": ",".join(simulator.truth.symbols),
        }  # fmt: skip
        migrated = await started("migrate", environment)
        if await migrated.wait():
            raise SystemExit("the database could not be made")
        server = await started("serve", environment)
        try:
            return await ask(f"http://127.0.0.1:{environment['PORT']}", simulator, timeframes, closes)
        finally:
            server.terminate()
            await server.wait()
            beat.cancel()
            await simulator.stop()


async def started(command: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet
    )


async def emit(simulator: Simulator) -> None:
    while True:
        await simulator.emit()
        await asyncio.sleep(BEAT_S)


async def ask(url: str, simulator: Any, timeframes: list[str], closes: int) -> dict[str, Any]:
    """Configure the server so that every change is told, wait for history, then listen for ``closes`` minutes."""
    async with aiohttp.ClientSession() as http:
        rules = {"hysteresis": 0.0, "step": 0.0, "cooldown_s": 0.0}
        config = {"timeframes": timeframes, "rules": rules, "scan_interval_ms": 60_000}

        async def configured() -> bool:
            async with http.patch(f"{url}/api/agent/config", json=config) as answer:
                if answer.status >= 500:
                    return False
                answer.raise_for_status()
                return True

        async def figures() -> dict[str, Any]:
            async with http.get(f"{url}/api/metrics") as answer:
                return (await answer.json())["market"]

        async def loaded() -> bool:
            history = (await figures())["feed"].get("history", {"series": 0, "loaded": -1})
            return history["loaded"] == history["series"] == SYMBOLS * len(timeframes)

        begun = time.perf_counter()
        await until(configured)
        await until(loaded)
        loading = time.perf_counter() - begun
        sys.stderr.write(f"history of {SYMBOLS * len(timeframes)} series after {loading:.0f} s\n")
        latencies = await listen(http, url, simulator.stamps, closes)
        told = await figures()
    delays = np.array(list(told["feed"]["delays"].values())) / 1000.0
    return {"latencies": latencies, "loading": loading, "delays": delays, "counts": told["feed"]["counts"]}


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    last = time.monotonic() + LOAD_S
    while time.monotonic() < last:
        try:
            if await true():
                return
        except aiohttp.ClientConnectionError:
            pass  # not listening yet: that is what is waited for
        await asyncio.sleep(0.5)
    raise SystemExit(f"{true.__name__}: not within {LOAD_S:.0f} s")


async def listen(http: aiohttp.ClientSession, url: str, stamps: Stamps, closes: int) -> list[float]:
    """Return the seconds from frame to signal of the bars that end from now on, over ``closes`` minutes."""
    found: list[float] = []
    from_close = int(time.time() * 1000) // MINUTE * MINUTE + MINUTE
    last = from_close / 1000 + (closes - 1) * 60 + 10
    async with http.ws_connect(f"{url.replace('http', 'ws')}/ws/realtime") as socket:
        await socket.send_str(json.dumps({"action": "subscribe", "symbols": ["*"]}))
        while (left := last - time.time()) > 0:
            try:
                message = await socket.receive(left)
            except TimeoutError:
                break
            now = time.perf_counter()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise SystemExit(f"the socket ended: {message}")
            for line in message.data.splitlines():
                told = json.loads(line)
                if told["type"] == "signal" and told["ts"] >= from_close:
                    found.append(now - stamps.left[told["symbol"], told["ts"]])
    return found


def targets(name: str, told: dict[str, Any], closes: int) -> list[Target]:
    took = np.array(told["latencies"])
    if not len(took):
        raise SystemExit(f"{name}: no signal came; the feed counted {told['counts']}")
    p50, p95 = (float(np.quantile(took, q)) for q in (0.5, 0.95))
    arrived = float(np.quantile(told["delays"], 0.95))
    return [
        Target(f"{name}: frame to signal at the client, p95", "< 1 s", ms(p95), p95 < P95_S),
        Target(f"{name}: the same, median and longest", "", f"{ms(p50)}, {ms(float(took.max()))}", None),
        Target(f"{name}: signals of {closes} closes", "", f"{len(took)}", None),
        Target(f"{name}: bar's end to its arrival, by series in /api/metrics, p95", "", ms(arrived), None),
        Target(f"{name}: history from an empty table", "", f"{told['loading']:.0f} s", None),
    ]


def main() -> None:
    before, closes = load(), int(sys.argv[1]) if len(sys.argv) > 1 else 3
    flagged = asyncio.run(measure("binance", Simulator, ["1m", "5m", "15m"], closes))
    plain = asyncio.run(measure("okx", Okx, ["1m"], closes))
    rows = [*targets("with the flag", flagged, closes), *targets("without", plain, closes)]
    about = [
        begun(f"python -m bench.exchange {closes}"),
        machine(before),
        "- exchange, client and server share the machine; SQLite, embedded runner",
        f"- {SYMBOLS} symbols; with the flag on 1m, 5m and 15m, without on 1m; rules that tell every change",
        "",
    ]
    write("exchange-latency", "from the exchange to the client", [*about, *targets_table(rows)])


if __name__ == "__main__":
    main()
