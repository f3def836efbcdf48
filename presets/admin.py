"""Presets in the admin: a form that shows the sum of the weights and refuses a bad one with the reason."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from engine.catalogue import DETECTORS, weight_problem
from presets import services
from presets.models import PresetVersion, WeightPreset

# Declared on the class, not added in __init__: the admin asks the class which fields there are.
WEIGHT_FIELDS = {f"weight_{name}": forms.FloatField(min_value=0.0, max_value=1.0) for name in DETECTORS}
WeightFields: Any = type("WeightFields", (forms.ModelForm,), WEIGHT_FIELDS)


class PresetForm(WeightFields):
    """Name, description, and one field a detector."""

    class Meta:
        model = WeightPreset
        fields = ("name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self._weights().items():
            self.fields[f"weight_{name}"].initial = value
        total = sum(self._weights().values())
        self.fields[f"weight_{DETECTORS[-1]}"].help_text = f"The weights must sum to 1; stored sum: {total:.6g}"
        if self.instance.pk:
            self.fields["name"].disabled = True

    def _weights(self) -> dict[str, float]:
        stored = self.instance.newest().weights if self.instance.pk else {}
        return {name: stored.get(name, 0.0) for name in DETECTORS}

    def chosen_weights(self) -> dict[str, float]:
        return {name: self.cleaned_data[f"weight_{name}"] for name in DETECTORS}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if all(f"weight_{name}" in cleaned for name in DETECTORS):
            problem = weight_problem({name: cleaned[f"weight_{name}"] for name in DETECTORS})
            if problem:
                raise forms.ValidationError(problem[1])
        return cleaned


class VersionInline(admin.TabularInline):
    model = PresetVersion
    extra = 0
    can_delete = False
    fields = readonly_fields = ("version", "changes", "act", "min_confidence", "created_at", "created_by")

    @admin.display(description="what it changed")
    def changes(self, version: PresetVersion) -> str:
        return "; ".join(services.changes_of(version)) or "nothing"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("created_by", "preset")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(WeightPreset)
class WeightPresetAdmin(admin.ModelAdmin):
    form = PresetForm
    list_display = ("name", "description", "is_default", "is_active", "version", "weight_sum")
    inlines = (VersionInline,)
    actions = ("activate", "duplicate")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(hidden=False).prefetch_related("versions")

    @admin.display
    def version(self, preset: WeightPreset) -> int:
        return max(version.version for version in preset.versions.all())

    @admin.display(description="sum of the weights")
    def weight_sum(self, preset: WeightPreset) -> str:
        newest = max(preset.versions.all(), key=lambda version: version.version)
        return f"{sum(newest.weights.values()):.6g}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["name", "description", *(f"weight_{name}" for name in DETECTORS)]

    def has_change_permission(self, request: HttpRequest, obj: WeightPreset | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.is_default)

    def has_delete_permission(self, request: HttpRequest, obj: WeightPreset | None = None) -> bool:
        protected = obj is not None and (obj.is_default or obj.is_active)
        return super().has_delete_permission(request, obj) and not protected

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # it would bypass the service, which hides instead
        return actions

    def save_model(self, request: HttpRequest, obj: WeightPreset, form: Any, change: bool) -> None:
        try:
            saved, _ = services.save_preset(
                obj.name, form.chosen_weights(), form.cleaned_data["description"], by=request.user
            )
        except services.PresetProtected as error:
            raise PermissionDenied(str(error)) from error
        obj.pk = saved.pk

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing else goes: a preset is hidden and its versions stay."""
        return [str(preset) for preset in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: WeightPreset) -> None:
        services.delete_preset(obj.name)

    @admin.action(description="Activate the selected preset")
    def activate(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        if queryset.count() != 1:
            self.message_user(request, "Select exactly one preset to activate.", messages.ERROR)
            return None
        version = services.activate_preset(queryset.get().name)
        self.message_user(request, f"{version} is active.")
        return None

    @admin.action(description="Duplicate the selected presets")
    def duplicate(self, request: HttpRequest, queryset: Any) -> None:
        for preset in queryset:
            name = f"{preset.name[:35]}-copy"
            try:
                services.duplicate_preset(preset.name, name, by=request.user)
            except services.PresetProtected as error:
                self.message_user(request, str(error), messages.ERROR)
                continue
            self.message_user(request, f"{preset.name} duplicated as {name}.")
