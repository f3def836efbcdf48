"""``manage.py backtest SYMBOL… --from --to --preset --timeframe``: run one here and show it. Stores nothing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from backtest import candles
from backtest.api import RunBody, request_of
from backtest.requests import Refused, require_sane, spec_of
from engine.timeframes import INTERVAL_MS
from rest.tables import console_on
from signals.api import chosen_preset

if TYPE_CHECKING:
    from backtest.running import Result

PERCENT = ("total_return", "cagr", "volatility", "max_drawdown", "win_rate", "exposure", "buy_and_hold_return")
MONEY = ("final_equity", "expectancy", "average_win", "average_loss", "fees")
LAST_TRADES = 10


class Command(BaseCommand):
    help = "Run a backtest on stored candles with the rules and the score that live uses, and show what came out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+")
        parser.add_argument("--from", dest="start_date", required=True, help="ISO date or ms, such as 2024-02-01")
        parser.add_argument("--to", dest="end_date", required=True, help="ISO date or ms; bars that close by then")
        parser.add_argument("--preset", help="default: the active one")
        parser.add_argument("--timeframe", default="1h", help="one, or several: 5m,15m,1h scores the consensus")
        parser.add_argument("--capital", type=float, default=10_000.0)
        parser.add_argument("--fee", type=float, default=0.0005, help="share of the notional, each fill")
        parser.add_argument("--slippage", type=float, default=0.001, help="share of the price, market orders")
        parser.add_argument("--sides", choices=["both", "long", "short"], default="both")
        parser.add_argument("--stop", choices=["none", "atr", "structure", "both"], default="atr")
        parser.add_argument("--candles", help="which source: the market's name, imported, 'replay files'")
        parser.add_argument("--plot", type=Path, metavar="FILE.html|png")

    def handle(self, *args: Any, **options: Any) -> None:
        self._require_plottable(options["plot"])
        result = self._run(self._checked(options), options)
        self._show(result)
        if options["plot"]:
            from backtest import plots

            plots.write(result, options["plot"])
            self.stdout.write(f"drawn into {options['plot']}")

    def _require_plottable(self, path: Path | None) -> None:
        if path is not None and path.suffix not in (".html", ".png"):
            raise CommandError(f"--plot: {path.name} must end in .html or .png")
        if path is not None and not path.parent.is_dir():
            raise CommandError(f"--plot: there is no folder {path.parent}")

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        body = {
            "symbols": options["symbols"],
            "timeframes": options["timeframe"].split(","),
            "start_date": options["start_date"],
            "end_date": options["end_date"],
            "initial_capital": options["capital"],
            "fee": options["fee"],
            "slippage": options["slippage"],
            "trading": {"sides": options["sides"], "stop": options["stop"]},
        }
        optional = {name: options[name] for name in ("preset", "candles") if options[name]}
        serializer = RunBody(data=body | optional)
        try:
            serializer.is_valid(raise_exception=True)
        except ValidationError as error:
            raise CommandError(_told(error.detail)) from error
        return serializer.validated_data

    def _run(self, body: dict[str, Any], options: dict[str, Any]) -> "Result":
        from backtest.running import run  # brings numba

        asked = request_of(body)
        try:
            require_sane(asked, most_bars=sys.maxsize)
            preset = chosen_preset(body)
            source = candles.find(
                asked["symbols"], asked["timeframes"][0], asked["start"], asked["end"], asked["candles"]
            )
        except (Refused, candles.NoCandles) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(_told(error.detail)) from error
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console_on(self.stdout)) as progress:
            task = progress.add_task(f"{source.name} candles, preset {preset.preset.name}", total=1.0)
            result = run(spec_of(asked, preset), source, lambda share: progress.update(task, completed=share))
            progress.update(task, completed=1.0)
        return result

    def _show(self, result: "Result") -> None:
        from backtest.reports import answer, holes_text

        told, console = answer(result), console_on(self.stdout)
        table = Table("measure", "value", title=f"{told['meta']['candles']} bars, {told['meta']['signals']} signals")
        for name, value in told["metrics"].items():
            table.add_row(name.replace("_", " "), _figure(name, value))
        console.print(table)
        if told["trades"]:
            console.print(self._trades(told["trades"]))
        if missing := holes_text(result.symbols, INTERVAL_MS[result.spec.base]):
            console.print(f"holes are crossed: {missing}")

    def _trades(self, trades: list[dict[str, Any]]) -> Table:
        last = trades[-LAST_TRADES:]
        table = Table(
            "symbol", "side", "entry", "at", "exit", "at", "profit", "R", "why", title=f"last {len(last)} trades"
        )
        for one in last:
            table.add_row(
                one["symbol"],
                one["side"],
                candles.day(one["entry_ts"]),
                f"{one['entry_price']:.6g}",
                candles.day(one["exit_ts"]),
                f"{one['exit_price']:.6g}",
                f"{one['profit']:,.2f}",
                "-" if one["r"] is None else f"{one['r']:.2f}",
                one["exit_reason"],
            )
        return table


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in PERCENT:
        return f"{100.0 * value:.2f} %"
    if name in MONEY:
        return f"{value:,.2f}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _told(detail: Any, where: str = "") -> str:
    """Return the first fault of a check with the field it is in: symbols.1: …"""
    if isinstance(detail, dict):
        key = next(iter(detail))
        return _told(detail[key], f"{where}.{key}" if where else str(key))
    if isinstance(detail, list):
        return _told(detail[0], where)
    return f"{where}: {detail}" if where else str(detail)
