"""Keeping what a walk-forward came to: its report always, a preset only where there is an edge."""

from typing import Any

from django.db import transaction

from backtest.models import WalkForward
from engine.version import scoring_version
from presets.services import Actor, Thresholds, save_preset


@transaction.atomic
def keep(report: dict[str, Any], source: str, name: str | None, by: Actor) -> WalkForward:
    """Store ``report`` (of ``walk_forward.report``); with ``name`` and an edge also its final weights as that preset.

    Raises PresetProtected for the name of a default preset, with nothing stored.
    """
    version = None
    if name and report["edge"] and report["final"]:
        final = report["final"]
        told = report["verdict"][:200]
        preset, _ = save_preset(name, final["weights"], told, by, Thresholds(final["act"], 0.0))
        version = preset.newest()
    return WalkForward.objects.create(
        source=source,
        edge=report["edge"],
        verdict=report["verdict"],
        report=report,
        scoring_version=scoring_version(),
        preset_version=version,
    )
