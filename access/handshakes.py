"""Who opens a socket: what a handshake comes with becomes a credential."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from django.contrib.auth import get_user

from access.credentials import Credential, still_good
from access.tickets import redeem
from rest.callers import is_open, meta_of


def credential_of_scope(scope: dict[str, Any]) -> Credential | None:
    """Return what a handshake comes with and may read: a ticket, else the browser's session, else open control."""
    tickets = parse_qs(scope.get("query_string", b"").decode("latin1")).get("ticket")
    found = redeem(tickets[0]) if tickets else _of_session(scope)
    return found if found is not None and found in still_good([found]) else None


def _of_session(scope: dict[str, Any]) -> Credential | None:
    session = scope.get("session")
    user = get_user(SimpleNamespace(session=session)) if session is not None else None  # type: ignore[arg-type]
    if user is not None and user.is_authenticated:
        return Credential(user.pk, session=session.session_key)  # type: ignore[union-attr]
    return Credential.OPEN if is_open(meta_of(scope)) else None
