"""Rules, targets and deliveries over the API, in the admin and by command: checked whole, audited, without secrets."""

import json
from ipaddress import ip_network

import pytest
from django.core.management import CommandError, call_command

from access.models import AuditEntry
from agent.retention import Retention, configured, prune
from alerts import outbox, services
from alerts.models import Alert, Delivery, Rule, Target
from market.feeds import current_market
from market.models import Instrument

pytestmark = pytest.mark.django_db

MARKUP = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "'; DROP TABLE x; --"]


@pytest.fixture
def market(replay, db):
    """A market with a symbol, of which nothing was scored yet."""
    return Instrument.objects.create(market=current_market(), symbol="AAAUSDT").market


def rule(api, status=201, **given):
    body = {"name": "mine", "conditions": {"score_above": 0.75}} | given
    answer = api.post("/api/alerts/rules", body)
    assert answer.status_code == status, answer.content
    return answer.json()


def target(api, status=201, **given):
    answer = api.post("/api/alerts/targets", {"name": "hook", "kind": "webhook", "url": "https://8.8.8.8/x"} | given)
    assert answer.status_code == status, answer.content
    return answer.json()


def fault(answer):
    return [(one["attr"], one["code"]) for one in answer["errors"]]


def test_a_rule_is_stored_changed_and_deleted_with_its_trail(api, market):
    hook = target(api)
    made = rule(api, targets=[hook["id"]], quiet={"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"})
    assert made["conditions"] == {"score_above": 0.75, "hysteresis": 0.05}
    assert (made["watches"], made["trigger"], made["cooldown_s"], made["enabled"]) == ("signals", "enter", 3600, True)
    path = f"/api/alerts/rules/{made['id']}"
    assert api.get(path).json() == made
    changed = api.put(
        path, {"name": "yours", "conditions": {"symbols": ["aaa/usdt"], "advices": ["BUY", "BUY"]}}
    ).json()
    assert changed["conditions"] == {"symbols": ["AAAUSDT"], "advices": ["BUY"], "hysteresis": 0.05}
    assert changed["targets"] == [] and changed["quiet"] is None
    assert api.get("/api/alerts/rules").json()["rules"] == [changed]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    actions = list(
        AuditEntry.objects.filter(action__startswith="alert").order_by("pk").values_list("action", flat=True)
    )
    assert actions == ["alert.target.save", "alert.rule.save", "alert.rule.save", "alert.rule.delete"]
    assert AuditEntry.objects.get(action="alert.rule.delete").old["name"] == "yours"


