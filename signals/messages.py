"""What a client may say on the socket: checked here once, or refused with a code and a sentence."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from rest.symbols import normalise
from signals.codes import ErrorCode

MAX_SYMBOLS = 1000
EVERYTHING = "*"
MAX_SEQ = 2**63 - 1


class Refused(Exception):
    """The message does nothing; ``code`` and the text go back to the client."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Subscribe:
    symbols: tuple[str, ...]
    since: dict[str, int] = field(default_factory=dict)
    epoch: str | None = None


@dataclass(frozen=True)
class Unsubscribe:
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Ping:
    pass


def parse(text: str) -> Subscribe | Unsubscribe | Ping:
    """Return the message in ``text``. Raises Refused."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(ErrorCode.INVALID_JSON, f"not JSON: {error}"[:200]) from error
    if not isinstance(data, dict):
        raise Refused(ErrorCode.INVALID_MESSAGE, 'a message is an object such as {"action": "ping"}')
    action = data.get("action")
    if action == "ping":
        _only(data, set())
        return Ping()
    if action == "unsubscribe":
        _only(data, {"symbols"})
        return Unsubscribe(_symbols(data))
    if action == "subscribe":
        _only(data, {"symbols", "since", "epoch"})
        symbols = _symbols(data)
        return Subscribe(symbols, _since(data, symbols), _epoch(data))
    raise Refused(ErrorCode.UNKNOWN_ACTION, f"action must be subscribe, unsubscribe or ping, was {_short(action)}")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _only(data: dict[str, Any], known: set[str]) -> None:
    extra = sorted(data.keys() - known - {"action"})
    if extra:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"unknown field {_short(extra[0])}")


def _symbols(data: dict[str, Any]) -> tuple[str, ...]:
    symbols = data.get("symbols")
    if not isinstance(symbols, list) or not symbols or not all(isinstance(s, str) for s in symbols):
        raise Refused(
            ErrorCode.INVALID_MESSAGE, f"symbols must be a list of at least one string, was {_short(symbols)}"
        )
    if len(symbols) > MAX_SYMBOLS:
        raise Refused(ErrorCode.TOO_MANY_SYMBOLS, f"at most {MAX_SYMBOLS} symbols, were {len(symbols)}")
    return tuple(dict.fromkeys(normalise(s) for s in symbols))


def _since(data: dict[str, Any], symbols: tuple[str, ...]) -> dict[str, int]:
    since = data.get("since", {})
    if not isinstance(since, dict):
        raise Refused(ErrorCode.INVALID_MESSAGE, f"since must be an object of symbol to seq, was {_short(since)}")
    known: dict[str, int] = {}
    for symbol, seq in since.items():
        if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq <= MAX_SEQ:
            raise Refused(
                ErrorCode.INVALID_MESSAGE, f"since[{_short(symbol)}] must be a whole number from 0, was {_short(seq)}"
            )
        known[normalise(symbol)] = seq
    strangers = [] if EVERYTHING in symbols else sorted(known.keys() - set(symbols))
    if strangers:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"since names {_short(strangers[0])}, which symbols does not")
    return known


def _epoch(data: dict[str, Any]) -> str | None:
    epoch = data.get("epoch")
    if epoch is None:
        return None
    try:
        return str(uuid.UUID(epoch))
    except (ValueError, AttributeError, TypeError) as error:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"epoch must be a UUID, was {_short(epoch)}") from error
