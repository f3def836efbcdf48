"""Sessions, tokens, CSRF, and how often one may try."""

import threading

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections
from knox.models import AuthToken
from rest_framework.test import APIClient

from access.models import Tries
from access.roles import role_of
from access.throttles import count_exactly
from tests.access.conftest import PASSWORD
from tests.scale import tries

pytestmark = pytest.mark.django_db


def browser():
    """Return a client that is checked like a browser."""
    return APIClient(HTTP_HOST="127.0.0.1:8000", enforce_csrf_checks=True)


def login(client, name, password=PASSWORD, **more):
    return client.post("/api/auth/login", {"username": name, "password": password}, **more)


def test_a_session_opens_what_the_role_may_and_ends_with_log_out(closed, user_of):
    user_of("operator")
    client = browser()
    assert client.get("/api/agent/status").status_code == 401
    me = login(client, "a-operator").json()
    assert (me["user"], me["role"], me["open_control"]) == ("a-operator", "operator", False)
    assert me["permissions"] == ["read", "toggle", "scan", "backtest", "risk", "alerts"]
    assert client.get("/api/auth/me").json() == me
    assert client.get("/api/agent/status").status_code == 200
    csrf = {"HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value}
    assert client.put("/api/agent/toggle", {"enabled": True}, **csrf).status_code == 200
    assert client.put("/api/agent/config", {}, **csrf).status_code == 403
    assert client.post("/api/auth/logout", **csrf).status_code == 204
    assert client.get("/api/agent/status").status_code == 401
    assert client.get("/api/auth/me").json()["user"] is None


@pytest.mark.parametrize(
    ("header", "cookie", "passes"),
    [
        ("right", True, True),
        (None, True, False),
        ("", True, False),
        ("wrong", True, False),
        ("x" * 32, True, False),
        ("x" * 64, True, False),
        ("right", False, False),
        ("<script>", True, False),
    ],
)
@pytest.mark.parametrize("path", ["/api/agent/toggle", "/api/config/weights", "/api/auth/logout"])
def test_a_write_of_a_session_needs_its_csrf_token(closed, user_of, header, cookie, passes, path):
    user_of("admin")
    client = browser()
    login(client, "a-admin")
    token = client.cookies["csrftoken"].value
    if not cookie:
        del client.cookies["csrftoken"]
    sent = {} if header is None else {"HTTP_X_CSRFTOKEN": token if header == "right" else header}
    method = client.post if path.endswith("logout") else client.put
    status = method(path, {}, **sent).status_code
    assert (status != 403) is passes


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:8000"])
def test_a_foreign_page_cannot_log_in_or_write_whatever_it_sends_along(closed, user_of, origin):
    user_of("admin")
    client = browser()
    assert login(client, "a-admin", HTTP_ORIGIN=origin).status_code == 403
    login(client, "a-admin")
    sent = {"HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value, "HTTP_ORIGIN": origin}
    assert client.put("/api/agent/toggle", {"enabled": False}, **sent).status_code == 403


def test_a_token_is_made_from_a_password_used_and_revoked(closed, user_of, api):
    user_of("viewer")
    made = api.post("/api/auth/token", {"username": "a-viewer", "password": PASSWORD})
    assert made.status_code == 200
    assert made.json()["token"] not in str(AuthToken.objects.values())  # only its digest is kept
    api.credentials(HTTP_AUTHORIZATION=f"Token {made.json()['token']}")
    assert api.get("/api/agent/status").status_code == 200
    assert api.post("/api/auth/token/revoke").status_code == 204
    assert api.get("/api/agent/status").status_code == 401


BAD_TOKENS = ["", "x", "a b", "0" * 64, "é" * 20, "\udcff".encode("utf8", "surrogatepass").decode("latin1"), "'; --"]


@pytest.mark.parametrize("token", BAD_TOKENS)
def test_a_token_that_is_none_is_401_also_where_control_is_open(replay, api, token):
    answer = api.get("/api/agent/status", HTTP_AUTHORIZATION=f"Token {token}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"


def test_a_tampered_token_is_401(closed, user_of, token_client):
    client = token_client(user_of("viewer"))
    assert client.get("/api/agent/status").status_code == 200
    for wrong in (client.token[:-1], client.token[:-1] + "0z", client.token + "F", client.token[::-1]):
        stranger = APIClient(HTTP_HOST="127.0.0.1")
        assert stranger.get("/api/agent/status", HTTP_AUTHORIZATION=f"Token {wrong}").status_code == 401
    User.objects.update(is_active=False)
    assert client.get("/api/agent/status").status_code == 401


def test_a_wrong_password_and_an_unknown_name_read_the_same(closed, user_of, api):
    user_of("viewer")
    answers = [login(api, *pair) for pair in (("a-viewer", "wrong"), ("nobody", "wrong"), ("a\x00b", "wrong"))]
    assert [a.status_code for a in answers[:2]] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert answers[2].status_code in (400, 401)


@pytest.mark.parametrize(
    "body",
    [{}, [], 3, {"username": "x"}, {"username": {"a": 1}, "password": "x"}, {"username": "x", "password": ["x"]},
     {"username": "x" * 151, "password": "x"}, {"username": "x", "password": "x" * 129},
     {"username": "x", "password": "x", "role": "admin"}],
)  # fmt: skip
def test_a_malformed_log_in_is_400_and_opens_nothing(closed, api, body):
    for path in ("/api/auth/login", "/api/auth/token"):
        assert api.post(path, body).status_code == 400
    assert api.get("/api/agent/status").status_code == 401


def test_of_any_number_of_tries_to_log_in_a_hundred_reach_the_password(closed, user_of, api, monkeypatch, time_machine):
    time_machine.move_to("2026-11-22T12:00:00Z", tick=False)
    user_of("admin")
    tried = []
    monkeypatch.setattr("access.api.authenticate", lambda request, **given: tried.append(given) or None)
    statuses, count = {}, tries(1000, 10_000)
    for i in range(count):
        answer = login(api, f"user-{i % 100}", f"guess-{i}")
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert statuses == {401: 100, 429: count - 100}
    assert len(tried) == 100
    assert 0 < int(answer["Retry-After"]) <= 300
    assert login(api, "a-admin").status_code == 429
    assert login(api, "a-admin", REMOTE_ADDR="192.0.2.1").status_code == 401  # another address still may
    time_machine.shift(301)
    assert login(api, "a-admin").status_code == 401
    assert Tries.objects.count() < 250


def test_one_name_is_tried_ten_times_from_one_address(closed, api, time_machine):
    time_machine.move_to("2026-11-22T12:00:00Z", tick=False)
    assert [login(api, "someone").status_code for _ in range(12)] == [401] * 10 + [429] * 2


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_the_limit_is_let_through(time_machine):
    time_machine.move_to("2026-11-22T12:00:00Z", tick=False)
    let_through = []

    def attempt():
        try:
            for _ in range(10):
                let_through.append(count_exactly(("test",), 25, 60))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(let_through), sum(let_through)) == (80, 25), connection.vendor


def test_the_switch_is_counted_by_role_and_says_when_to_come_back(closed, user_of, token_client, time_machine):
    time_machine.move_to("2026-11-22T12:00:00Z", tick=False)
    closed.THROTTLE_FACTOR = 1
    closed.THROTTLES = closed.THROTTLES | {"operator": {"read": 5, "change": 3}}
    client, other = token_client(user_of("operator")), token_client(user_of("operator", "another"))
    statuses = [client.put("/api/agent/toggle?enabled=true").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    refused = client.put("/api/agent/toggle?enabled=true")
    assert refused["Retry-After"] == "60"
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert other.put("/api/agent/toggle?enabled=true").status_code == 200
    assert [client.get("/api/agent/status").status_code for _ in range(6)] == [200] * 5 + [429]
    assert client.get("/api/metrics").status_code == 200  # another path


def test_create_token_makes_a_user_with_a_role_and_prints_the_token_alone(closed, api, capsys):
    call_command("create_token", "robot", "--role", "operator", "--days", "3")
    token = capsys.readouterr().out.strip()
    api.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    me = api.get("/api/auth/me").json()
    assert (me["user"], me["role"]) == ("robot", "operator")
    assert not User.objects.get(username="robot").has_usable_password()
    call_command("create_token", "robot", "--role", "viewer")
    assert role_of(User.objects.get(username="robot")) == "viewer"


@pytest.mark.parametrize(
    "arguments",
    [["robot"], ["robot", "--role", "king"], ["a b<script>", "--role", "viewer"], ["", "--role", "viewer"],
     ["x" * 151, "--role", "viewer"], ["robot", "--role", "viewer", "--days", "0"]],
)  # fmt: skip
def test_create_token_refuses_by_name_and_makes_nothing(closed, arguments):
    with pytest.raises(CommandError):
        call_command("create_token", *arguments)
    assert not User.objects.exists()
    assert not AuthToken.objects.exists()


def test_a_body_beyond_a_mebibyte_is_413_and_a_huge_header_no_failure(api, replay):
    answer = api.put("/api/config/weights", b'{"a": "' + b"x" * 1024 * 1024 + b'"}', content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_large")
    deep = api.put("/api/config/weights", "[" * 100_000, content_type="application/json")
    assert deep.status_code == 400
    for header in ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_X_CSRFTOKEN", "HTTP_ACCEPT", "HTTP_X_FORWARDED_FOR"):
        assert api.get("/api/agent/status", **{header: "x" * 100_000}).status_code < 500
