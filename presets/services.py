"""The changes to presets that a user can see."""

from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from access import audit
from presets.defaults import DEFAULTS, FALLBACK
from presets.models import PresetVersion, WeightPreset

FORMAT = "realtime-agent-presets/1"

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
    version = PresetVersion.objects.create(
        preset=preset,
        version=newest.version + 1 if newest else 1,
        weights=weights,
        act=act,
        min_confidence=min_confidence,
        created_by=_user(by),
    )
    audit.record("preset.save", f"preset {preset.name}", _said(newest) if newest else None, _said(version))
    return version


def _said(version: PresetVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "weights": version.weights,
        "act": version.act,
        "min_confidence": version.min_confidence,
    }


class Thresholds(NamedTuple):
    """``act``: distance from 0.5 beyond which the advice is BUY or SELL."""

    act: float
    min_confidence: float


@transaction.atomic
def save_preset(
    name: str, weights: dict[str, float], description: str | None, by: Actor, thresholds: Thresholds | None = None
) -> tuple[WeightPreset, bool]:
    """Save weights (checked by the caller) as the newest version of a preset; return it and whether it is new.

    Its thresholds are the given ones, else those of its last version, else the fallback's. A deleted name continues
    its versions. Raises PresetProtected for a default.
    """
    if name in DEFAULTS:
        raise PresetProtected(f"{name} is a default preset and cannot be changed: save the weights under another name")
    preset, created = WeightPreset.objects.select_for_update().get_or_create(name=name)
    visible_before = not created and not preset.hidden
    if description is not None and description != preset.description:
        what = f"preset {name}"
        audit.record("preset.describe", what, {"description": preset.description}, {"description": description})
        preset.description = description
    if preset.hidden:
        audit.record("preset.restore", f"preset {name}", None, None)
    preset.hidden = False
    preset.save(update_fields=["description", "hidden"])
    if thresholds is None:
        model = preset.versions.first() or WeightPreset.objects.get(name=FALLBACK).newest()
        thresholds = Thresholds(model.act, model.min_confidence)
    _add_version(preset, weights, *thresholds, by)
    return preset, not visible_before


@transaction.atomic
def duplicate_preset(name: str, as_name: str, by: Actor) -> WeightPreset:
    """Save what a preset says under a name that is free. Raises PresetProtected, WeightPreset.DoesNotExist."""
    source = WeightPreset.objects.visible().get(name=name)
    if WeightPreset.objects.visible().filter(name=as_name).exists():
        raise PresetProtected(f"there is a preset {as_name} already: choose another name")
    newest = source.newest()
    thresholds = Thresholds(newest.act, newest.min_confidence)
    return save_preset(as_name, newest.weights, source.description, by, thresholds)[0]


def export_presets(names: list[str] | None = None) -> dict[str, Any]:
    """Return presets, all visible ones by default, as ``import_presets`` takes them. Raises DoesNotExist."""
    found = {preset.name: preset for preset in WeightPreset.objects.visible()}
    unknown = [name for name in names or [] if name not in found]
    if unknown:
        raise WeightPreset.DoesNotExist(f"there is no preset {unknown[0]!r}")
    return {"format": FORMAT, "presets": [_portable(found[name]) for name in names or found]}


def _portable(preset: WeightPreset) -> dict[str, Any]:
    said = _said(preset.newest())
    del said["version"]
    return {"name": preset.name, "description": preset.description, **said}


@transaction.atomic
def import_presets(presets: list[dict[str, Any]], by: Actor) -> list[WeightPreset]:
    """Save exported presets, all or none; one that is there already gets a new version if it differs.

    A default is taken as it is here and left out if the file says the same. Raises PresetProtected if it does not.
    """
    saved = []
    for one in presets:
        if one["name"] in DEFAULTS and _same_as_default(one):
            continue
        thresholds = Thresholds(one["act"], one["min_confidence"])
        saved.append(save_preset(one["name"], one["weights"], one.get("description"), by, thresholds)[0])
    return saved


def _same_as_default(one: dict[str, Any]) -> bool:
    default = DEFAULTS[one["name"]]
    said = (one["weights"], one["act"], one["min_confidence"])
    return said == (default.weights, default.act, default.min_confidence)


@transaction.atomic
def activate_preset(name: str) -> PresetVersion:
    """Make a preset the one that the next scan uses. Raises WeightPreset.DoesNotExist."""
    preset = WeightPreset.objects.visible().get(name=name)
    if not preset.is_active:
        former = WeightPreset.objects.filter(is_active=True).values_list("name", flat=True).first()
        audit.record("preset.activate", "active preset", former, name)
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
    audit.record("preset.delete", f"preset {name}", _said(preset.newest()), None)


def active_version() -> PresetVersion:
    """Return the newest version of the active preset."""
    return (
        PresetVersion.objects.filter(preset__is_active=True).select_related("preset").order_by("-version").first()
    ) or _no_preset()


def _no_preset() -> PresetVersion:
    raise RuntimeError("no preset is active: run `manage.py migrate`, which stores the defaults")


def changes_of(version: PresetVersion) -> list[str]:
    """Return what a version says otherwise than the one before it, a phrase a weight or threshold."""
    before = version.preset.versions.filter(version__lt=version.version).order_by("-version").first()
    if before is None:
        return [f"{name} {weight:g}" for name, weight in version.weights.items() if weight]
    names = [*version.weights, *(name for name in before.weights if name not in version.weights)]
    was, now = before.weights, version.weights
    pairs = [(name, was.get(name, 0.0), now.get(name, 0.0)) for name in names]
    pairs += [(name, getattr(before, name), getattr(version, name)) for name in ("act", "min_confidence")]
    return [f"{name} {old:g} → {new:g}" for name, old, new in pairs if old != new]
