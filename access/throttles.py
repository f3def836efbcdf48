"""How often a caller may do what: by role and path; log-in and the switch are counted in the database, exactly."""

import hashlib
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from access.models import Tries
from access.roles import role_of
from rest.access import Permission
from rest.callers import address_of, is_open

MINUTE_S = 60
OPEN = "open"  # who is not signed in where control is open


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def window_left_s(window_s: int) -> int:
    """Return the seconds until the present window ends, at least 1."""
    return window_s - int(time.time()) % window_s


def count_exactly(what: tuple[str, ...], limit: int, window_s: int) -> bool:
    """Count one try; return whether it is within ``limit`` of the present window. One conditional UPDATE decides.

    Of any number at once, in any number of processes, exactly ``limit`` are let through.
    """
    key, window = _digest(*what), int(time.time()) // window_s
    mine = Tries.objects.filter(key=key)
    if mine.filter(window=window, count__lt=limit).update(count=F("count") + 1):
        return True
    if mine.filter(window=window).exists():
        return False
    return _first_in_window(key, window, window_s) or count_exactly(what, limit, window_s)


def _first_in_window(key: str, window: int, window_s: int) -> bool:
    """Begin a window; False if another did in the meantime. Windows that are over go."""
    ends_at = timezone.now() + timedelta(seconds=window_left_s(window_s))
    if Tries.objects.filter(key=key, window__lt=window).update(window=window, count=1, ends_at=ends_at):
        return True
    Tries.objects.filter(ends_at__lt=timezone.now()).delete()
    try:
        with transaction.atomic():
            Tries.objects.create(key=key, window=window, count=1, ends_at=ends_at)
    except IntegrityError:
        return False
    return True


def count_in_cache(what: tuple[str, ...], limit: int, window_s: int) -> bool:
    """The same by the cache's atomic increment: exact over processes with Redis, within each without."""
    key = f"tries:{_digest(*what)}:{int(time.time()) // window_s}"
    cache.add(key, 0, timeout=window_s + 1)
    try:
        return cache.incr(key) <= limit
    except ValueError:  # it expired in between: this one begins the next window
        return True


class RoleThrottle(BaseThrottle):
    """By role, caller and path; how many a minute stands in settings.THROTTLES."""

    def allow_request(self, request: Request, view: Any) -> bool:
        endpoint = view.endpoint_of(request.method)
        if endpoint is None or endpoint.needs is Permission.ANYONE:
            return True
        who, role = self._caller(request)
        kind = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "change"
        limit = round(settings.THROTTLES[role][kind] * settings.THROTTLE_FACTOR)
        if not limit:
            return True
        count = count_exactly if endpoint.needs is Permission.TOGGLE else count_in_cache
        route = getattr(request.resolver_match, "route", request.path)
        return count((role, who, str(request.method), route), limit, MINUTE_S)

    def _caller(self, request: Request) -> tuple[str, str]:
        if request.user.is_authenticated:
            return f"user {request.user.pk}", str(role_of(request.user) or "viewer")
        return f"address {address_of(request.META)}", OPEN if is_open(request.META) else "viewer"

    def wait(self) -> float:
        return float(window_left_s(MINUTE_S))


class LoginThrottle(BaseThrottle):
    """Tries to log in: few for one name from one address, more for one address, and a bound on a name from anywhere."""

    window_s = 300

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.method != "POST":
            return True
        address = address_of(request.META)
        name = str(request.data.get("username", ""))[:150] if isinstance(request.data, dict) else ""
        per_name, per_address, anywhere = settings.LOGIN_TRIES
        return (
            count_exactly(("login", address), per_address, self.window_s)
            and count_exactly(("login", address, name), per_name, self.window_s)
            and count_exactly(("login", "anywhere", name), anywhere, self.window_s)
        )

    def wait(self) -> float:
        return float(window_left_s(self.window_s))
