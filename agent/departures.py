"""Where a configuration departs from what is safe, and what that means."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import ERROR, run_checks
from django.db import DatabaseError

from access.checks import SHORTEST_SECRET, exposed_names, user_problem
from access.roles import role_of
from rest.callers import is_loopback


class Departure(NamedTuple):
    """``grave``: something is open or will be lost; otherwise it is a choice to know of."""

    grave: bool
    what: str
    means: str


def departures() -> list[Departure]:
    """Return every departure from the safe defaults, grave ones first. Asks the database and Redis."""
    found = [*_checks(), *_access(), *_network(), *_servers(), *_limits(), *_files(), *_users()]
    return sorted(found, key=lambda one: not one.grave)


def _checks() -> Iterator[Departure]:
    for message in run_checks(include_deployment_checks=settings.HTTPS):
        if not message.is_silenced():
            yield Departure(message.level >= ERROR, f"{message.id}: {message.msg}", str(message.hint or ""))


def _access() -> Iterator[Departure]:
    if settings.DEBUG:
        yield Departure(True, "DEBUG=true", "errors show settings and code to whoever causes one")
    if settings.OPEN_CONTROL:
        yield Departure(
            bool(exposed_names()),
            "OPEN_CONTROL=true",
            "every program and person on this machine may do everything; OPEN_CONTROL=false asks who it is",
        )
    if settings.TOKEN_DAYS > 90:
        yield Departure(False, f"TOKEN_DAYS={settings.TOKEN_DAYS}", "a stolen token is good for longer than 90 days")


def _network() -> Iterator[Departure]:
    if names := exposed_names():
        shown = ", ".join(names)
        yield Departure(False, f"reachable as {shown}", "other machines may ask: keep OPEN_CONTROL=false and TLS")
        if not settings.HTTPS:
            yield Departure(True, "HTTPS=false", f"passwords, tokens and cookies go in the clear to {shown}")
    for origin in settings.ALLOWED_ORIGINS:
        clear = urlsplit(origin).scheme != "https" and not is_loopback(urlsplit(origin).hostname or "")
        yield Departure(
            clear, f"ALLOWED_ORIGINS has {origin}", "pages of that origin act in the name of who is signed in"
        )
    for proxy in settings.TRUSTED_PROXIES:
        yield Departure(False, f"TRUSTED_PROXIES has {proxy}", "it may say who a client is: it must be yours alone")


def _servers() -> Iterator[Departure]:
    given = _database()
    host = given.get("HOST") or ""
    if host and not host.startswith("/") and not is_loopback(host):
        if not given.get("PASSWORD"):
            yield Departure(
                True, f"DATABASE_URL without a password for {host}", "whoever reaches it may change signals"
            )
        if given.get("OPTIONS", {}).get("sslmode") not in ("require", "verify-ca", "verify-full"):
            yield Departure(True, f"DATABASE_URL without sslmode for {host}", "add ?sslmode=verify-full")
    for name in ("REDIS_URL", "CELERY_BROKER_URL"):
        parts = urlsplit(getattr(settings, name))
        if parts.hostname and not is_loopback(parts.hostname):
            if not parts.password:
                yield Departure(True, f"{name} without a password", "whoever can write to it can start tasks")
            if parts.scheme not in ("rediss", "amqps"):
                yield Departure(True, f"{name} without TLS", f"messages go in the clear to {parts.hostname}")


def _limits() -> Iterator[Departure]:
    if settings.THROTTLE_FACTOR == 0:
        yield Departure(bool(exposed_names()), "THROTTLE_FACTOR=0", "requests are not limited")
    elif settings.THROTTLE_FACTOR > 1:
        yield Departure(False, f"THROTTLE_FACTOR={settings.THROTTLE_FACTOR:g}", "so many times the usual requests pass")
    if settings.SOCKETS_PER_ADDRESS > 64:
        yield Departure(
            False, f"SOCKETS_PER_ADDRESS={settings.SOCKETS_PER_ADDRESS}", "one address may take more sockets"
        )
    if settings.WRITE_PATH != "auto":
        yield Departure(False, f"WRITE_PATH={settings.WRITE_PATH}", "slower, and slow readers are noticed later")
    if settings.WATCHDOG_S > 300:
        yield Departure(False, f"WATCHDOG_S={settings.WATCHDOG_S:g}", "a process that hangs is noticed so late")
    if settings.SIGNAL_DAYS:
        yield Departure(
            False, f"SIGNAL_DAYS={settings.SIGNAL_DAYS}", "older signals go; who asks for them gets history_lost"
        )
    for name in ("CANDLE_DAYS", "RUN_DAYS"):
        if getattr(settings, name) == 0:
            yield Departure(False, f"{name}=0", "nothing of it is ever removed: watch the disk")


def _files() -> Iterator[Departure]:
    secret = [settings.DATA_DIR / "secret_key", settings.BASE_DIR / ".env"]
    for paths, bits, may in ((secret, stat.S_IROTH, "read"), (_database_files(), stat.S_IWOTH, "change")):
        for path in paths:
            if path.is_file() and path.stat().st_mode & bits:
                yield Departure(True, f"every user of this machine may {may} {path}", f"chmod 600 {path}")
    if len(settings.SECRET_KEY) < SHORTEST_SECRET:
        yield Departure(True, "SECRET_KEY is short", "sessions can be forged; leave it unset and one is generated")


def _database() -> dict[str, Any]:
    return settings.DATABASES["default"]


def _database_files() -> list[Path]:
    given = _database()
    return [Path(given["NAME"])] if given["ENGINE"].endswith("sqlite3") else []


def _users() -> Iterator[Departure]:
    try:
        if not settings.OPEN_CONTROL and (problem := user_problem()):
            yield Departure(True, problem.msg, str(problem.hint))
        for user in get_user_model().objects.filter(is_active=True):
            if not user.is_superuser and user.is_staff and role_of(user) is None:
                yield Departure(
                    False, f"user {user} may open the admin and has no role", "give it one, or take staff away"
                )
    except DatabaseError as error:
        yield Departure(True, "the database does not answer", str(error).splitlines()[0])
