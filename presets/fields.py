"""Weights and preset names as input."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.catalogue import DETECTORS, weight_problem
from presets.models import NAME
from presets.services import FORMAT
from rest.fields import NumberField, StrictSerializer


@extend_schema_field(
    {
        "type": "object",
        "format": "weights",
        "description": "weight by detector; they sum to 1, and one left out weighs 0",
        "properties": {name: {"type": "number", "minimum": 0, "maximum": 1} for name in DETECTORS},
        "additionalProperties": False,
    }
)
class WeightsField(serializers.Field[dict[str, float], Any, dict[str, float], Any]):
    """Weights by detector, each 0..1, sum 1 within 1e-6; a detector left out weighs 0."""

    def to_internal_value(self, data: Any) -> dict[str, float]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object of detector name to weight", code="invalid")
        problem = weight_problem(data)
        if problem:
            raise serializers.ValidationError(problem[1][:400], code="invalid_weights")
        return {name: float(weight) for name, weight in data.items()}

    def to_representation(self, value: dict[str, float]) -> dict[str, float]:
        return value


class WeightsBody(StrictSerializer):
    weights = WeightsField()


class PresetBody(WeightsBody):
    name = serializers.CharField(validators=[NAME])
    description = serializers.CharField(required=False, allow_blank=True, max_length=200)


class PresetUpdateBody(WeightsBody):
    description = serializers.CharField(required=False, allow_blank=True, max_length=200)


class DuplicateBody(StrictSerializer):
    name = serializers.CharField(validators=[NAME])


class PortablePreset(PresetBody):
    """A preset as it is exported."""

    act = NumberField(min_value=0.0001, max_value=0.4999)
    min_confidence = NumberField(min_value=0, max_value=1)


class ImportBody(StrictSerializer):
    format = serializers.ChoiceField(choices=[FORMAT])
    presets = serializers.ListField(child=PortablePreset(), min_length=1, max_length=500)

    def validate_presets(self, presets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = [one["name"] for one in presets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise serializers.ValidationError(f"{twice[0]} stands there twice", code="twice")
        return presets


class ExportQuery(StrictSerializer):
    names = serializers.CharField(required=False, max_length=4000, help_text="such as mine,yours; default all")
