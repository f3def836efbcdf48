"""The dashboard's page, the root of the browsable API, and answers to what is not there."""

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django_vite.core.exceptions import DjangoViteAssetNotFoundError, DjangoViteManifestError
from rest_framework.request import Request
from rest_framework.response import Response

from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import DATABASE_AWAY, Unavailable
from rest.schema import openapi_document
from rest.shapes import Url
from rest.views import View

# The dashboard's own paths: each is answered with the one page, so that a link to it and a reload work.
DASHBOARD_PAGES = ("symbol/<path:symbol>", "scanner", "presets", "backtest", "record", "risk", "alerts", "system")

# No inline script or style, nothing from elsewhere. 'self' of connect-src covers the socket of the same host.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@ensure_csrf_cookie
@cache_control(no_cache=True)
def dashboard(request: HttpRequest, **path: str) -> HttpResponse:
    """The page that holds the dashboard; 503 when it is not built."""
    try:
        page = render(request, "dashboard.html")
    except (DjangoViteManifestError, DjangoViteAssetNotFoundError):
        page = render(request, "not_built.html", status=503)
    page["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page


class ApiRoot(View):
    """Where to begin. Paths with a parameter hang below these."""

    @endpoint(Permission.READ, dict[str, Url])
    def get(self, request: Request) -> Response:
        names = (
            "agent-status", "agent-toggle", "agent-config", "agent-subscribe", "signals", "score", "signals-latest",
            "signals-decisions", "scanner-run", "scanner-runs", "weights", "presets", "market-symbols",
            "market-candles", "backtest-run", "backtest-results", "alerts", "alert-rules",
            "alert-targets", "alert-deliveries", "metrics", "health", "schema", "docs",
        )  # fmt: skip
        return Response({name: request.build_absolute_uri(reverse(name)) for name in names})


class SchemaView(View):
    """This API as an OpenAPI 3 document."""

    @endpoint(Permission.READ, dict[str, Any])
    def get(self, request: Request) -> Response:
        return Response(openapi_document())


def docs(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document as a page to read and try. Its scripts come from this server."""
    return render(request, "docs.html")


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    error = {"code": "not_found", "detail": "there is nothing at this path", "attr": None}
    return JsonResponse({"type": "client_error", "errors": [error]}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        error = {"code": Unavailable.default_code, "detail": Unavailable.default_detail, "attr": None}
        headers = {"Retry-After": str(Unavailable.wait)}
        return JsonResponse({"type": "server_error", "errors": [error]}, status=503, headers=headers)
    error = {"code": "error", "detail": "the server failed; its log says how", "attr": None}
    return JsonResponse({"type": "server_error", "errors": [error]}, status=500)
