"""How far a client is in each symbol's numbering, and what to ask for when it comes back."""

import random
from typing import Any

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
DO_NOT_COME_BACK = range(4500, 5000)


class Gap(Exception):
    """A number was left out: the connection is given up and what is missing asked for."""


class Position:
    """``seen``: by symbol the last seq; ``epoch``: of these numbers. Keep both to go on after a restart."""

    def __init__(self, symbols: tuple[str, ...], seen: dict[str, int] | None = None, epoch: str = "") -> None:
        self.symbols = symbols or ("*",)
        self.seen = dict(seen or {})
        self.epoch = epoch

    def request(self) -> dict[str, Any]:
        """Return the subscribe message. To be built before the greeting is taken: it may bring another epoch."""
        request: dict[str, Any] = {"action": "subscribe", "symbols": list(self.symbols)}
        since = self.seen if "*" in self.symbols else {s: n for s, n in self.seen.items() if s in self.symbols}
        if since and self.epoch:
            request |= {"since": since, "epoch": self.epoch}
        return request

    def take(self, message: dict[str, Any]) -> bool:
        """Note a message; return False for a repeat. Raises Gap."""
        if message["type"] == "status":
            self.epoch = message["epoch"]
        elif message["type"] == "subscription_confirmed":
            for symbol, head in message["seq"].items():
                self.seen.setdefault(symbol, head)
        elif message["type"] == "signal":
            return self._take_signal(message["symbol"], message["seq"])
        elif message["type"] == "error" and message["code"] == "history_lost":
            self.seen[message["symbol"]] = message["head_seq"]
        return True

    def _take_signal(self, symbol: str, seq: int) -> bool:
        last = self.seen.get(symbol, seq - 1)
        if seq <= last:
            return False
        if seq > last + 1:
            raise Gap(f"{symbol}: {seq} follows {last}")
        self.seen[symbol] = seq
        return True


class Pause:
    """How long to wait before the next try: doubled each time, spread so that many clients do not come at once."""

    def __init__(self) -> None:
        self._s = FIRST_PAUSE_S

    def next_s(self) -> float:
        wait = self._s * random.uniform(0.5, 1.0)  # noqa: S311  no secret
        self._s = min(2 * self._s, LONGEST_PAUSE_S)
        return wait

    def reset(self) -> None:
        self._s = FIRST_PAUSE_S
