"""Log-in and -out, tokens, tickets, and the audit trail."""

from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.middleware.csrf import get_token
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from access import shapes, tickets
from access.models import AuditEntry
from access.roles import permissions_of, role_of
from access.throttles import LoginThrottle
from rest.access import Permission
from rest.callers import is_open
from rest.endpoints import endpoint
from rest.errors import Conflict
from rest.fields import MomentField, StrictSerializer
from rest.pages import PageQuery, Pages
from rest.views import View

TRIED_TOO_OFTEN = "too many tries to log in: come back after Retry-After seconds"
NOT_KNOWN = "user name and password do not go together"


class Credentials(StrictSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


def me_json(request: Request) -> dict[str, Any]:
    """Return who asks and what they may."""
    user, open_here = request.user, is_open(request.META)
    return {
        "user": user.get_username() if user.is_authenticated else None,
        "role": role_of(user),
        "permissions": permissions_of(user, open_here),
        "open_control": open_here,
    }


class _CredentialsView(View):
    """Takes a user name and a password; counted, so that they cannot be guessed."""

    # Nobody is signed in yet, and a bad token must not keep anyone from logging in.
    authentication_classes = ()
    throttle_classes = (LoginThrottle,)

    def get_authenticate_header(self, request: Request) -> str:
        return "Token"  # without it DRF would answer 403 to a wrong password

    def user_of(self, body: dict[str, Any]) -> Any:
        """Return the user. Raises AuthenticationFailed, the same for an unknown name and a wrong password."""
        user = authenticate(self.request, username=body["username"], password=body["password"])
        if user is None:
            raise AuthenticationFailed(NOT_KNOWN)
        return user


class LoginView(_CredentialsView):
    """Open a session for a browser. The answer renews the CSRF cookie, to be sent back as X-CSRFToken."""

    @endpoint(Permission.ANYONE, shapes.Me, body=Credentials, refuses={401: NOT_KNOWN, 429: TRIED_TOO_OFTEN})
    def post(self, request: Request) -> Response:
        user = self.user_of(self.body(Credentials))
        login(request._request, user)
        request.user = user
        get_token(request._request)
        return Response(me_json(request))


class LogoutView(View):
    """End the browser's session, and its sockets with it. Nothing happens to who has none."""

    @endpoint(Permission.ANYONE, answers={204: None}, refuses={401: "the token sent along is not valid"})
    def post(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=204)


class MeView(View):
    """Who asks, and what they may."""

    @endpoint(Permission.ANYONE, shapes.Me, refuses={401: "the token sent along is not valid"})
    def get(self, request: Request) -> Response:
        return Response(me_json(request))


class TokenView(_CredentialsView):
    """A token for a program."""

    @endpoint(Permission.ANYONE, shapes.Token, body=Credentials, refuses={401: NOT_KNOWN, 429: TRIED_TOO_OFTEN})
    def post(self, request: Request) -> Response:
        stored, token = AuthToken.objects.create(self.user_of(self.body(Credentials)))
        return Response({"token": token, "expires_at": _iso(stored.expiry)})


class RevokeView(View):
    """Revoke the token that this request is sent with; its sockets are closed at once."""

    @endpoint(Permission.READ, answers={204: None}, refuses={409: "the request was not sent with a token"})
    def post(self, request: Request) -> Response:
        if not isinstance(request.auth, AuthToken):
            raise Conflict("send the token that is to be revoked as Authorization: Token …", code="no_token")
        request.auth.delete()
        return Response(status=204)


class TicketView(View):
    """A ticket that opens one socket, for the caller's session or token."""

    @endpoint(Permission.READ, shapes.SocketTicket)
    def post(self, request: Request) -> Response:
        token = request.auth.digest if isinstance(request.auth, AuthToken) else ""
        ticket = tickets.issue(request.user, token, request.session.session_key or "")
        return Response({"ticket": ticket, "expires_in": tickets.LIFE_S})


class AuditQuery(PageQuery):
    actor = serializers.CharField(max_length=200, required=False)
    action = serializers.CharField(max_length=60, required=False)
    since = MomentField(required=False)
    until = MomentField(required=False)


FILTERS = {"actor": "actor", "action": "action", "since": "ts__gte", "until": "ts__lt"}


class AuditView(View):
    """Every change, newest first: who, when, from where, old and new."""

    query_serializer = AuditQuery

    @endpoint(Permission.AUDIT, shapes.AuditPage)
    def get(self, request: Request) -> Response:
        wanted = {FILTERS[name]: value for name, value in self.query.items() if name in FILTERS}
        pages = Pages("-ts", "-id")
        page = pages.paginate_queryset(AuditEntry.objects.filter(**wanted), request, self)
        return pages.get_paginated_response([_row(entry) for entry in page])


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "ts": entry.ts,
        "at": _iso(entry.at),
        "actor": entry.actor,
        "source": entry.source,
        "action": entry.action,
        "object": entry.object,
        "old": entry.old,
        "new": entry.new,
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
