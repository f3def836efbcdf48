"""Every role at every method of every endpoint, from the URL map: what is not declared is shut."""

import pytest
from django.contrib.auth.models import User
from knox.models import AuthToken
from rest_framework.test import APIClient

from access.roles import MAY, Role, give_role
from rest.access import Permission
from tests.urls import filled, routes

pytestmark = pytest.mark.django_db

REVOKE = "/api/auth/token/revoke"  # last: it takes the token away that the others need
ROUTES = sorted((r for r in routes() if r.view), key=lambda r: r.path == REVOKE)
WHO = [None, "nobody", *map(str, Role)]


@pytest.fixture
def closed(settings, replay):
    settings.OPEN_CONTROL = False
    settings.THROTTLE_FACTOR = 0


def client_of(who):
    """Return a client with the token of a user who has the role; ``nobody`` has a token and no role."""
    client = APIClient(HTTP_HOST="127.0.0.1")
    if who:
        user = User.objects.create_user(f"user-{who}")
        if who != "nobody":
            give_role(user, Role(who))
        client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user)[1]}")
    return client


def expected(who, needs):
    """Return 401, 403, or None for: it is let in."""
    if needs is Permission.ANYONE:
        return None
    if who is None:
        return 401
    return None if who != "nobody" and needs in MAY[Role(who)] else 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_an_endpoint_says_what_it_needs(route):
    assert route.endpoint is not None, f"{route.view.__module__}.{route.view.__name__}: @endpoint is missing"


@pytest.mark.parametrize("who", WHO)
def test_a_role_passes_exactly_where_its_permissions_let_it(closed, who):
    """An unknown body field stops every write that is let in before it does anything."""
    client = client_of(who)
    wrong = []
    for route in ROUTES:
        answer = client.generic(route.method, filled(route), '{"¤": 1}', content_type="application/json")
        want = expected(who, route.endpoint.needs)
        let_in = answer.status_code not in (401, 403) or answer.json()["errors"][0]["detail"].startswith("user name")
        if (want is None) != let_in or (want and answer.status_code != want):
            wrong.append(f"{route.method} {route.path}: {answer.status_code}, wanted {want or 'to be let in'}")
        if answer.status_code == 401:
            assert answer["WWW-Authenticate"] == "Token"
    assert wrong == []


def test_open_control_lets_this_machine_in_and_nobody_else(settings, replay):
    settings.THROTTLE_FACTOR = 0
    here, elsewhere = client_of(None), client_of(None)
    for route in ROUTES:
        arguments = (route.method, filled(route), '{"¤": 1}', "application/json")
        from_here = here.generic(*arguments)
        assert from_here.status_code != 403, route
        if route.endpoint.needs is not Permission.ANYONE:
            assert from_here.status_code != 401, route
            for about in (
                {"REMOTE_ADDR": "192.0.2.7"},
                {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
                {"HTTP_FORWARDED": "for=x"},
            ):
                assert elsewhere.generic(*arguments, **about).status_code == 401, (route, about)


def test_a_signed_in_user_has_the_rights_of_the_role_also_where_control_is_open(replay):
    assert client_of("viewer").put("/api/agent/toggle?enabled=true").status_code == 403


def test_a_handler_that_declares_nothing_answers_nobody(closed, admin_user, rf):
    from rest_framework.response import Response

    from rest.views import View

    class Forgotten(View):
        def get(self, request):
            return Response("secret")

    request = rf.get("/", HTTP_HOST="127.0.0.1")
    request.user = admin_user
    assert Forgotten.as_view()(request).status_code in (401, 403)
