"""What a socket was opened with, and whether that still holds: a token or session may end while the socket lives."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.utils import timezone
from knox.models import AuthToken

from rest.access import Permission
from rest.callers import is_open, meta_of

RECHECK_S = 60.0  # an expired credential loses its socket within this; a revoked one at once


@dataclass(frozen=True)
class Credential:
    """A user's token (its digest) or session (its key); nobody's where control is open."""

    user_id: int | None
    token: str = ""
    session: str = ""

    OPEN: ClassVar["Credential"]


Credential.OPEN = Credential(None)


def credential_of_scope(scope: dict[str, Any]) -> Credential | None:
    """Return what a handshake comes with and may read: a ticket, else the browser's session, else open control."""
    from access.tickets import redeem

    tickets = parse_qs(scope.get("query_string", b"").decode("latin1")).get("ticket")
    if tickets:
        found = redeem(tickets[0])
    else:
        session = scope.get("session")
        user = get_user(SimpleNamespace(session=session)) if session is not None else None  # type: ignore[arg-type]
        if user is not None and user.is_authenticated:
            found = Credential(user.pk, session=session.session_key)  # type: ignore[union-attr]
        else:
            found = Credential.OPEN if is_open(meta_of(scope)) else None
    return found if found is not None and found in still_good([found]) else None


def still_good(credentials: Iterable[Credential]) -> set[Credential]:
    """Return those that still let their holder read."""
    asked = set(credentials)
    users = {u.pk: u for u in get_user_model().objects.filter(pk__in={c.user_id for c in asked if c.user_id})}
    readers = {pk for pk, user in users.items() if user.has_perm(f"access.{Permission.READ}")}
    tokens = AuthToken.objects.filter(digest__in=[c.token for c in asked if c.token])
    alive = {token.digest for token in tokens if token.expiry is None or token.expiry > timezone.now()}
    return {c for c in asked if _holds(c, readers, alive)}


def _holds(credential: Credential, readers: set[int], alive: set[str]) -> bool:
    if credential.user_id is None:
        return bool(settings.OPEN_CONTROL)
    if credential.user_id not in readers:
        return False
    return credential.token in alive if credential.token else _session_holds(credential)


def _session_holds(credential: Credential) -> bool:
    """Whether the session is there and still its user's: a changed password ends it."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(credential.session)
    return get_user(SimpleNamespace(session=store)).pk == credential.user_id  # type: ignore[arg-type]
