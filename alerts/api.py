"""Rules, targets, what was found, and what became of each message."""

import uuid
from typing import Any

from django.db import IntegrityError
from django.db.models import Prefetch
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import outbox, services, shapes
from alerts.fields import AlertQuery, DeliveryQuery, ReplayBody, RuleBody, TargetBody, TargetUpdateBody
from alerts.models import Alert, Delivery, Rule, RuleState, Target, deliveries_by_status
from market.feeds import current_market
from market.models import Instrument
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import Conflict, invalid
from rest.pages import Pages
from rest.symbols import normalise
from rest.views import View

NAME_TAKEN = "the name is taken, or there are as many as there may be"
MOST = 200  # rules, and targets: each scan applies every rule to every symbol


def _require_room(model: type[Rule] | type[Target]) -> None:
    if model._default_manager.count() >= MOST:
        raise Conflict(f"there are {MOST} already, which is as many as there may be", code="too_many")


def rule_json(rule: Rule, entered: dict[int, list[str]]) -> dict[str, Any]:
    said = services.rule_said(rule)
    targets = [target.pk for target in rule.targets.all()]
    return {"id": rule.pk, **said, "targets": targets, "entered": entered.get(rule.pk, [])}


def entered_symbols() -> dict[int, list[str]]:
    """Return by rule the symbols that it is entered with now."""
    found: dict[int, list[str]] = {}
    rows = RuleState.objects.exclude(holds=None).order_by("instrument__symbol")
    for rule, symbol in rows.values_list("rule_id", "instrument__symbol"):
        found.setdefault(rule, []).append(symbol)
    return found


def target_json(target: Target, secret: str | None = None) -> dict[str, Any]:
    told = {
        "id": target.pk,
        **services.target_said(target),
        "failures": target.failures,
        "paused_until": _iso(target.paused_until),
    }
    return told | ({"secret": secret} if secret else {})


