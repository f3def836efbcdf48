"""Where a request comes from, and whether control is open to it."""

import ipaddress
from typing import Any

from django.conf import settings


def is_loopback(address: str) -> bool:
    """Whether an address or host name means this machine alone."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def address_of(meta: Any) -> str:
    """Return the client's address; behind a proxy of TRUSTED_PROXIES the one that it appended last."""
    address = meta.get("REMOTE_ADDR") or ""
    if address in settings.TRUSTED_PROXIES:
        return meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    return address


def is_open(meta: Any) -> bool:
    """Whether control is open to an unknown caller: on this machine, and not handed on by a proxy."""
    forwarded = "HTTP_X_FORWARDED_FOR" in meta or "HTTP_FORWARDED" in meta
    return bool(settings.OPEN_CONTROL) and not forwarded and is_loopback(meta.get("REMOTE_ADDR") or "")


def meta_of(scope: dict[str, Any]) -> dict[str, str]:
    """Return what the functions above read, from a socket's ASGI scope."""
    meta = {"REMOTE_ADDR": (scope.get("client") or [""])[0]}
    for name, value in scope["headers"]:
        if name.lower() in (b"x-forwarded-for", b"forwarded"):
            meta[f"HTTP_{name.decode('latin1').upper().replace('-', '_')}"] = value.decode("latin1")
    return meta
