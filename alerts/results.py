"""How one attempt went."""

from typing import NamedTuple


class Result(NamedTuple):
    """error: empty if it was taken. answer: HTTP status, where there is one. wait_s: the pause it asked for.

    final: another attempt would go the same way.
    """

    error: str = ""
    answer: int | None = None
    wait_s: float | None = None
    final: bool = False
