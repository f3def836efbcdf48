"""Rules and targets as input."""

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts import apprise_services, webhooks
from alerts.conditions import HYSTERESIS, Conditions, contradiction
from alerts.messages import template_problem
from alerts.models import Delivery, Rule, Target
from alerts.outward import host_problem
from engine.catalogue import DETECTORS
from engine.timeframes import INTERVAL_MS
from rest.fields import NumberField, StrictSerializer, SymbolsField
from rest.pages import PageQuery

COOLDOWN_S = 3600
MOST_TARGETS = 20
DAY_S = 86_400


def _printable(text: str) -> None:
    if not text.isprintable():
        raise serializers.ValidationError("holds a character that cannot be printed", code="invalid")


def _template(text: str) -> None:
    problem = template_problem(text)
    if problem:
        raise serializers.ValidationError(problem, code="invalid_template")


def _words(*choices: str) -> serializers.ListField:
    """Return the field of a list of some of these words."""
    child = serializers.ChoiceField(choices=list(choices))
    return serializers.ListField(child=child, min_length=1, max_length=len(choices), required=False)


class DetectorBody(StrictSerializer):
    name = serializers.ChoiceField(choices=list(DETECTORS))
    direction = serializers.ChoiceField(choices=["BULLISH", "BEARISH"])
    min_score = NumberField(min_value=0.5, max_value=1, default=0.75)
    timeframe = serializers.ChoiceField(choices=list(INTERVAL_MS), allow_null=True, default=None)


class ConditionsBody(StrictSerializer):
    """All must hold; what is left out asks nothing."""

    symbols = SymbolsField(required=False)
    score_above = NumberField(min_value=0, max_value=1, required=False)
    score_below = NumberField(min_value=0, max_value=1, required=False)
    exit_above = NumberField(min_value=0, max_value=1, required=False)
    exit_below = NumberField(min_value=0, max_value=1, required=False)
    directions = _words("BULLISH", "BEARISH", "NEUTRAL")
    advices = _words("BUY", "SELL", "HOLD")
    min_confidence = NumberField(min_value=0, max_value=1, required=False)
    min_consensus = NumberField(min_value=0, max_value=1, required=False)
    detectors = serializers.ListField(child=DetectorBody(), min_length=1, max_length=20, required=False)
    hysteresis = NumberField(min_value=0, max_value=0.3, default=HYSTERESIS)


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
class ClockField(serializers.CharField):
    """A time of day: ``22:00``."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            good = len(text) == 5 and time.fromisoformat(text) is not None
        except ValueError:
            good = False
        if not good:
            raise serializers.ValidationError("must be a time of day such as 22:00", code="invalid")
        return text


class QuietBody(StrictSerializer):
    """Messages wait from ``start`` until ``end``, over midnight if that is earlier, and then come as one."""

    start = ClockField()
    end = ClockField()
    timezone = serializers.CharField(max_length=60, default="UTC")

    def validate_timezone(self, name: str) -> str:
        if name not in available_timezones():
            raise serializers.ValidationError(f"{name[:40]!r} is no timezone such as Europe/Berlin", code="unknown")
        return str(ZoneInfo(name))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["start"] == attrs["end"]:
            raise serializers.ValidationError(
                {"end": ["start and end are the same: nothing would ever be told"]}, code="contradiction"
            )
        return attrs


class RuleBody(StrictSerializer):
    """A rule, whole: PUT replaces, and what is left out has its default."""

    name = serializers.CharField(max_length=60, validators=[_printable])
    enabled = serializers.BooleanField(default=True)
    watches = serializers.ChoiceField(choices=list(Rule.Watches.values), default=Rule.Watches.SIGNALS.value)
    trigger = serializers.ChoiceField(choices=list(Rule.Trigger.values), default=Rule.Trigger.ENTER.value)
    conditions = ConditionsBody(default=dict)
    cooldown_s = serializers.IntegerField(min_value=0, max_value=30 * DAY_S, default=COOLDOWN_S)
    quiet = QuietBody(allow_null=True, default=None)
    digest_s = serializers.IntegerField(min_value=0, max_value=DAY_S, default=0)
    title = serializers.CharField(max_length=200, allow_blank=True, default="", validators=[_template])
    text = serializers.CharField(max_length=1000, allow_blank=True, default="", validators=[_template])
    targets = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**53), max_length=MOST_TARGETS, default=list
    )

    def validate_digest_s(self, seconds: int) -> int:
        if 0 < seconds < 60:
            raise serializers.ValidationError("must be 0 (no digest) or at least 60", code="min_value")
        return seconds

    def validate_conditions(self, given: dict[str, Any]) -> dict[str, Any]:
        given = given or ConditionsBody().run_validation({})
        for name in ("directions", "advices"):
            if name in given:
                given[name] = list(dict.fromkeys(given[name]))
        return {name: value for name, value in given.items() if value is not None}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        found = contradiction(Conditions.of(attrs["conditions"]), attrs["trigger"] == Rule.Trigger.EVERY)
        if found:
            field, why = found
            attr = {"conditions": [why]} if field == "conditions" else {"conditions": {field: [why]}}
            raise serializers.ValidationError(attr, code="contradiction")
        return attrs


def rule_changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return a rule's fields from what the API takes, without its targets. Raises ValidationError."""
    body = RuleBody(data=given)
    body.is_valid(raise_exception=True)
    return {name: value for name, value in body.validated_data.items() if name != "targets"}


