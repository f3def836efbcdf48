"""Weights and weight presets."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from presets import services, shapes
from presets.fields import DuplicateBody, ExportQuery, ImportBody, PresetBody, PresetUpdateBody, WeightsBody
from presets.models import PresetVersion, WeightPreset
from rest.access import Permission
from rest.endpoints import endpoint
from rest.errors import Conflict, invalid
from rest.views import View

CUSTOM = "custom"
SAVED = {200: shapes.Preset, 201: shapes.Preset}
PROTECTED = "a default cannot be changed, a default or the active preset cannot be deleted"


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

    @endpoint(Permission.READ, shapes.ActiveWeights)
    def get(self, request: Request) -> Response:
        return Response(active_json(services.active_version()))

    @endpoint(Permission.PRESETS, shapes.ActiveWeights, body=WeightsBody)
    def put(self, request: Request) -> Response:
        body = self.body(WeightsBody)
        services.save_preset(CUSTOM, body["weights"], None, by=request.user)
        return Response(active_json(services.activate_preset(CUSTOM)))


class PresetsView(View):
    """All presets; POST saves or updates one."""

    @endpoint(Permission.READ, shapes.PresetList)
    def get(self, request: Request) -> Response:
        return Response({"presets": [preset_json(p) for p in WeightPreset.objects.visible()]})

    @endpoint(Permission.PRESETS, body=PresetBody, answers=SAVED, refuses={409: PROTECTED})
    def post(self, request: Request) -> Response:
        body = self.body(PresetBody)
        return _save(request, body["name"], body)


class PresetView(View):
    """One preset."""

    @endpoint(Permission.READ, shapes.Preset)
    def get(self, request: Request, name: str) -> Response:
        return Response(preset_json(visible_or_404(name)))

    @endpoint(Permission.PRESETS, shapes.Preset, body=PresetUpdateBody, refuses={409: PROTECTED})
    def put(self, request: Request, name: str) -> Response:
        visible_or_404(name)
        return _save(request, name, self.body(PresetUpdateBody))

    @endpoint(Permission.PRESETS, answers={204: None}, refuses={409: PROTECTED})
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

    @endpoint(Permission.PRESETS, shapes.ActiveWeights)
    def post(self, request: Request, name: str) -> Response:
        visible_or_404(name)
        return Response(active_json(services.activate_preset(name)))


class DuplicateView(View):
    """Save what a preset says under another name."""

    @endpoint(Permission.PRESETS, body=DuplicateBody, answers={201: shapes.Preset}, refuses={409: "the name is taken"})
    def post(self, request: Request, name: str) -> Response:
        visible_or_404(name)
        try:
            preset = services.duplicate_preset(name, self.body(DuplicateBody)["name"], by=request.user)
        except services.PresetProtected as error:
            raise Conflict(str(error), code="name_taken") from error
        return Response(preset_json(preset), status=201)


class ExportView(View):
    """Presets to be kept or carried elsewhere; ``names=mine,yours`` for some."""

    query_serializer = ExportQuery

    @endpoint(Permission.READ, shapes.PresetExport)
    def get(self, request: Request) -> Response:
        names = [name for name in self.query.get("names", "").split(",") if name]
        try:
            return Response(services.export_presets(names or None))
        except WeightPreset.DoesNotExist as error:
            raise invalid("names", str(error), "unknown_preset") from error


class ImportView(View):
    """Save exported presets, all or none."""

    @endpoint(Permission.PRESETS, shapes.PresetList, body=ImportBody, refuses={409: PROTECTED})
    def post(self, request: Request) -> Response:
        try:
            saved = services.import_presets(self.body(ImportBody)["presets"], by=request.user)
        except services.PresetProtected as error:
            raise Conflict(str(error), code="preset_protected") from error
        return Response({"presets": [preset_json(preset) for preset in saved]})


class HistoryView(View):
    """Every version of a preset, who and when, newest first."""

    @endpoint(Permission.READ, shapes.PresetHistory)
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
