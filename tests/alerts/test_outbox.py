"""What was found is delivered: once, under one id, whoever is killed, however the target behaves."""

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from alerts import outbox, services, vault
from alerts.models import Alert, Delivery, Rule, RuleState, Target, deliveries_by_status
from alerts.sender import Sender
from alerts.watching import watch
from engine.score import NO_LEVELS, Policy, SymbolScore, TimeframeScore, advice_of, direction_of
from market.models import Instrument, Market
from signals.models import Signal
from signals.scoring import SymbolResult

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_allowed")]

POLICY = Policy({"trend": 1.0}, act=0.15, min_confidence=0.3)
QUARTER = 900_000


@pytest.fixture
def market(db):
    one = Market.objects.create(key="made up", source="binance", position=0)
    for symbol in ("AAAUSDT", "BBBUSDT"):
        Instrument.objects.create(market=one, symbol=symbol)
    return one


class Series:
    """One scored series, as much of it as an alert tells of."""

    def __init__(self, score):
        self.score = TimeframeScore(score, 0.9, (), 0.01, 0.5)
        self.price = 100.0


def scored(market, score, at, symbol="AAAUSDT"):
    words = direction_of(score, POLICY), advice_of(score, 0.9, POLICY)
    series = Series(score)
    whole = SymbolScore(score, 0.9, 1.0, *words, "LOW", 0.01, 0.5, 0.02, 0.1, NO_LEVELS, {"1h": series.score}, ())
    instrument = Instrument.objects.get(market=market, symbol=symbol)
    return _Result(instrument, at * QUARTER, whole, {"1h": series}, {})


class _Result(SymbolResult):
    price = 100.0


def look(market, *scores, start=0, symbol="AAAUSDT"):
    """Let the rules watch these scores of a symbol, one close after the other."""
    found = []
    for n, score in enumerate(scores):
        with transaction.atomic():
            found += watch(market, [scored(market, score, start + n, symbol)], [], POLICY, "balanced")
    return found


def later(seconds):
    """Let time pass for what waits in the outbox."""
    past = timedelta(seconds=seconds)
    for one in Delivery.objects.all():
        Delivery.objects.filter(pk=one.pk).update(
            due_at=one.due_at - past, lease_until=one.lease_until and one.lease_until - past
        )
    for one in Target.objects.exclude(paused_until=None):
        Target.objects.filter(pk=one.pk).update(paused_until=one.paused_until - past)


ABOVE = {"watches": "scores", "conditions": {"score_above": 0.75}}


def test_a_score_that_flickers_around_the_threshold_a_hundred_times_sends_one(market, receiver, make_target, make_rule):
    make_rule(make_target(receiver.url), **ABOVE)
    look(market, *[0.74, 0.76] * 100)
    while outbox.work():
        continue
    assert len(receiver.got) == 1
    assert receiver.got[0].json["alerts"][0]["score"] == 0.76


def test_each_stored_signal_is_told_once_by_a_rule_that_tells_every_one(play, make_rule, receiver, make_target):
    make_rule(make_target(receiver.url), trigger="every", cooldown_s=0)
    signals = play(25)
    assert len(signals) > 3
    while outbox.work():
        continue
    told = [one.json["alerts"][0]["signal"]["id"] for one in receiver.got]
    assert sorted(told) == sorted(str(signal.pk) for signal in signals)
    assert len({one.headers["webhook-id"] for one in receiver.got}) == len(told)
    one = receiver.got[0].json["alerts"][0]
    stored = Signal.objects.get(pk=one["signal"]["id"])
    assert [one[name] for name in ("score", "ts", "price")] == [stored.score, stored.as_of, stored.price]
    assert receiver.got[0].json["title"].startswith("[REPLAY] ")