class TargetUpdateBody(StrictSerializer):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=60, required=False, validators=[_printable])
    enabled = serializers.BooleanField(required=False)
    url = serializers.CharField(max_length=2000, required=False, help_text="kept encrypted, never shown again")
    secret = serializers.CharField(max_length=200, required=False, help_text="of a webhook; left out, one is made")
    rotate_secret = serializers.BooleanField(required=False, help_text="of a webhook: make a new one")

    def __init__(self, *args: Any, kind: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored_kind = kind

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs.get("kind", self.stored_kind)
        if kind != Target.Kind.WEBHOOK:
            for name in ("secret", "rotate_secret"):
                if name in attrs:
                    raise serializers.ValidationError({name: ["only a webhook is signed"]}, code="invalid")
        elif problem := webhooks.secret_problem(attrs["secret"]) if "secret" in attrs else None:
            raise serializers.ValidationError({"secret": [problem]}, code="invalid")
        if "url" in attrs and kind and (problem := url_problem(kind, attrs["url"])):
            raise serializers.ValidationError({"url": [problem]}, code="refused")
        return attrs


class TargetBody(TargetUpdateBody):
    name = serializers.CharField(max_length=60, validators=[_printable])
    kind = serializers.ChoiceField(choices=list(Target.Kind.values))
    url = serializers.CharField(max_length=2000, help_text="kept encrypted, never shown again")


def url_problem(kind: str, url: str) -> str | None:
    """Return why a target cannot have this address, or None."""
    if not url.isprintable() or " " in url:
        return "holds a space or a character that cannot be printed"
    if kind == Target.Kind.APPRISE:
        host = None
        problem = apprise_services.url_problem(url)
        if not problem:
            host = apprise_services.host_of(url)
    else:
        problem = webhooks.url_problem(url)
        host = webhooks.host_of(url) if not problem else None
    return problem or (host_problem(host) if host else None) or None


class DeliveryQuery(PageQuery):
    status = serializers.ChoiceField(choices=list(Delivery.Status.values), required=False)
    target = serializers.IntegerField(min_value=1, max_value=2**53, required=False)


class AlertQuery(PageQuery):
    rule = serializers.IntegerField(min_value=1, max_value=2**53, required=False)
    symbol = serializers.CharField(max_length=40, required=False)


class ReplayBody(StrictSerializer):
    """Every dead letter, or those of one target."""

    target = serializers.IntegerField(min_value=1, max_value=2**53, required=False)
