"""Weights and preset names as input."""

from typing import Any

from rest_framework import serializers

from engine.catalogue import weight_problem
from presets.models import NAME
from rest.fields import StrictSerializer


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
