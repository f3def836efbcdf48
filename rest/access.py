"""What an endpoint needs of its caller. Roles are groups of these permissions (``access/``)."""

from enum import StrEnum
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from rest.callers import is_open


class Permission(StrEnum):
    """What a request does. The value is the codename of the permission in the app ``access``."""

    ANYONE = "anyone"  # asked before anybody can have logged in
    READ = "read"
    TOGGLE = "toggle"
    SCAN = "scan"
    BACKTEST = "backtest"
    RISK = "risk"
    ALERTS = "alerts"
    PRESETS = "presets"
    LIMITS = "limits"
    CONFIG = "config"
    TARGETS = "targets"
    AUDIT = "audit"


class HasPermission(BasePermission):
    """Let a request pass if its caller has what the handler's ``@endpoint`` needs; what declares nothing is shut."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = request.method or ""
        if method not in view.allowed_methods:
            return True  # on its way to 405
        endpoint = view.endpoint_of(method)
        if endpoint is None:
            return False
        if endpoint.needs is Permission.ANYONE:
            return True
        user = request.user
        return user.has_perm(f"access.{endpoint.needs}") if user.is_authenticated else is_open(request.META)
