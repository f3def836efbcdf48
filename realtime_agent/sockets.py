"""How a socket is opened and how it lives are two things: the middleware of the first does not outlast it."""

from typing import Any

from signals.wire.paths import SCOPE_KEY

_FOUND = "realtime_agent.found"


def after_handshake(application: Any) -> Any:
    """Wrap the application of a socket for its place inside middleware: ``short_lived`` runs it."""

    async def found(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope[_FOUND].append((application, scope))

    return found


def short_lived(middleware: Any) -> Any:
    """Wrap an ASGI application, outermost: what it wraps in turn with ``after_handshake`` runs when it has returned.

    Else every layer's frame, its copy of the scope, and cookies and headers in it, stay as long as the socket. And the
    server's own ``send`` is put into the scope: the server is behind the bare one, which middleware may wrap.
    """

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return await middleware(scope, receive, send)
        found: list[tuple[Any, dict[str, Any]]] = []  # nothing if the handshake was refused
        await middleware({**scope, SCOPE_KEY: send, _FOUND: found}, receive, send)
        if found:
            socket, scope = found.pop()
            await socket(scope, receive, send)
        return None

    return application
