"""Settings from the environment, else from ``.env``; whatever is malformed or unknown is named."""

import base64
import binascii
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values
from environs import Env, EnvError

FERNET_KEY = "32 bytes in URL-safe base64 (44 characters), several separated by commas"


def is_fernet_key(text: str) -> bool:
    """Whether ``text`` is a key that secrets can be encrypted with."""
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


class Variable(NamedTuple):
    """A variable that may be set. ``wants``: which values, where the kind does not say it all."""

    name: str
    kind: str
    default: Any
    wants: str


class Environment:
    """Reads variables by name and remembers which there are."""

    def __init__(self, dotenv: Path) -> None:
        self._env = Env(prefix="")
        self._dotenv = dotenv
        self._known: dict[str, Variable] = {}
        if dotenv.is_file():
            self._env.read_env(str(dotenv), recurse=False)

    def read(
        self, name: str, kind: str, default: Any, check: Callable[[Any], bool] | None = None, wants: str = ""
    ) -> Any:
        """Return variable ``name`` as ``kind`` (an environs method); raise ImproperlyConfigured naming it."""
        self._known.setdefault(name, Variable(name, kind, default, wants))
        try:
            value = getattr(self._env, kind)(name, default)
        except (EnvError, ValueError) as error:
            raise ImproperlyConfigured(f"{name}: {error}") from error
        if check is not None and not check(value):
            raise ImproperlyConfigured(f"{name}: must be {wants}, was {value!r}")
        return value

    def moment(self, name: str) -> int | None:
        """Return a time in ms since the epoch from an ISO date or date-time (UTC unless it says otherwise)."""
        self._known[name] = Variable(name, "time", "", "an ISO date or date-time, UTC")
        text = self.read(name, "str", "")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: must be an ISO date such as 2021-09-28T15:00, was {text!r}") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)

    def variables(self) -> list[Variable]:
        """Return the variables that were read, in that order."""
        return list(self._known.values())

    def networks(self, name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """Return IP networks from a list such as ``10.0.0.0/8,127.0.0.1``."""
        try:
            return [ipaddress.ip_network(text) for text in self.read(name, "list", [])]
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}; wanted are networks such as 10.0.0.0/8") from error

    def refuse_unknown(self) -> None:
        """Raise ImproperlyConfigured if ``.env`` sets a name that no setting reads."""
        if not self._dotenv.is_file():
            return
        unknown = sorted(dotenv_values(self._dotenv).keys() - self._known.keys())
        if unknown:
            raise ImproperlyConfigured(
                f"{self._dotenv.name}: unknown name {', '.join(unknown)}; known are {', '.join(sorted(self._known))}"
            )
