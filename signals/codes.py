"""Close codes and error codes of ``/ws/realtime``: 4000 to 4499 mean "come back", 4500 to 4999 "do not"."""

from enum import IntEnum, StrEnum


class CloseCode(IntEnum):
    TOO_SLOW = 4008
    RESTARTING = 4012
    TOO_MANY_SOCKETS = 4029
    CREDENTIALS = 4501
    ABUSE = 4508
    TOO_LARGE = 4509


class ErrorCode(StrEnum):
    INVALID_JSON = "invalid_json"
    UNKNOWN_ACTION = "unknown_action"
    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_SYMBOL = "unknown_symbol"
    TOO_MANY_SYMBOLS = "too_many_symbols"
    RATE_LIMITED = "rate_limited"
    HISTORY_LOST = "history_lost"
