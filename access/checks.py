"""What must hold before anybody else is let in; ``serve`` refuses to start otherwise, and each error says its cure."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register

from rest.callers import is_loopback

SHORTEST_SECRET, FEWEST_LETTERS = 32, 8
KNOWN_SECRETS = ("django-insecure-", "change", "secret", "example")


def exposed_names() -> list[str]:
    """Return the addresses and host names it is to be reached by from other machines."""
    return [name for name in [settings.HOST, *settings.EXTRA_HOSTS] if not is_loopback(name)]


def _debug() -> Error | None:
    if not settings.DEBUG:
        return None
    return Error("DEBUG shows settings and code to whoever causes an error", "set DEBUG=false", id="access.E001")


def _open() -> Error | None:
    if not settings.OPEN_CONTROL:
        return None
    return Error("control is open to whoever reaches it", "set OPEN_CONTROL=false", id="access.E002")


def _secret() -> Error | None:
    secret = settings.SECRET_KEY
    good = len(secret) >= SHORTEST_SECRET and len(set(secret)) >= FEWEST_LETTERS
    if good and not secret.lower().startswith(KNOWN_SECRETS):
        return None
    cure = "leave SECRET_KEY unset (one is generated into DATA_DIR/secret_key), or set 50 random letters"
    return Error("SECRET_KEY is a default or can be guessed", cure, id="access.E003")


def user_problem() -> Error | None:
    """Return the error that nobody could log in. Reads the database, so it is no part of ``check``."""
    if get_user_model().objects.filter(is_active=True).exists():
        return None
    cure = "run: .venv/bin/python manage.py createsuperuser"
    return Error("there is no user who could log in", cure, id="access.E004")


def _any_host() -> Error | None:
    if not any("*" in name or name.startswith(".") for name in settings.EXTRA_HOSTS):
        return None
    return Error("ALLOWED_HOSTS must name hosts exactly", "set ALLOWED_HOSTS=agent.example.com", id="access.E005")


RULES: list[Callable[[], Error | None]] = [_debug, _open, _secret]


@register(Tags.security)
def check_exposure(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """DEBUG, open control and a default secret are for this machine alone."""
    found: list[CheckMessage | None] = [_any_host()]
    if exposed_names():
        found += [rule() for rule in RULES]
    return [error for error in found if error is not None]


def problems_of(host: str) -> list[Error]:
    """Return why ``serve`` must not listen on ``host``; nothing for a loopback address that has no other name."""
    if is_loopback(host) and not exposed_names():
        return []
    return [error for error in (*(rule() for rule in RULES), _any_host(), user_problem()) if error is not None]
