"""The URL map as tests read it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.urls import get_resolver

from rest.endpoints import Endpoint
from rest.views import View


class Route(NamedTuple):
    """``path`` has parameters in braces, as the contract writes them; ``view`` is None for a page."""

    method: str
    path: str
    view: type[View] | None
    pattern: str

    @property
    def endpoint(self) -> Endpoint | None:
        return self.view.endpoint_of(self.method) if self.view else None


def _patterns(patterns, prefix="/") -> Iterator[tuple[str, object]]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern.callback


def routes() -> list[Route]:
    """Return every method of every path that the house serves, without the admin's own pages."""
    found = []
    for pattern, callback in _patterns(get_resolver().url_patterns):
        if pattern.startswith("/admin/"):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern)
        view = getattr(callback, "cls", None)
        methods = [m for m in view().allowed_methods if m not in ("HEAD", "OPTIONS")] if view else ["GET"]
        found += [Route(method, path, view, pattern) for method in methods]
    return found


EXAMPLES = {"uuid": "00000000-0000-4000-8000-000000000000", "int": "999999"}


def filled(route: Route) -> str:
    """Return a route's path with something for each parameter; it need not exist."""
    return re.sub(r"<(?:(\w+):)?\w+>", lambda m: EXAMPLES.get(m[1], "AAAUSDT"), route.pattern)
