"""A client that asks for history from every kind of position, and checks that the answer leaves no silent hole."""

import json
import uuid

from websockets.sync.client import connect

PATIENCE_S = 30.0
KINDS = ("current", "older", "oldest", "future", "wrong epoch", "negative", "another symbol")


def heads_and_epoch(stack) -> tuple[dict[str, int], str]:
    rows = stack.postgres.rows(
        "SELECT i.symbol, t.last_seq FROM signals_stream t JOIN market_instrument i ON i.id = t.instrument_id"
    )
    return dict(rows), str(stack.postgres.rows("SELECT epoch FROM market_market")[0][0])


class Resume:
    """One socket."""

    def __init__(self, stack) -> None:
        self._connecting = connect(f"ws://127.0.0.1:{stack.port}/ws/realtime", open_timeout=PATIENCE_S)

    def __enter__(self):
        self._socket = self._connecting.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._connecting.__exit__(*error)

    def ask_at_random(self, chance, symbol: str, heads: dict[str, int], epoch: str) -> None:
        kind = chance.choice(KINDS)
        head = heads[symbol]
        since = {"current": head, "older": chance.randint(1, head), "oldest": 0, "negative": -1}.get(kind)
        request = {"action": "subscribe", "symbols": [symbol], "epoch": epoch}
        if kind == "future":
            since = head + chance.randint(1000, 10**9)
        elif kind == "wrong epoch":
            since, request["epoch"] = chance.randint(0, head), str(uuid.uuid4())
        elif kind == "another symbol":
            since, request["symbols"] = 0, [next(s for s in heads if s != symbol)]
        request["since"] = {symbol: since}
        self._ask(request)
        answer = self._next(("subscription_confirmed", "error"))
        if kind in ("negative", "another symbol"):
            assert (answer["type"], answer["code"]) == ("error", "invalid_message"), (kind, answer)
        elif kind in ("future", "wrong epoch"):
            assert self._next(("error",))["code"] == "history_lost", kind
        else:
            self._follow(symbol, since, answer["seq"][symbol], kind)

    def _follow(self, symbol: str, since: int, head: int, kind: str) -> None:
        """Read up to the head that was confirmed; each number follows the one before."""
        at = since
        while at < head:
            message = self._next(("signal", "error"))
            assert message["type"] == "signal", (kind, message)
            if message["symbol"] == symbol:
                assert message["seq"] == at + 1, (kind, since, at, message)
                at += 1

    def _ask(self, request: dict) -> None:
        self._socket.send(json.dumps({"action": "unsubscribe", "symbols": request["symbols"]}))
        self._next(("unsubscription_confirmed",))
        self._socket.send(json.dumps(request))

    def _next(self, kinds: tuple[str, ...]) -> dict:
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message["type"] in kinds:
                return message
