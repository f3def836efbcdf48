"""Tickets: what a browser or a program hands to a socket instead of its credential. Each opens one socket, once."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.utils import timezone

from access.credentials import Credential
from access.models import Ticket

LIFE_S = 30


def issue(user: Any, token: str, session: str) -> str:
    """Return a new ticket for a caller: by token digest, or session key, or anonymous where control is open."""
    text = secrets.token_urlsafe(32)
    Ticket.objects.filter(expires_at__lt=timezone.now()).delete()
    Ticket.objects.create(
        digest=_digest(text),
        user=user if user.is_authenticated else None,
        token=token,
        session_key="" if token else session,
        expires_at=timezone.now() + timedelta(seconds=LIFE_S),
    )
    return text


def redeem(text: str) -> Credential | None:
    """Return the credential that a ticket stands for, and use it up; None if there is no such ticket any more."""
    ticket = Ticket.objects.filter(digest=_digest(text), expires_at__gte=timezone.now()).first()
    # Of two at once one deletes the row.
    if ticket is None or Ticket.objects.filter(pk=ticket.pk).delete()[0] == 0:
        return None
    if ticket.user_id is None:
        return Credential.OPEN
    return Credential(ticket.user_id, ticket.token, ticket.session_key)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
