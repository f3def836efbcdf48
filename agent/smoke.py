"""Whether a deployment does what it is for, asked from outside: one step a promise, each told as a line."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import websockets
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from realtime_agent_client import Agent, AgentError, Refused

PATIENCE_S = 30.0
AGAIN_S = 0.5
BARS = 200  # of a backtest


class Failed(Exception):
    """A step was answered, and not as it should be."""


ERRORS = (Failed, AgentError, httpx.HTTPError, websockets.WebSocketException, OSError, ValueError)


class Line(NamedTuple):
    """What one step found."""

    name: str
    good: bool
    said: str
    seconds: float


class Smoke:
    """The steps against one deployment. Only ``toggle`` changes something, and puts it back."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def run(self) -> Iterator[Line]:
        """Yield a line a step; behind an address where nothing answers, no further one."""
        for name, step in self._steps().items():
            began = time.monotonic()
            good, said = self._try(step)
            yield Line(name, good, said, time.monotonic() - began)
            if name == "health" and not good and not self._answers():
                return

    def _try(self, step: Callable[[], str]) -> tuple[bool, str]:
        try:
            return True, step()
        except KeyError as error:
            return False, f"the answer lacks {error}"
        except ERRORS as error:
            return False, " ".join(str(error).split()) or type(error).__name__

    def _steps(self) -> dict[str, Callable[[], str]]:
        return {
            "health": self.health,
            "status": self.status,
            "toggle": self.toggle,
            "metrics": self.metrics,
            "prometheus": self.prometheus,
            "scanner": self.scanner,
            "score": self.score,
            "socket": self.socket,
            "backtest": self.backtest,
            "risk": self.risk,
        }

    def _answers(self) -> bool:
        parts = urlsplit(self._agent.url)
        try:
            httpx.get(f"{parts.scheme}://{parts.netloc}/health/live", timeout=PATIENCE_S)
        except httpx.HTTPError:
            return False
        return True

    def health(self) -> str:
        answer = self._agent.call("GET", "/health")
        require(answer["status"] == "healthy", f"it is {answer['status']}: {answer['checks']}")
        bad = {name: state for name, state in answer["checks"].items() if state == "down"}
        require(not bad, f"down: {', '.join(bad)}")
        return f"{answer['version']}, {' '.join(f'{k} {v}' for k, v in answer['checks'].items())}"

    def status(self) -> str:
        status = self._agent.status()
        market = status["market"]
        require(market["status"] in ("live", "ended"), f"the market is {market['status']}")
        require(status["running"] or not status["enabled"], "the agent is on and nothing runs it")
        return f"{'on' if status['enabled'] else 'off'}, {market['source']} {market['status']}, {status['preset']}"

    def toggle(self) -> str:
        """Turn it over and back; whatever happens in between, back."""
        before = self._agent.status()["enabled"]
        try:
            turned = self._agent.toggle(not before)["enabled"]
            require(turned is not before and self._agent.status()["enabled"] is turned, "it did not turn")
        finally:
            after = self._agent.toggle(before)["enabled"]
        require(after is before, "it did not turn back")
        return f"turned and back: {'on' if before else 'off'}"

    def metrics(self) -> str:
        figures = self._agent.call("GET", "/api/metrics")
        require(figures["agent"]["scans_total"] > 0, "no scan was ever completed")
        return f"{figures['agent']['scans_total']} scans, {figures['system']['signals_total']} signals"

    def prometheus(self) -> str:
        families = {f.name: f for f in text_string_to_metric_families(self._agent.call("GET", "/metrics"))}
        require("agent_build_info" in families, "agent_build_info is missing")
        kinds = {s.labels["kind"]: int(s.value) for s in families["agent_processes"].samples}
        return f"{len(families)} metrics of {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"

    def scanner(self) -> str:
        symbols, timeframes = self._watched()
        answer = self._ask("POST", "/api/scanner/run", {"symbols": symbols[:2], "timeframes": timeframes})
        told = len(answer["results"]) + len(answer["meta"]["skipped"])
        require(told > 0, "neither results nor reasons")
        return f"{len(answer['results'])} scored in {answer['meta']['scan_ms']:.0f} ms"

    def score(self) -> str:
        symbols, timeframes = self._watched()
        try:
            answer = self._ask("POST", "/api/signals/score", {"symbol": symbols[0], "timeframe": timeframes[0]})
        except Refused as refused:
            require(refused.status == 409, str(refused))  # a reason is an answer: a gap, say
            return f"{symbols[0]} {timeframes[0]}: no score: {refused}"
        total = sum(part["contribution"] for part in answer["components"])
        require(abs(total - (answer["score"] - 0.5)) < 1e-9, "the contributions do not add up")
        return f"{symbols[0]} {timeframes[0]}: {answer['score']:.3f} {answer['advice']}"

    def socket(self) -> str:
        """Connect, subscribe with ``since``, and be answered: status, confirmation, what was missed, pong."""
        symbol = self._watched()[0][0]
        with connect(self._agent.socket_url(), open_timeout=PATIENCE_S) as socket:
            epoch = _await(socket, "status")["epoch"]
            heads = _say(socket, {"action": "subscribe", "symbols": [symbol]}, "subscription_confirmed")["seq"]
            missed = ""
            if head := heads[symbol]:
                again = {"action": "subscribe", "symbols": [symbol], "since": {symbol: head - 1}, "epoch": epoch}
                socket.send(json.dumps(again))
                while (told := _await(socket, "signal")["seq"]) != head:  # a live one may be on its way already
                    require(told > head, f"the resume began with {told}, not {head}")
                missed = f", resumed at {head}"
            _say(socket, {"action": "ping"}, "pong")
        return f"{symbol} subscribed{missed}, pong"

    def backtest(self) -> str:
        symbols, timeframes = self._watched()
        timeframe = timeframes[0]
        asked = f"/api/market/candles?symbol={symbols[0]}&timeframe={timeframe}&limit={BARS}"
        candles = self._agent.call("GET", asked)["candles"]
        require(len(candles) > 1, f"{symbols[0]} {timeframe} has no candles")
        body = {
            "symbol": symbols[0],
            "timeframe": timeframe,
            "start_date": _iso(candles[0]["open_time"]),
            "end_date": _iso(candles[-1]["open_time"]),
        }
        answer = self._agent.call("POST", "/api/backtest/run", body)
        until = time.monotonic() + PATIENCE_S
        while "equity_series" not in answer:
            require(time.monotonic() < until, f"not done within {PATIENCE_S:.0f} s: {answer['status']}")
            time.sleep(AGAIN_S)
            answer = self._agent.call("GET", f"/api/backtest/results/{answer['id']}")
        return f"{answer['meta']['candles']} candles, {answer['metrics']['total_trades']} trades"

    def risk(self) -> str:
        answer = self._agent.call("GET", "/api/risk/status")
        return f"{answer['open_positions']} positions, drawdown {answer['drawdown']}"

    def _watched(self) -> tuple[list[str], list[str]]:
        status = self._agent.status()
        require(bool(status["subscribed_symbols"]), "it watches no symbol")
        return status["subscribed_symbols"], status["timeframes"]

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Ask until it is loaded: 202 says "ask again"."""
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = self._agent.call(method, path, body)
            if "results" in answer or "components" in answer:
                return answer
            require(time.monotonic() < until, f"still loading after {PATIENCE_S:.0f} s")
            time.sleep(AGAIN_S)


def require(good: bool, otherwise: str) -> None:
    if not good:
        raise Failed(otherwise)


def _say(socket: Any, message: dict[str, Any], kind: str) -> dict[str, Any]:
    socket.send(json.dumps(message))
    return _await(socket, kind)


def _await(socket: Any, kind: str) -> dict[str, Any]:
    """Return the next message of a kind; others may come between, but no error."""
    until = time.monotonic() + PATIENCE_S
    while (left := until - time.monotonic()) > 0:
        message: dict[str, Any] = json.loads(socket.recv(timeout=left))
        if message["type"] == kind:
            return message
        require(message["type"] != "error", str(message.get("message")))
    raise Failed(f"no {kind} within {PATIENCE_S:.0f} s")


def _iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))
