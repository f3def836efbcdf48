"""Tables of the commands."""

from typing import IO, Any, cast

from django.core.management.base import OutputWrapper
from rich.console import Console


def console_on(stream: OutputWrapper) -> Console:
    """Return a rich console that writes where the command's output goes, 160 columns wide unless a terminal says so."""
    terminal = bool(getattr(stream, "isatty", lambda: False)())
    return Console(file=cast(IO[Any], stream), width=None if terminal else 160)
