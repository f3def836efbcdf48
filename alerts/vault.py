"""Secrets of targets at rest: encrypted with a key that is not in the database."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """What was stored cannot be decrypted: the key is another one."""


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ALERTS_KEYS])


def seal(secrets: dict[str, Any]) -> str:
    """Return ``secrets`` encrypted with the first key."""
    return _fernet().encrypt(json.dumps(secrets).encode()).decode()


def unseal(sealed: str) -> dict[str, Any]:
    """Return what was sealed with any of the keys. Raises Unreadable."""
    try:
        secrets: dict[str, Any] = json.loads(_fernet().decrypt(sealed.encode()))
    except InvalidToken as error:
        raise Unreadable("its secrets cannot be decrypted: they were stored under another ALERTS_KEY") from error
    return secrets


def reseal(sealed: str) -> str:
    """Return the same secrets encrypted with the first key. Raises Unreadable."""
    return seal(unseal(sealed))