def test_a_scan_that_is_rolled_back_leaves_nothing_to_send(play, make_rule, receiver, make_target, monkeypatch):
    from agent import cycle

    make_rule(make_target(receiver.url), trigger="every", cooldown_s=0)
    make_rule(name="entered", watches="scores", conditions={"score_above": 0.01, "hysteresis": 0.0})
    with monkeypatch.context() as broken:
        broken.setattr(cycle, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            play(1)
    assert not Signal.objects.exists()
    assert not Alert.objects.exists() and not Delivery.objects.exists() and not RuleState.objects.exists()


def test_the_ids_follow_from_what_was_found(market, make_target, make_rule):
    rule, target = make_rule(make_target("http://127.0.0.1:9/"), **ABOVE), Target.objects.get()
    (alert,) = look(market, 0.8)
    assert alert.pk == uuid.uuid5(market.epoch, f"alert:{rule.pk}:1:AAAUSDT:0")
    assert Delivery.objects.get().pk == uuid.uuid5(alert.pk, f"target:{target.pk}")
    RuleState.objects.all().delete()  # as if the state had been lost
    look(market, 0.8)
    assert Alert.objects.count() == Delivery.objects.count() == 1


def test_what_a_killed_sender_had_in_hand_the_next_one_sends(market, receiver, make_target, make_rule):
    make_rule(make_target(receiver.url), **ABOVE)
    look(market, 0.8)
    (in_hand,) = outbox.take(1)
    assert outbox.work() == []
    later(61)
    outbox.work()
    assert [one.headers["webhook-id"] for one in receiver.got] == [str(in_hand.pk)]
    outbox.store(in_hand, outbox.Result(error="it was not dead after all", final=True))
    assert Delivery.objects.get().status == "sent"


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_failure_is_tried_again_ever_later_until_it_is_given_up(market, receiver, make_target, make_rule, status):
    make_rule(make_target(receiver.url), **ABOVE)
    receiver.answers = [(status, {"Location": receiver.url + "/elsewhere"})]
    look(market, 0.8)
    waits = []
    for _ in range(outbox.ATTEMPTS):
        outbox.work()
        assert outbox.work() == []
        waits.append((Delivery.objects.get().due_at - timezone.now()).total_seconds())
        later(10_000)
    one = Delivery.objects.get()
    assert (one.status, one.attempts, one.answer) == ("dead", outbox.ATTEMPTS, status)
    assert f"answered {status}" in one.error
    assert waits[:5] == sorted(waits[:5]) and waits[0] > 3
    assert {r.headers["webhook-id"] for r in receiver.got} == {str(one.pk)}
    assert {r.path for r in receiver.got} == {"/"}
    assert len({r.body for r in receiver.got}) == 1


def test_429_is_honoured_for_all_that_is_for_the_target(market, receiver, make_target, make_rule):
    make_rule(make_target(receiver.url), trigger="every", cooldown_s=0, **ABOVE)
    receiver.answers = [(429, {"Retry-After": "120"}), (200, {})]
    look(market, 0.8, 0.8)
    outbox.work()
    assert len(receiver.got) == 1
    for _ in range(2):
        assert outbox.work() == []
        later(55)
    later(11)
    while outbox.work():
        continue
    assert [one.status for one in Delivery.objects.all()] == ["sent", "sent"]
    assert Target.objects.get().failures == 0


def test_retry_after_may_be_a_date_and_nonsense_is_none():
    from email.utils import format_datetime

    from alerts.webhooks import wait_of

    assert 50 < wait_of(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)) <= 60
    assert wait_of(format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)) == 0.0
    assert [wait_of(text) for text in ("soon", "-5", "", None, "Mon, 99 Foo 2026", "1e9")] == [None] * 6


