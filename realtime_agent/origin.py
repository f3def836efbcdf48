"""Who may speak from a browser: Host and Origin checked exactly, on loopback too.

Any web page can reach 127.0.0.1, so the address is no identity. A page's Origin must be this very server (scheme,
host and port as in the Host header, which must be one of ALLOWED_HOSTS) or stand in ALLOWED_ORIGINS. Programs send
no Origin and are accepted.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host

SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


def host_is_allowed(host: str) -> bool:
    """Whether a Host header names this server."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def origin_is_allowed(origin: str | None, scheme: str, host: str) -> bool:
    """Whether a request that came from a page of ``origin`` may write or open a socket."""
    return origin is None or origin == f"{scheme}://{host}" or origin in settings.ALLOWED_ORIGINS


class OriginMiddleware:
    """403 for a write from a foreign page, 400 for a Host that is not ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.headers.get("Host", "")
        if not host_is_allowed(host):
            return _refuse(400, "invalid_host", "the Host header does not name this server")
        if request.method not in SAFE and not origin_is_allowed(
            request.headers.get("Origin"), request.scheme or "", host
        ):
            return _refuse(403, "foreign_origin", "writes are accepted from this server's own pages and from programs")
        return self.get_response(request)


def _refuse(status: int, code: str, detail: str) -> JsonResponse:
    error = {"code": code, "detail": detail, "attr": None}
    return JsonResponse({"type": "client_error", "errors": [error]}, status=status)


class OriginGuard:
    """The same for the WebSocket handshake."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        scheme = "https" if settings.HTTPS or scope.get("scheme") == "wss" else "http"
        if host_is_allowed(host) and origin_is_allowed(origin, scheme, host):
            await self.application(scope, receive, send)
        else:
            await send({"type": "websocket.close"})  # before accept: the handshake is answered with 403
