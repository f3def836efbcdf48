"""What goes wrong."""

from typing import Any


class AgentError(Exception):
    """The base of what this package raises."""


class Refused(AgentError):
    """The server refused: ``status`` and the errors of its answer (code, detail, attr)."""

    def __init__(self, status: int, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{status}: " + "; ".join(str(error.get("detail")) for error in errors))
        self.status, self.errors = status, errors


class Stopped(AgentError):
    """The server closed the feed with a code from 4500 on: coming back is useless."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the server closed with {code}: not coming back")
        self.code = code
