"""What a socket was opened with, and whether that still holds: a token or session may end while the socket lives."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import ClassVar

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.utils import timezone
from knox.models import AuthToken

from rest.access import Permission

RECHECK_S = 60.0  # an expired credential loses its socket within this; a revoked one at once


@dataclass(frozen=True)
class Credential:
    """A user's token (its digest) or session (its key); nobody's where control is open."""

    user_id: int | None
    token: str = ""
    session: str = ""

    OPEN: ClassVar["Credential"]


Credential.OPEN = Credential(None)


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