def test_410_ends_it_at_once_and_a_replay_sends_the_same_id(market, receiver, make_target, make_rule):
    make_rule(make_target(receiver.url), **ABOVE)
    receiver.answers = [(410, {}), (200, {})]
    look(market, 0.8)
    outbox.work()
    assert Delivery.objects.get().status == "dead"
    assert services.replay_dead() == 1
    Target.objects.update(paused_until=None)
    outbox.work()
    assert deliveries_by_status() == {"pending": 0, "sent": 1, "dead": 0, "cancelled": 0}
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_target_that_fails_holds_up_no_other(market, receiver, make_target, make_rule):
    good, bad = make_target(receiver.url), make_target("http://127.0.0.1:9/", name="closed")
    make_rule(bad, good, trigger="every", cooldown_s=0, **ABOVE)
    look(market, *[0.8] * 6)
    while outbox.work():
        continue
    assert len(receiver.got) == 6
    assert Delivery.objects.filter(target=bad, attempts__gt=0).count() == 1
    assert "no answer" in Delivery.objects.get(target=bad, attempts=1).error


def test_a_digest_and_quiet_hours_make_one_message(market, receiver, make_target, make_rule, monkeypatch):
    now = datetime(2024, 3, 30, 23, 30, tzinfo=UTC)  # 00:30 in Berlin, in the night in which its clocks change
    target = make_target(receiver.url)
    make_rule(target, trigger="every", cooldown_s=0, digest_s=600, **ABOVE)
    quiet = {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"}
    make_rule(target, name="night", trigger="every", cooldown_s=0, quiet=quiet, **ABOVE)
    monkeypatch.setattr(timezone, "now", lambda: now)
    look(market, 0.8, 0.81, 0.82)
    look(market, 0.9, symbol="BBBUSDT")
    due = {one.due_at: one for one in Delivery.objects.all()}
    assert set(due) == {datetime(2024, 3, 30, 23, 40, tzinfo=UTC), datetime(2024, 3, 31, 5, 0, tzinfo=UTC)}
    assert outbox.work() == []
    monkeypatch.setattr(timezone, "now", lambda: datetime(2024, 3, 31, 5, 0, tzinfo=UTC))
    while outbox.work():
        continue
    assert [one.json["count"] for one in receiver.got] == [4, 4]
    assert receiver.got[0].json["title"] == "4 alerts"
    assert [a["symbol"] for a in receiver.got[0].json["alerts"]] == ["AAAUSDT", "BBBUSDT", "AAAUSDT", "AAAUSDT"]


def test_what_comes_too_late_for_a_digest_goes_by_itself(market, receiver, make_target, make_rule):
    make_rule(make_target(receiver.url), trigger="every", cooldown_s=0, digest_s=86_400, **ABOVE)
    look(market, 0.8)
    later(90_000)
    digest = Delivery.objects.get()
    assert outbox.take(1) == [digest]
    look(market, 0.8, start=1)
    alone = Delivery.objects.exclude(pk=digest.pk).get()
    assert (alone.kind, alone.alerts.count(), digest.alerts.count()) == ("alert", 1, 1)


def test_while_only_tests_may_go_alerts_wait(market, receiver, make_target, make_rule):
    target = make_target(receiver.url)
    make_rule(target, **ABOVE)
    look(market, 0.8)
    services.put_test(target)
    for one in outbox.take(4, tests_only=True):
        outbox.attempt(one)
    assert [one.json["type"] for one in receiver.got] == ["test"]
    outbox.work()
    assert [one.json["type"] for one in receiver.got] == ["test", "alert"]


def test_what_waits_for_a_deleted_target_is_cancelled_and_seen(market, make_target, make_rule):
    target = make_target("http://127.0.0.1:9/")
    make_rule(target, **ABOVE)
    look(market, 0.8)
    assert services.delete_target(target) == 1
    one = Delivery.objects.get()
    assert (one.status, one.target_name, one.error) == ("cancelled", "phone", "its target was deleted")
    with pytest.raises(services.NotReplayable):
        services.replay(one)
    assert Rule.objects.get().targets.count() == 0


def test_a_rule_that_asks_anew_forgets_where_it_stood_and_one_that_is_renamed_does_not(market, make_rule):
    rule = make_rule(**ABOVE, cooldown_s=0)
    assert len(look(market, 0.8)) == 1
    rule = services.save_rule(rule, {"name": "renamed"}, None)
    assert look(market, 0.8, start=1) == []
    services.save_rule(rule, {"conditions": {"score_above": 0.7, "hysteresis": 0.05}}, None)
    assert len(look(market, 0.8, start=2)) == 1


def test_a_key_that_was_lost_is_said_and_an_older_key_still_reads(market, receiver, make_target, make_rule, settings):
    from cryptography.fernet import Fernet

    make_rule(make_target(receiver.url), trigger="every", cooldown_s=0, **ABOVE)
    former = settings.ALERTS_KEYS
    look(market, 0.8)
    settings.ALERTS_KEYS = [Fernet.generate_key().decode(), *former]
    outbox.work()
    assert Delivery.objects.get().status == "sent"
    assert services.reseal_all() == 1
    settings.ALERTS_KEYS = former
    look(market, 0.8, start=1)
    outbox.work()
    dead = Delivery.objects.get(status="dead")
    assert "ALERTS_KEY" in dead.error


def test_no_secret_lies_in_the_database_in_the_clear(make_target):
    target = make_target("https://user:pa55word@8.8.8.8/t0ken")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alerts_target")
        stored = repr(cursor.fetchall())
        cursor.execute("SELECT * FROM access_auditentry")
        stored += repr(cursor.fetchall())
    for secret in ("t0ken", "pa55word", target.secret.removeprefix("whsec_")):
        assert secret not in stored
    assert vault.unseal(target.sealed) == {"url": "https://user:pa55word@8.8.8.8/t0ken", "secret": target.secret}


def test_a_second_scan_of_other_symbols_does_not_touch_the_first_ones_state(market, make_rule):
    make_rule(**ABOVE)
    assert len(look(market, 0.8)) == 1
    assert len(look(market, 0.8, symbol="BBBUSDT")) == 1
    assert look(market, 0.8, start=1) == []


def test_a_rule_that_cannot_be_applied_stops_neither_the_others_nor_the_scan(market, make_rule, caplog):
    broken = make_rule(name="broken", **ABOVE)
    make_rule(name="sound", **ABOVE)
    Rule.objects.filter(pk=broken.pk).update(conditions={"of": "another version"})
    assert [alert.rule_name for alert in look(market, 0.8)] == ["sound"]
    assert "rule broken" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_sender_works_beside_a_server_and_sends_tests_alone_while_the_agent_is_off(
    market, receiver, make_target, make_rule
):
    target = make_target(receiver.url)
    make_rule(target, **ABOVE)
    look(market, 0.8)
    services.put_test(target)
    on = threading.Event()
    sender = Sender(may_send=on.is_set)
    sender.start()
    try:
        until(lambda: Delivery.objects.filter(kind="test", status="sent").exists())
        assert [one.json["type"] for one in receiver.got] == ["test"]
        on.set()
        until(lambda: Delivery.objects.filter(kind="alert", status="sent").exists())
    finally:
        sender.stop()
    assert [one.json["type"] for one in receiver.got] == ["test", "alert"]


def until(look_for):
    """Wait for what another thread is doing; nothing here is about speed."""
    patience = time.monotonic() + 30
    while not look_for():
        assert time.monotonic() < patience, "it did not happen in time"
        time.sleep(0.02)


def test_a_rule_on_a_detector_finds_the_symbols_whose_stored_components_say_so(play, make_rule):
    leaning = [{"name": "momentum", "direction": "BULLISH", "min_score": 0.65, "timeframe": "5m"}]
    make_rule(trigger="every", cooldown_s=0, conditions={"detectors": leaning})
    expected, others = set(), set()
    for signal in play(25):
        (said,) = [one for one in signal.timeframes["5m"]["components"] if one["name"] == "momentum"]
        (expected if said["confidence"] > 0 and said["score"] >= 0.65 else others).add(str(signal.pk))
    assert expected and others
    assert {alert.event["signal"]["id"] for alert in Alert.objects.all()} == expected
