"""What the API says of weights and presets."""

from typing import Literal, TypedDict

from rest.shapes import At, Unit

Weights = dict[str, Unit]


class ActiveWeights(TypedDict):
    weights: Weights
    preset: str
    preset_version: int


class Preset(TypedDict):
    """``act``: distance from 0.5 beyond which the advice is BUY or SELL."""

    name: str
    weights: Weights
    description: str
    version: int
    is_default: bool
    is_active: bool
    act: float
    min_confidence: Unit


class PresetList(TypedDict):
    presets: list[Preset]


class PresetVersionRow(TypedDict):
    version: int
    weights: Weights
    act: float
    min_confidence: Unit
    created_at: At
    created_by: str | None


class PresetHistory(TypedDict):
    name: str
    versions: list[PresetVersionRow]


class ExportedPreset(TypedDict):
    name: str
    description: str
    weights: Weights
    act: float
    min_confidence: Unit


class PresetExport(TypedDict):
    format: Literal["realtime-agent-presets/1"]
    presets: list[ExportedPreset]
