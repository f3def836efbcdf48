"""The changes to presets that a user can see."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from presets.defaults import DEFAULTS, FALLBACK
from presets.models import PresetVersion, WeightPreset

Actor = AbstractBaseUser | AnonymousUser | None


class PresetProtected(Exception):
    """The change is refused by a rule; the text says which."""


def _user(by: Actor) -> Any:
    return by if isinstance(by, AbstractBaseUser) and by.is_authenticated else None


@transaction.atomic
def ensure_defaults() -> None:
    """Store the three defaults, as a new version where the code's differ from the stored ones. Idempotent."""
    for name, default in DEFAULTS.items():
        preset, _ = WeightPreset.objects.update_or_create(
            name=name, defaults={"description": default.description, "is_default": True, "hidden": False}
        )
        _add_version(preset, default.weights, default.act, default.min_confidence, by=None)
    if not WeightPreset.objects.filter(is_active=True).exists():
        WeightPreset.objects.filter(name=FALLBACK).update(is_active=True)


def _add_version(
    preset: WeightPreset, weights: dict[str, float], act: float, min_confidence: float, by: Actor
) -> PresetVersion:
    """Return the newest version if it says the same, else a new one."""
    newest = preset.versions.order_by("-version").first()
    if newest and (newest.weights, newest.act, newest.min_confidence) == (weights, act, min_confidence):
        return newest
    return PresetVersion.objects.create(
        preset=preset,
        version=newest.version + 1 if newest else 1,
        weights=weights,
        act=act,
        min_confidence=min_confidence,
        created_by=_user(by),
    )


@transaction.atomic
def save_preset(name: str, weights: dict[str, float], description: str | None, by: Actor) -> tuple[WeightPreset, bool]:
    """Save weights (checked by the caller) as the newest version of a preset; return it and whether it is new.

    Its thresholds are those of its last version, else the fallback's. A deleted name continues its versions.
    Raises PresetProtected for a default.
    """
    if name in DEFAULTS:
        raise PresetProtected(f"{name} is a default preset and cannot be changed: save the weights under another name")
    preset, created = WeightPreset.objects.select_for_update().get_or_create(name=name)
    visible_before = not created and not preset.hidden
    if description is not None:
        preset.description = description
    preset.hidden = False
    preset.save(update_fields=["description", "hidden"])
    model = preset.versions.first() or WeightPreset.objects.get(name=FALLBACK).newest()
    _add_version(preset, weights, model.act, model.min_confidence, by)
    return preset, not visible_before


@transaction.atomic
def activate_preset(name: str) -> PresetVersion:
    """Make a preset the one that the next scan uses. Raises WeightPreset.DoesNotExist."""
    preset = WeightPreset.objects.visible().get(name=name)
    if not preset.is_active:
        WeightPreset.objects.filter(is_active=True).update(is_active=False)
        WeightPreset.objects.filter(pk=preset.pk).update(is_active=True)
    return preset.newest()


@transaction.atomic
def delete_preset(name: str) -> None:
    """Hide a preset; its versions stay. Raises PresetProtected for a default or the active one, DoesNotExist."""
    preset = WeightPreset.objects.visible().select_for_update().get(name=name)
    if preset.is_default:
        raise PresetProtected(f"{name} is a default preset and cannot be deleted")
    if preset.is_active:
        raise PresetProtected(f"{name} is the active preset: activate another one first")
    WeightPreset.objects.filter(pk=preset.pk).update(hidden=True)


def active_version() -> PresetVersion:
    """Return the newest version of the active preset."""
    return (
        PresetVersion.objects.filter(preset__is_active=True).select_related("preset").order_by("-version").first()
    ) or _no_preset()


def _no_preset() -> PresetVersion:
    raise RuntimeError("no preset is active: run `manage.py migrate`, which stores the defaults")
