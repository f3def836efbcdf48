"""Chat, mail and push services through Apprise, by its URLs (https://appriseit.com/services/)."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from alerts.outward import outward
from alerts.results import Result

if TYPE_CHECKING:
    from apprise import NotifyBase

WHOLE_S = 25.0
THROTTLED_S = 60.0  # where a service says that it is asked too often but Apprise does not say for how long
# They show a message on this machine's own screen or write to its log.
LOCAL = {"syslog", "windows", "dbus", "qt", "glib", "kde", "gnome", "macosx"}
_STATUS = re.compile(r"error=(\d{3})")


class _Throttled(Exception):
    """The service has asked for a pause."""


def service_of(url: str) -> "NotifyBase | None":
    """Return the service of an Apprise URL, or None if it is none or lacks a part."""
    import apprise  # 0.2 s, for whoever sends

    found = apprise.Apprise.instantiate(url, asset=apprise.AppriseAsset(async_mode=False))
    return found if isinstance(found, apprise.NotifyBase) else None


def url_problem(url: str) -> str | None:
    """Return why ``url`` cannot be a target, or None."""
    scheme = url.partition("://")[0].lower()
    if scheme in LOCAL:
        return f"{scheme}:// would reach nobody but this server's own machine"
    if service_of(url) is None:
        return "Apprise does not know such a URL, or a part of it is missing: https://appriseit.com/services/"
    return None


def host_of(url: str) -> str | None:
    """Return the host that a service's URL names itself, such as a mail server; None where it has a fixed one.

    Where the others' URLs have their host stands a token, which must not be looked up anywhere.
    """
    service = service_of(url)
    templates: Iterable[str] = service.templates if service is not None else ()
    if service is None or not any("{host}" in template for template in templates):
        return None
    return str(service.host) if getattr(service, "host", None) else None


def shown(url: str) -> str:
    """Return an address without what is secret in it, as Apprise masks it."""
    service = service_of(url)
    return service.url(privacy=True).partition("?")[0][:200] if service is not None else ""


def send(url: str, title: str, text: str) -> Result:
    """Send plain text once and say how it went. Apprise escapes it for services that show HTML or Markdown."""
    import apprise

    service = service_of(url)
    if service is None:
        return Result(error="Apprise no longer knows its URL", final=True)
    pauses: list[float] = []

    def throttle(*_: Any, wait: float | None = None, **__: Any) -> None:
        """In the place of Apprise's own, which sleeps: the outbox waits instead."""
        if wait:
            pauses.append(wait)
            raise _Throttled

    service.throttle = throttle  # type: ignore[method-assign]
    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    with outward(WHOLE_S) as guard:
        done = sender.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
    if guard.late:  # whatever it said before it was cut off: the end of it is missing
        return Result(error="no answer in time")
    if done:
        return Result()
    said = " ".join(entry.message for one in getattr(done, "results", ()) for entry in one.logs())
    return _failed(said, guard.refused, pauses)


def _failed(said: str, refused: str, pauses: list[float]) -> Result:
    if refused:
        return Result(error=refused, final=True)
    status = _STATUS.search(said)
    answer = int(status[1]) if status else None
    wait = pauses[0] if pauses else THROTTLED_S if answer == 429 else None
    return Result(answer=answer, error=f"not taken: {said or 'the service does not say why'}"[:300], wait_s=wait)
