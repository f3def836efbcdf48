"""The audit trail: one row a change, in the change's own transaction."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest

from access.models import AuditEntry
from rest.callers import address_of

COMMAND = "command"
_request: ContextVar[HttpRequest | None] = ContextVar("audit_request", default=None)


@contextmanager
def caused_by(request: HttpRequest) -> Iterator[None]:
    """What is recorded inside was caused by ``request``; outside of any, by a command."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def record(action: str, what: str, old: Any, new: Any, by: str | None = None) -> AuditEntry:
    """Add a row to the trail. ``old`` and ``new`` are JSON values, None before creation or after deletion.

    Who and from where follow from the request or command under way; ``by`` names another actor. Raises
    TransactionManagementError outside of a transaction: a change and its row are stored together or not at all.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"audit.record({action!r}) outside of the change's transaction")
    request = _request.get()
    source = COMMAND if request is None else address_of(request.META) or "unknown"
    return AuditEntry.objects.create(
        actor=(by or actor())[:200], source=source[:60], action=action, object=what[:200], old=old, new=new
    )


def actor() -> str:
    """Return who acts now: the request's user, or the system user of a command."""
    request = _request.get()
    if request is None:
        return f"system:{_system_user()}"
    user = getattr(request, "user", None)
    return user.get_username() if user is not None and user.is_authenticated else "anonymous"


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return str(os.getuid())


def changed(old: dict[str, Any], new: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parts of two states that differ."""
    names = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    return {n: old.get(n) for n in sorted(names)}, {n: new.get(n) for n in sorted(names)}
