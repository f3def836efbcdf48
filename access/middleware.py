"""Makes the request known to the audit trail."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from access.audit import caused_by


class AuditMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with caused_by(request):
            return self.get_response(request)