@pytest.mark.parametrize(
    ("given", "attr", "code"),
    [
        ({"conditions": {}}, "conditions", "contradiction"),
        ({"conditions": {"score_above": 0.7, "advices": ["SELL"]}}, "conditions", "contradiction"),
        ({"conditions": {"score_above": 0.4, "score_below": 0.6}}, "conditions.score_above", "contradiction"),
        ({"conditions": {"score_above": 0.7, "exit_above": 0.9}}, "conditions.exit_above", "contradiction"),
        ({"conditions": {"score_above": 1.5}}, "conditions.score_above", "max_value"),
        ({"conditions": {"score_above": "0.7"}}, "conditions.score_above", "invalid"),
        ({"conditions": {"score_over": 0.7}}, "conditions.score_over", "unknown"),
        ({"conditions": {"advices": ["MAYBE"]}}, "conditions.advices.0", "invalid_choice"),
        ({"conditions": {"advices": []}}, "conditions.advices", "min_length"),
        ({"conditions": {"symbols": ["NOPEUSDT"], "score_above": 0.7}}, "conditions.symbols", "unknown_symbol"),
        (
            {"conditions": {"detectors": [{"name": "crystal", "direction": "BULLISH"}]}},
            "conditions.detectors.0.name",
            "invalid_choice",
        ),
        ({"quiet": {"start": "22:00", "end": "22:00"}}, "quiet.end", "contradiction"),
        ({"quiet": {"start": "25:00", "end": "07:00"}}, "quiet.start", "invalid"),
        ({"quiet": {"start": "22:00", "end": "07:00", "timezone": "Mars/Base"}}, "quiet.timezone", "unknown"),
        ({"digest_s": 5}, "digest_s", "min_value"),
        ({"cooldown_s": -1}, "cooldown_s", "min_value"),
        ({"targets": [12345]}, "targets", "unknown_target"),
        ({"title": "{{7*7}}"}, "title", "invalid_template"),
        ({"text": "{symbol.__class__}"}, "text", "invalid_template"),
        ({"name": "a\x1bb"}, "name", "invalid"),
        ({"name": ""}, "name", "blank"),
        ({"trigger": "sometimes"}, "trigger", "invalid_choice"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_field_and_changes_nothing(api, market, given, attr, code):
    assert fault(rule(api, 400, **given)) == [(attr, code)]
    assert not Rule.objects.exists() and not AuditEntry.objects.filter(action__startswith="alert").exists()


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_a_name_or_template_is_kept_as_text_and_escaped_in_the_admin(api, market, admin_client, text):
    made = rule(api, name=text[:60], title=text, text=text)
    assert (made["name"], made["title"]) == (text[:60], text)
    admin_client.defaults["HTTP_HOST"] = "127.0.0.1"
    for page in ("/admin/alerts/rule/", f"/admin/alerts/rule/{made['id']}/change/"):
        html = admin_client.get(page).content.decode()
        assert "<script>alert" not in html and "<img src=x" not in html


def test_there_are_so_many_rules_and_targets_and_no_more(api, market, monkeypatch):
    monkeypatch.setattr("alerts.api.MOST", 1)
    rule(api), target(api)
    assert fault(rule(api, 409, name="second")) == [(None, "too_many")]
    assert fault(target(api, 409, name="second")) == [(None, "too_many")]


def test_names_are_taken_once(api, market):
    rule(api), target(api)
    assert fault(rule(api, 409)) == [(None, "name_taken")]
    assert fault(target(api, 409)) == [(None, "name_taken")]


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://127.0.0.1/x"},
        {"url": "http://localhost:9/x"},
        {"url": "https://192.168.1.1/x"},
        {"url": "https://169.254.169.254/latest/meta-data"},
        {"url": "http://[::1]/"},
        {"url": "http://[::ffff:10.0.0.1]/"},
        {"url": "http://2130706433/"},
        {"url": "file:///etc/passwd"},
        {"url": "https://x y/"},
        {"url": "https://8.8.8.8/\r\nX-Evil: 1"},
        {"kind": "apprise", "url": "json://127.0.0.1/x"},
        {"kind": "apprise", "url": "mailto://user:pw@10.0.0.1"},
        {"kind": "apprise", "url": "syslog://"},
        {"kind": "apprise", "url": "nosuch://x"},
        {"kind": "apprise", "url": "tgram://"},
    ],
)
def test_a_target_inside_or_of_no_kind_is_refused(api, given):
    assert fault(target(api, 400, **given)) == [("url", "refused")]
    assert not Target.objects.exists()


def test_a_network_that_is_allowed_is_let_in(api, settings):
    settings.ALERTS_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    assert target(api, url="http://127.0.0.1:9/x")["address"] == "http://127.0.0.1:9/…"


def test_a_secret_is_shown_once_and_an_address_never(api):
    made = target(api, url="https://8.8.8.8/t0ken")
    assert made["secret"].startswith("whsec_")
    path = f"/api/alerts/targets/{made['id']}"
    assert "secret" not in api.get(path).json()
    assert "secret" not in api.put(path, {"name": "renamed"}).json()
    rotated = api.put(path, {"rotate_secret": True}).json()["secret"]
    assert rotated != made["secret"]
    own = "whsec_" + "QUJD" * 10
    assert api.put(path, {"secret": own}).json()["secret"] == own
    said = json.dumps([api.get("/api/alerts/targets").json(), api.get("/api/audit").json()])
    assert not [secret for secret in ("t0ken", made["secret"], rotated, own) if secret in said]
    telegram = target(api, name="chat", kind="apprise", url="tgram://123456789:abcdefg_hijklmnop/12315544/")
    assert "hijklmno" not in telegram["address"] and telegram["address"].startswith("tgram://")
    assert fault(target(api, 400, name="x", kind="apprise", url="ntfy://t", secret=own)) == [("secret", "invalid")]


def test_a_test_a_dead_letter_and_its_replay(api, market, receiver, loopback_allowed):
    hook = target(api, url=receiver.url)
    receiver.answers = [(410, {}), (200, {})]
    sent = api.post(f"/api/alerts/targets/{hook['id']}/test").json()
    assert (sent["kind"], sent["status"]) == ("test", "pending")
    outbox.work()
    page = api.get("/api/alerts/deliveries?status=dead").json()
    assert [one["id"] for one in page["results"]] == [sent["id"]]
    assert page["counts"] == {"pending": 0, "sent": 0, "dead": 1, "cancelled": 0}
    assert page["results"][0]["error"] == "answered 410: it is gone"
    assert api.get("/api/alerts/targets").json()["targets"][0]["failures"] == 1
    again = api.post(f"/api/alerts/deliveries/{sent['id']}/replay")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    assert api.post(f"/api/alerts/deliveries/{sent['id']}/replay").status_code == 409
    Target.objects.update(paused_until=None)
    outbox.work()
    detail = api.get(f"/api/alerts/deliveries/{sent['id']}").json()
    assert (detail["status"], detail["answer"]) == ("sent", 200)
    assert detail["message"] == receiver.got[1].json
    assert api.post("/api/alerts/deliveries/replay", {}).json() == {"replayed": 0}
    assert api.post("/api/alerts/deliveries/replay", {"target": 99}).status_code == 400


def test_what_was_found_is_listed_by_rule_and_symbol(api, play):
    first = rule(api, name="a", watches="scores", trigger="every", cooldown_s=0, conditions={})
    second = rule(api, name="b", watches="scores", conditions={"score_above": 0.999})
    play(3)
    rows = api.get("/api/alerts").json()["results"]
    assert {row["event"]["symbol"] for row in rows} >= {"AAAUSDT", "BBBUSDT"}
    assert {row["event"]["rule"] for row in rows} == {"a"}
    few = api.get(f"/api/alerts?symbol=aaa/usdt&rule={first['id']}").json()["results"]
    assert few == [row for row in rows if row["event"]["symbol"] == "AAAUSDT"]
    assert api.get(f"/api/alerts?rule={second['id']}").json()["results"] == []
    assert api.get("/api/alerts?limit=0").status_code == 400


def test_who_changes_what_another_has_deleted_is_told_so(api, market, monkeypatch):
    made, hook = rule(api), target(api)
    for module, kept in (("rule", Rule.objects.get()), ("target", Target.objects.get())):
        monkeypatch.setattr(f"alerts.api.{module}_or_404", lambda pk, kept=kept: kept)  # read before the other's commit
    Rule.objects.all().delete(), Target.objects.all().delete()
    assert api.put(f"/api/alerts/rules/{made['id']}", {"name": "x", "trigger": "every"}).status_code == 404
    assert api.put(f"/api/alerts/targets/{hook['id']}", {"enabled": False}).status_code == 404
    assert not Rule.objects.exists() and not Target.objects.exists()


def test_a_rule_tells_with_which_symbols_it_is_entered(api, play):
    made = rule(api, watches="scores", conditions={"score_above": 0.01})
    play(3)
    entered = api.get(f"/api/alerts/rules/{made['id']}").json()["entered"]
    assert entered == sorted(alert.symbol for alert in Alert.objects.all()) != []


def test_the_admin_turns_off_tests_and_replays_and_shows_no_secret(
    api, market, admin_client, receiver, loopback_allowed
):
    admin_client.defaults["HTTP_HOST"] = "127.0.0.1"
    made, hook = rule(api), target(api, url=receiver.url + "/t0ken")
    post = {"_selected_action": [made["id"]], "action": "turn_off"}
    assert admin_client.post("/admin/alerts/rule/", post).status_code == 302
    assert not Rule.objects.get().enabled
    post = {"_selected_action": [hook["id"]], "action": "test"}
    assert admin_client.post("/admin/alerts/target/", post).status_code == 302
    outbox.work()
    one = Delivery.objects.get(status="sent")
    post = {"_selected_action": [str(one.pk)], "action": "replay"}
    assert admin_client.post("/admin/alerts/delivery/", post).status_code == 302
    assert Delivery.objects.get().status == "pending"
    for page in ("target/", f"target/{hook['id']}/change/", "delivery/", f"delivery/{one.pk}/change/", "alert/"):
        html = admin_client.get(f"/admin/alerts/{page}")
        assert html.status_code == 200
        assert "t0ken" not in html.content.decode() and "gAAAA" not in html.content.decode()


def test_the_command_lists_tests_replays_and_sends(api, market, receiver, loopback_allowed, capsys):
    hook = target(api, url=receiver.url)
    rule(api, targets=[hook["id"]])
    call_command("alerts", "test", "hook")
    assert "hook took the test" in capsys.readouterr().out
    receiver.answers = [(410, {})]
    with pytest.raises(CommandError, match="answered 410"):
        call_command("alerts", "test", "hook")
    with pytest.raises(CommandError, match="there is no target 'nope'; there are: hook"):
        call_command("alerts", "test", "nope")
    with pytest.raises(CommandError, match="give the id"):
        call_command("alerts", "replay")
    capsys.readouterr()
    call_command("alerts", "list")
    shown = capsys.readouterr().out
    assert "mine" in shown and "1 sent, 1 dead" in shown
    call_command("alerts", "deliveries", "--status", "dead")
    dead = Delivery.objects.get(status="dead")
    assert str(dead.pk) in capsys.readouterr().out
    call_command("alerts", "replay", "--dead")
    receiver.answers = [(200, {})]
    Target.objects.update(paused_until=None)
    call_command("alerts", "send", "--once")
    call_command("alerts", "rekey")
    assert capsys.readouterr().out.splitlines() == [
        "1 put back into the outbox",
        "1 attempts",
        "1 targets are encrypted with the first key",
    ]
    assert Delivery.objects.get(pk=dead.pk).status == "sent"


def test_what_is_old_goes_but_not_what_waits(market, make_target):
    hook = make_target("https://8.8.8.8/")
    for _ in range(2):
        services.put_test(hook)
    Delivery.objects.update(created_ms=1)
    Delivery.objects.filter(pk=Delivery.objects.all()[0].pk).update(status="sent")
    Alert.objects.create(id="00000000-0000-4000-8000-000000000001", symbol="A", as_of=1, created_ms=1, event={})
    assert prune(Retention(0, 0, 0, 0, alert_days=90)) == {"deliveries": 1, "alerts": 1}
    assert [one.status for one in Delivery.objects.all()] == ["pending"]
    assert configured().alert_days == 90