def delivery_json(one: Delivery) -> dict[str, Any]:
    titles = [alert.title for alert in one.alerts.all()]
    return {
        "id": str(one.pk),
        "kind": one.kind,
        "status": one.status,
        "target": one.target_id,
        "target_name": one.target_name,
        "created": one.created_ms,
        "due": _iso(one.due_at),
        "attempts": one.attempts,
        "sent_at": _iso(one.sent_at),
        "answer": one.answer,
        "error": one.error,
        "title": titles[0] if len(titles) == 1 else f"{len(titles)} alerts" if titles else outbox.TEST_TITLE,
        "count": len(titles),
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def rule_or_404(rule_id: int) -> Rule:
    rule = Rule.objects.prefetch_related("targets").filter(pk=rule_id).first()
    if rule is None:
        raise Http404(f"there is no rule {rule_id}")
    return rule


def target_or_404(target_id: int) -> Target:
    target = Target.objects.filter(pk=target_id).first()
    if target is None:
        raise Http404(f"there is no target {target_id}")
    return target


def delivery_or_404(delivery_id: uuid.UUID) -> Delivery:
    one = Delivery.objects.select_related("target").prefetch_related("alerts").filter(pk=delivery_id).first()
    if one is None:
        raise Http404(f"there is no delivery {delivery_id}")
    return one


def _save_rule(rule: Rule, body: dict[str, Any]) -> Rule:
    """Store a checked body. Raises ValidationError for a symbol or target that is not there, Conflict for a name."""
    wanted = body.pop("targets")
    targets = list(Target.objects.filter(pk__in=wanted))
    unknown = set(wanted) - {target.pk for target in targets}
    if unknown:
        raise invalid("targets", f"there is no target {min(unknown)}", "unknown_target")
    symbols = body["conditions"].get("symbols", [])
    known = Instrument.objects.filter(market=current_market(), symbol__in=symbols).values_list("symbol", flat=True)
    strangers = sorted(set(symbols) - set(known))
    if strangers:
        raise invalid("conditions.symbols", f"{strangers[0]} is no symbol of this market", "unknown_symbol")
    try:
        return rule_or_404(services.save_rule(rule, body, targets).pk)
    except Rule.DoesNotExist as error:
        raise Http404("the rule was deleted meanwhile") from error
    except IntegrityError as error:
        raise Conflict(f"there is a rule {body['name']} already", code="name_taken") from error


def _save_target(target: Target, changes: dict[str, Any]) -> str | None:
    try:
        return services.save_target(target, changes)
    except Target.DoesNotExist as error:
        raise Http404("the target was deleted meanwhile") from error
    except IntegrityError as error:
        raise Conflict(f"there is a target {changes['name']} already", code="name_taken") from error


class RulesView(View):
    """What is watched for. A rule is told when its conditions begin to hold for a symbol."""

    @endpoint(Permission.READ, shapes.AlertRuleList)
    def get(self, request: Request) -> Response:
        entered = entered_symbols()
        return Response({"rules": [rule_json(r, entered) for r in Rule.objects.prefetch_related("targets")]})

    @endpoint(Permission.ALERTS, body=RuleBody, answers={201: shapes.AlertRule}, refuses={409: NAME_TAKEN})
    def post(self, request: Request) -> Response:
        body = self.body(RuleBody)
        _require_room(Rule)
        return Response(rule_json(_save_rule(Rule(), body), {}), status=201)


class RuleView(View):
    """One rule. PUT replaces it whole; it forgets where it stood when it asks for something else."""

    @endpoint(Permission.READ, shapes.AlertRule)
    def get(self, request: Request, rule_id: int) -> Response:
        return Response(rule_json(rule_or_404(rule_id), entered_symbols()))

    @endpoint(Permission.ALERTS, shapes.AlertRule, body=RuleBody, refuses={409: NAME_TAKEN})
    def put(self, request: Request, rule_id: int) -> Response:
        rule = _save_rule(rule_or_404(rule_id), self.body(RuleBody))
        return Response(rule_json(rule, entered_symbols()))

    @endpoint(Permission.ALERTS, answers={204: None})
    def delete(self, request: Request, rule_id: int) -> Response:
        services.delete_rule(rule_or_404(rule_id))
        return Response(status=204)


class TargetsView(View):
    """Whom it is told. An address and a signing secret are kept encrypted and never shown again."""

    @endpoint(Permission.READ, shapes.AlertTargetList)
    def get(self, request: Request) -> Response:
        return Response({"targets": [target_json(target) for target in Target.objects.all()]})

    @endpoint(Permission.TARGETS, body=TargetBody, answers={201: shapes.AlertTarget}, refuses={409: NAME_TAKEN})
    def post(self, request: Request) -> Response:
        target, body = Target(), self.body(TargetBody)
        _require_room(Target)
        secret = _save_target(target, body)
        return Response(target_json(target, secret), status=201)


class TargetView(View):
    """One target. PUT changes what it names."""

    @endpoint(Permission.READ, shapes.AlertTarget)
    def get(self, request: Request, target_id: int) -> Response:
        return Response(target_json(target_or_404(target_id)))

    @endpoint(Permission.TARGETS, shapes.AlertTarget, body=TargetUpdateBody, refuses={409: NAME_TAKEN})
    def put(self, request: Request, target_id: int) -> Response:
        target = target_or_404(target_id)
        checked = TargetUpdateBody(data=request.data, kind=target.kind)  # what is an address depends on the kind
        checked.is_valid(raise_exception=True)
        secret = _save_target(target, checked.validated_data)
        return Response(target_json(target, secret))

    @endpoint(Permission.TARGETS, answers={204: None})
    def delete(self, request: Request, target_id: int) -> Response:
        services.delete_target(target_or_404(target_id))
        return Response(status=204)


class TestView(View):
    """Send a test to a target. The answer comes at once; the delivery tells how it went."""

    @endpoint(Permission.ALERTS, answers={202: shapes.DeliveryRow})
    def post(self, request: Request, target_id: int) -> Response:
        return Response(delivery_json(services.put_test(target_or_404(target_id))), status=202)


class AlertsView(View):
    """What was found, newest first, whether or not anybody was told."""

    query_serializer = AlertQuery

    @endpoint(Permission.READ, shapes.AlertPage)
    def get(self, request: Request) -> Response:
        wanted = {}
        if "rule" in self.query:
            wanted["rule"] = self.query["rule"]
        if "symbol" in self.query:
            wanted["symbol"] = normalise(self.query["symbol"])
        pages = Pages("-created_ms", "-id")
        page = pages.paginate_queryset(Alert.objects.filter(**wanted), request, self)
        return pages.get_paginated_response([_alert_row(alert) for alert in page])


def _alert_row(alert: Alert) -> dict[str, Any]:
    return {
        "id": str(alert.pk),
        "created": alert.created_ms,
        "title": alert.title,
        "text": alert.text,
        "event": alert.event,
    }


class DeliveriesView(View):
    """Every message of the outbox, newest first; ``counts`` of all by status. ``status=dead``: the dead letters."""

    query_serializer = DeliveryQuery

    @endpoint(Permission.READ, shapes.DeliveryPage)
    def get(self, request: Request) -> Response:
        wanted = {name: self.query[name] for name in ("status", "target") if name in self.query}
        pages = Pages("-created_ms", "-id")
        rows = Delivery.objects.filter(**wanted).prefetch_related(Prefetch("alerts", Alert.objects.only("title")))
        page = pages.paginate_queryset(rows, request, self)
        answer = pages.get_paginated_response([delivery_json(one) for one in page])
        answer.data["counts"] = deliveries_by_status()
        return answer


class DeliveryView(View):
    """One message with what it says."""

    @endpoint(Permission.READ, shapes.DeliveryDetail)
    def get(self, request: Request, delivery_id: uuid.UUID) -> Response:
        one = delivery_or_404(delivery_id)
        return Response(delivery_json(one) | {"message": outbox.message_of(one)})


class ReplayView(View):
    """Send a message again that was sent or given up: the same content under the same id."""

    @endpoint(Permission.ALERTS, answers={202: shapes.DeliveryRow}, refuses={409: "it waits to be sent anyway"})
    def post(self, request: Request, delivery_id: uuid.UUID) -> Response:
        try:
            one = services.replay(delivery_or_404(delivery_id))
        except services.NotReplayable as error:
            raise Conflict(str(error), code="not_replayable") from error
        return Response(delivery_json(one), status=202)


class ReplayDeadView(View):
    """Send every dead letter again, or those of one target."""

    @endpoint(Permission.ALERTS, answers={202: shapes.Replayed}, body=ReplayBody)
    def post(self, request: Request) -> Response:
        wanted = self.body(ReplayBody).get("target")
        target = None
        if wanted is not None:
            target = Target.objects.filter(pk=wanted).first()
            if target is None:
                raise invalid("target", f"there is no target {wanted}", "unknown_target")
        return Response({"replayed": services.replay_dead(target)}, status=202)
