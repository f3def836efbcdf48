"""What ``check_lookahead`` and ``check_warmup`` share: a candle file, the presets asked for, a table."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management.base import CommandError
from rich.table import Table

from engine.score import Policy
from engine.timeframes import INTERVAL_MS
from engine.window import Window
from market.feeds import files
from market.feeds.base import FeedError
from presets.models import WeightPreset

if TYPE_CHECKING:
    from backtest.honesty import Finding


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a candle file, SYMBOL-interval.parquet or .csv")
    parser.add_argument("--preset", action="append", metavar="NAME", help="only this preset (default: all)")


def read(path: Path, fewest: int) -> tuple[Window, int]:
    """Return a file's bars and its interval. Raises CommandError naming what is wrong with it."""
    name = files.parse_name(path)
    if name is None:
        raise CommandError(f"{path}: a candle file is named SYMBOL-interval.parquet or .csv")
    if not path.is_file():
        raise CommandError(f"{path} is no file")
    try:
        window = files.read(path)
        files.require_sound(path, window, INTERVAL_MS[name[1]])
    except FeedError as error:
        raise CommandError(str(error)) from error
    if len(window.open_times) < fewest:
        raise CommandError(f"{path}: holds {len(window.open_times)} bars, {fewest} are needed")
    return window, INTERVAL_MS[name[1]]


def policies(names: list[str] | None) -> dict[str, Policy]:
    """Return the newest policies of the presets named, or of all. Raises CommandError for an unknown one."""
    known = {preset.name: preset for preset in WeightPreset.objects.visible()}
    if unknown := [name for name in names or [] if name not in known]:
        raise CommandError(f"--preset: there is no preset {unknown[0]!r}; known are {', '.join(known)}")
    return {f"preset {name}": known[name].newest().policy() for name in names or known}


def table(findings: Sequence["Finding"], *columns: str) -> Table:
    shown = Table("detector or preset", *columns)
    for one in findings:
        worst = str(one.bar) if one.differing else "-"
        shown.add_row(one.name, str(one.compared), str(one.differing), f"{one.largest:.3g}", worst)
    return shown
