"""Weights and weight presets."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from presets import services
from presets.fields import PresetBody, PresetUpdateBody, WeightsBody
from presets.models import PresetVersion, WeightPreset
from rest.errors import Conflict
from rest.views import View

CUSTOM = "custom"


def preset_json(preset: WeightPreset) -> dict[str, Any]:
    version = preset.newest()
    return {
        "name": preset.name,
        "weights": version.weights,
        "description": preset.description,
        "version": version.version,
        "is_default": preset.is_default,
        "is_active": preset.is_active,
        "act": version.act,
        "min_confidence": version.min_confidence,
    }


def active_json(version: PresetVersion) -> dict[str, Any]:
    return {"weights": version.weights, "preset": version.preset.name, "preset_version": version.version}


def visible_or_404(name: str) -> WeightPreset:
    try:
        return WeightPreset.objects.visible().get(name=name)
    except WeightPreset.DoesNotExist as error:
        raise Http404(f"there is no preset {name[:40]!r}") from error


class WeightsView(View):
    """The active weights. PUT saves them as a new version of preset ``custom`` and activates it."""

    def get(self, request: Request) -> Response:
        return Response(active_json(services.active_version()))

    def put(self, request: Request) -> Response:
        body = self.body(WeightsBody)
        services.save_preset(CUSTOM, body["weights"], None, by=request.user)
        return Response(active_json(services.activate_preset(CUSTOM)))


class PresetsView(View):
    """All presets; POST saves or updates one."""

    def get(self, request: Request) -> Response:
        return Response({"presets": [preset_json(p) for p in WeightPreset.objects.visible()]})

    def post(self, request: Request) -> Response:
        body = self.body(PresetBody)
        return _save(request, body["name"], body)


class PresetView(View):
    """One preset."""

    def get(self, request: Request, name: str) -> Response:
        return Response(preset_json(visible_or_404(name)))

    def put(self, request: Request, name: str) -> Response:
        visible_or_404(name)
        return _save(request, name, self.body(PresetUpdateBody))

    def delete(self, request: Request, name: str) -> Response:
        visible_or_404(name)
        try:
            services.delete_preset(name)
        except services.PresetProtected as error:
            raise Conflict(str(error), code="preset_protected") from error
        return Response(status=204)


def _save(request: Request, name: str, body: dict[str, Any]) -> Response:
    try:
        preset, created = services.save_preset(name, body["weights"], body.get("description"), by=request.user)
    except services.PresetProtected as error:
        raise Conflict(str(error), code="preset_protected") from error
    return Response(preset_json(preset), status=201 if created else 200)


class ActivateView(View):
    """Make a preset the one in use."""

    def post(self, request: Request, name: str) -> Response:
        visible_or_404(name)
        return Response(active_json(services.activate_preset(name)))


class HistoryView(View):
    """Every version of a preset, who and when, newest first."""

    def get(self, request: Request, name: str) -> Response:
        versions = visible_or_404(name).versions.select_related("created_by")
        return Response({"name": name, "versions": [_version_json(v) for v in versions]})


def _version_json(version: PresetVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "weights": version.weights,
        "act": version.act,
        "min_confidence": version.min_confidence,
        "created_at": version.created_at.isoformat().replace("+00:00", "Z"),
        "created_by": version.created_by.get_username() if version.created_by else None,
    }
