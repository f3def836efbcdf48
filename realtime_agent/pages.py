"""The page at ``/``, the root of the browsable API, and answers to what is not there."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from rest_framework.request import Request
from rest_framework.response import Response

from rest.views import View


@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    """The market's source, the agent's switch, the latest signals as they come."""
    return render(request, "home.html")


class ApiRoot(View):
    """Where to begin. Paths with a parameter hang below these."""

    def get(self, request: Request) -> Response:
        names = (
            "agent-status", "agent-toggle", "agent-config", "agent-subscribe", "signals", "score", "signals-latest",
            "signals-decisions", "scanner-run", "scanner-runs", "weights", "presets", "market-symbols",
            "market-candles", "metrics", "health",
        )  # fmt: skip
        return Response({name: request.build_absolute_uri(reverse(name)) for name in names})


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    error = {"code": "not_found", "detail": "there is nothing at this path", "attr": None}
    return JsonResponse({"type": "client_error", "errors": [error]}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    error = {"code": "error", "detail": "the server failed; its log says how", "attr": None}
    return JsonResponse({"type": "server_error", "errors": [error]}, status=500)
