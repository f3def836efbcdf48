"""The audit trail: a row a change, none without one, and none that goes."""

import getpass

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.test import override_settings
from knox.models import AuthToken

from access import audit
from access.models import AppendOnly, AuditEntry
from access.roles import Role, give_role
from agent import services
from engine.catalogue import DETECTORS
from presets import services as presets

pytestmark = pytest.mark.django_db

EVEN = {name: 1.0 / len(DETECTORS) for name in DETECTORS}
TREND = dict.fromkeys(DETECTORS, 0.0) | {"trend": 1.0}


@pytest.fixture
def trail(closed):
    """Return a function that gives the rows since the test began."""
    services.agent_state()
    begun = AuditEntry.objects.count()
    return lambda: list(AuditEntry.objects.order_by("pk")[begun:])


def test_a_hundred_changes_are_a_hundred_rows_and_what_changes_nothing_is_none(trail):
    for i in range(25):
        services.toggle(i % 2 == 1)
        services.configure({"scan_interval_ms": 2000 + i})
        presets.save_preset("mine", EVEN if i % 2 else TREND, None, by=None)
        presets.activate_preset("mine" if i % 2 == 0 else "balanced")
    assert len(trail()) == 100
    services.toggle(False)
    services.configure({"scan_interval_ms": 2024})
    presets.save_preset("mine", TREND, None, by=None)
    presets.activate_preset("mine")
    assert len(trail()) == 100


def test_a_change_that_is_rolled_back_leaves_no_row(trail):
    for change in (
        lambda: services.toggle(False),
        lambda: services.configure({"scan_interval_ms": 5000}),
        lambda: presets.save_preset("mine", EVEN, None, by=None),
        lambda: presets.activate_preset("aggressive"),
        lambda: User.objects.create_user("new"),
    ):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            change()
            raise ZeroDivisionError
    assert trail() == []
    assert services.agent_state().enabled
    assert presets.active_version().preset.name == "balanced"


@pytest.mark.django_db(transaction=True)
def test_a_row_outside_of_a_transaction_is_refused():
    with pytest.raises(TransactionManagementError):
        audit.record("x", "y", None, None)


def test_a_row_says_who_when_from_where_and_what(trail, user_of, token_client):
    client = token_client(user_of("admin"))
    before = len(trail())
    client.put("/api/agent/toggle?enabled=false", REMOTE_ADDR="192.0.2.9")
    client.patch("/api/agent/config", {"scan_interval_ms": 9000, "rules": {"step": 0.3}})
    client.post("/api/config/weight-presets", {"name": "mine", "weights": EVEN})
    toggled, configured, saved = trail()[before:]
    assert (toggled.actor, toggled.source, toggled.action) == ("a-admin", "192.0.2.9", "agent.toggle")
    assert (toggled.old, toggled.new) == ({"enabled": True}, {"enabled": False})
    assert configured.old == {"rules": {}, "scan_interval_ms": 30_000}
    assert configured.new == {"rules": {"step": 0.3}, "scan_interval_ms": 9000}
    assert (saved.action, saved.object, saved.old, saved.new["weights"]) == ("preset.save", "preset mine", None, EVEN)


def test_the_actor_of_a_command_is_the_system_user(trail):
    call_command("agent", "off")
    assert (trail()[-1].actor, trail()[-1].source) == (f"system:{getpass.getuser()}", "command")


def test_a_change_without_signing_in_is_anonymous(replay, api):
    api.put("/api/agent/toggle?enabled=false")
    newest = AuditEntry.objects.first()
    assert (newest.actor, newest.source, newest.action) == ("anonymous", "127.0.0.1", "agent.toggle")


def test_behind_a_proxy_the_source_is_the_client_that_the_proxy_saw(trail, user_of, token_client):
    client = token_client(user_of("admin"))
    forwarded = {"HTTP_X_FORWARDED_FOR": "203.0.113.66, 198.51.100.7"}
    client.put("/api/agent/toggle?enabled=false", REMOTE_ADDR="192.0.2.1", **forwarded)
    assert trail()[-1].source == "192.0.2.1"  # a stranger's header is not believed
    with override_settings(TRUSTED_PROXIES=["192.0.2.1"]):
        client.put("/api/agent/toggle?enabled=true", REMOTE_ADDR="192.0.2.1", **forwarded)
    assert trail()[-1].source == "198.51.100.7"


def test_users_roles_and_tokens_are_audited_without_their_secrets(trail):
    user = User.objects.create_user("someone", password="a secret of theirs")
    give_role(user, Role.ADMIN)
    give_role(user, Role.VIEWER)
    user.set_password("another secret")
    user.save()
    AuthToken.objects.create(user)[0].delete()
    user.delete()
    actions = [row.action for row in trail()]
    assert actions[0] == "user.create"
    assert {"user.give", "user.take", "user.change", "token.create", "token.delete", "user.delete"} <= set(actions)
    stored = str([(row.object, row.old, row.new) for row in trail()])
    assert "secret" not in stored
    assert "md5$" not in stored


def test_log_in_and_log_out_are_audited(trail, user_of, api):
    user_of("viewer")
    api.post("/api/auth/login", {"username": "a-viewer", "password": "correct horse battery"})
    api.post("/api/auth/logout")
    assert [(r.action, r.actor) for r in trail()][-2:] == [("session.begin", "a-viewer"), ("session.end", "a-viewer")]


def test_the_trail_is_append_only(trail, admin_client):
    services.toggle(False)
    entry = AuditEntry.objects.latest("pk")
    entry.actor = "somebody else"
    for tamper in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="x"),
    ):
        with pytest.raises(AppendOnly):
            tamper()
    page = f"/admin/access/auditentry/{entry.pk}"
    host = {"HTTP_HOST": "127.0.0.1"}
    assert admin_client.get(f"{page}/change/", **host).status_code == 200
    assert admin_client.post(f"{page}/change/", {"actor": "x"}, **host).status_code == 403
    assert admin_client.post(f"{page}/delete/", {"post": "yes"}, **host).status_code == 403
    assert admin_client.get("/admin/access/auditentry/add/", **host).status_code == 403
    assert AuditEntry.objects.get(pk=entry.pk).actor.startswith("system:")


def test_admins_read_the_trail_in_pages_and_by_filter(trail, user_of, token_client):
    client = token_client(user_of("admin"))
    for i in range(6):
        client.put(f"/api/agent/toggle?enabled={'true' if i % 2 else 'false'}")
    seen, path = [], "/api/audit?limit=2&action=agent.toggle"
    while path:
        page = client.get(path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"]
    assert len(seen) == 6
    assert seen == sorted(seen, reverse=True)
    assert client.get("/api/audit?actor=nobody").json()["results"] == []
    assert client.get("/api/audit?colour=red").status_code == 400
    for method in (client.post, client.put, client.patch, client.delete):
        assert method("/api/audit", {}).status_code == 405
    assert token_client(user_of("operator")).get("/api/audit").status_code == 403
