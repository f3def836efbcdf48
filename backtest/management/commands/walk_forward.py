"""``manage.py walk_forward SYMBOL…``: search weights on the past and say what they come to on bars they did not see."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError
from rich.progress import Progress
from rich.table import Table

from backtest import candles
from engine.timeframes import INTERVAL_MS
from presets.models import NAME
from presets.services import PresetProtected
from rest.fields import MomentField
from rest.symbols import normalise
from rest.tables import console_on

if TYPE_CHECKING:
    from backtest.walk_forward import Study, Walk


class Command(BaseCommand):
    help = (
        "Search preset weights on one stretch of the past, judge them on the next, and so on; keep the report. "
        "With --save NAME the final weights become that preset, but only where there is an edge."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+")
        parser.add_argument("--from", dest="start", required=True, help="ISO date or ms")
        parser.add_argument("--to", dest="end", required=True, help="ISO date or ms")
        parser.add_argument("--timeframe", default="1h", choices=list(INTERVAL_MS))
        parser.add_argument("--train", type=int, default=2000, help="bars to learn from")
        parser.add_argument("--test", type=int, default=500, help="bars to be judged by")
        parser.add_argument("--gap", type=int, default=25, help="bars between them, above the horizon of 24")
        parser.add_argument("--anchored", action="store_true", help="always learn from the beginning")
        parser.add_argument("--trials", type=int, default=500, help="presets tried in each window")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--fee", type=float, default=0.0005)
        parser.add_argument("--slippage", type=float, default=0.001)
        parser.add_argument("--folder", type=Path, help="read SYMBOL-TIMEFRAME files there instead of stored candles")
        parser.add_argument("--save", metavar="NAME", help="a name for the preset if there is an edge")

    def handle(self, *args: Any, **options: Any) -> None:
        from backtest.found import keep
        from backtest.walk_forward import report

        self._require(options)
        study = self._study(options)
        source = self._source(study, options["folder"])
        result = self._walk(study, source)
        told = report(result)
        try:
            kept = keep(told, source.name, options["save"], by=None)
        except PresetProtected as error:
            raise CommandError(f"--save: {error}") from error
        self._show(told)
        self.stdout.write(f"kept as walk-forward {kept.pk}")
        if options["save"]:
            saved = f"saved as preset {kept.preset_version}" if kept.preset_version else "nothing saved: no edge"
            self.stdout.write(saved)

    def _require(self, options: dict[str, Any]) -> None:
        for name, least, most in (("train", 100, 10**6), ("test", 10, 10**6), ("trials", 1, 100_000)):
            if not least <= options[name] <= most:
                raise CommandError(f"--{name} must be {least} to {most}, was {options[name]}")
        for name in ("fee", "slippage"):
            if not 0.0 <= options[name] <= 0.1:
                raise CommandError(f"--{name} must be 0 to 0.1, was {options[name]}")
        if options["save"] and not re.match(NAME.regex, options["save"]):
            raise CommandError(f"--save: {NAME.message}")

    def _study(self, options: dict[str, Any]) -> "Study":
        from backtest.walk_forward import Study
        from engine.outcomes import Course

        start, end = _moment("--from", options["start"]), _moment("--to", options["end"])
        if end <= start:
            raise CommandError("--to must be behind --from")
        names = ("timeframe", "train", "test", "gap", "anchored", "trials", "seed")
        symbols = tuple(dict.fromkeys(normalise(symbol) for symbol in options["symbols"]))
        course = Course(fee=options["fee"], slippage=options["slippage"])
        return Study(symbols=symbols, start=start, end=end, course=course, **{name: options[name] for name in names})

    def _source(self, study: "Study", folder: Path | None) -> candles.Source:
        """Return where the candles are: each symbol must have some, not all the same range."""
        if folder is None:
            try:
                return candles.find(study.symbols, study.timeframe, study.start, study.end)
            except candles.NoCandles as error:
                raise CommandError(str(error)) from error
        from backtest.past_record import Files

        if not folder.is_dir():
            raise CommandError(f"--folder: there is no folder {folder}")
        source = Files(folder, study.timeframe)
        for symbol in study.symbols:
            if source.coverage(symbol, study.timeframe) is None:
                raise CommandError(f"--folder: {folder.name} has no {study.timeframe} file of {symbol}")
        return source

    def _walk(self, study: "Study", source: candles.Source) -> "Walk":
        from backtest.walk_forward import walk

        with Progress(console=console_on(self.stderr), transient=True) as bar:
            task = bar.add_task("walking forward", total=1.0)
            try:
                return walk(study, source, lambda share: bar.update(task, completed=share))
            except ValueError as error:
                raise CommandError(str(error)) from error

    def _show(self, told: dict[str, Any]) -> None:
        table = Table("tested from", "to", "symbols", "trials", "trades in", "R in", "deflated", "trades", "R")
        for window in told["windows"]:
            found = window["found"]["in_sample"] if window["found"] else {}
            table.add_row(
                _day(window["test_start"]),
                _day(window["test_end"]),
                str(len(window["symbols"])),
                *[_figure(found.get(name)) for name in ("trials", "trades", "mean_r", "deflated_sharpe")],
                str(window["trades"]),
                _figure(window["mean_r"]),
            )
        console = console_on(self.stdout)
        console.print(table)
        console.print(f"weights of neighbouring windows are alike by {_figure(told['stability'])} (1: the same)")
        if told["equity"]:
            equity = {name: _figure(told["equity"][name]) for name in ("total_return", "sharpe", "max_drawdown")}
            console.print("on one capital, out of sample: " + ", ".join(f"{k} {v}" for k, v in equity.items()))
        console.print(told["verdict"])


def _figure(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:+.3f}"


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def _moment(name: str, text: str) -> int:
    try:
        return MomentField().to_internal_value(text)
    except ValidationError as error:
        raise CommandError(f"{name}: must be ms since 1970 or an ISO-8601 time, was {text!r}") from error
