"""What the API says of callers and of changes."""

from typing import Any, Literal, TypedDict

from rest.shapes import At, Ts

RoleWord = Literal["viewer", "operator", "admin"]
PermissionWord = Literal[
    "read", "toggle", "scan", "backtest", "risk", "alerts", "presets", "limits", "config", "targets", "audit"
]


class Me(TypedDict):
    """Who asks, and what they may. ``open_control``: what they may without signing in is everything."""

    user: str | None
    role: RoleWord | None
    permissions: list[PermissionWord]
    open_control: bool


class Token(TypedDict):
    """Sent as ``Authorization: Token <token>``. It is shown this once."""

    token: str
    expires_at: At | None


class SocketTicket(TypedDict):
    """Sent as ``/ws/realtime?ticket=<ticket>``; opens one socket. ``expires_in``: seconds."""

    ticket: str
    expires_in: int


class AuditRow(TypedDict):
    """A change: who, when, from where, what, and the parts that differ."""

    id: int
    ts: Ts
    at: At
    actor: str
    source: str
    action: str
    object: str
    old: Any
    new: Any


class AuditPage(TypedDict):
    next: str | None
    previous: str | None
    results: list[AuditRow]
