"""``manage.py record FOLDER``: were the presets right on a folder of candles? Stores nothing."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.timeframes import DEFAULT_TIMEFRAMES
from market.feeds.base import FeedError
from presets.defaults import DEFAULTS
from rest.tables import console_on

RELIABLE = 7000  # outcomes: with fewer, noise alone is half of the error that is asked for


class Command(BaseCommand):
    help = (
        "Say what each default preset would have told on the candles of FOLDER, what became of it after costs beside "
        "random entries on the same bars, and how well probabilities fitted on the way were kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--draws", type=int, default=1000, help="random entries to compare with")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--fee", type=float, default=0.0005)
        parser.add_argument("--slippage", type=float, default=0.001)

    def handle(self, *args: Any, **options: Any) -> None:
        from backtest.past_record import Files, read, said_before, tested, told_by
        from engine.outcomes import Course
        from engine.score import Policy

        if not options["folder"].is_dir():
            raise CommandError(f"there is no folder {options['folder']}")
        source, course = (
            Files(options["folder"], DEFAULT_TIMEFRAMES[0]),
            Course(fee=options["fee"], slippage=options["slippage"]),
        )
        if not source.symbols:
            raise CommandError(f"{options['folder']} holds no SYMBOL-{DEFAULT_TIMEFRAMES[0]} file")
        try:
            pasts = {symbol: read(source, symbol, DEFAULT_TIMEFRAMES) for symbol in source.symbols}
        except FeedError as error:
            raise CommandError(str(error)) from error
        rows, calibrated = [], []
        for name, default in DEFAULTS.items():
            policy = Policy(default.weights, default.act, default.min_confidence)
            parts = [told_by(past, policy, course) for past in pasts.values()]
            rows.append((name, tested(parts, options["draws"], options["seed"])))
            calibrated.append((name, *said_before(parts)))
        self._show(rows, len(pasts))
        self._show_calibration(calibrated)

    def _show(self, rows: list[tuple[str, dict[str, Any]]], symbols: int) -> None:
        table = Table("preset", "what", "outcomes", "hit rate", "95 %", "R", "p", title=f"{symbols} symbols")
        for name, found in rows:
            for what in ("all", "calls"):
                one = found[what]
                low, high = one["interval"]
                table.add_row(
                    name,
                    {"all": "signals with a direction", "calls": "BUY and SELL"}[what],
                    str(one["count"]),
                    f"{one['hit_rate']:.1%}" if one["count"] else "-",
                    f"{low:.1%} to {high:.1%}",
                    f"{one['expectancy_r']:+.3f}" if one["count"] else "-",
                    "",
                )
            test = found["test"]
            traded = f"{test['mean_r']:+.3f}" if test["mean_r"] is not None else "-"
            p = f"{test['p']:.3f}" if test["p"] is not None else "-"
            table.add_row(name, "BUY and SELL, one at a time", str(int(test["trades"])), "", "", traded, p)
            random = f"{test['random_r']:+.3f}" if test["random_r"] is not None else "-"
            table.add_row(name, "the same at random times", "", "", "", random, "")
        console = console_on(self.stdout)
        console.print(table)
        for name, found in rows:
            console.print(f"{name}: {verdict(found['test'])}")

    def _show_calibration(self, rows: list[Any]) -> None:
        from engine.calibration import brier, calibration_error, error_of_perfect, reliability

        for name, p, came in rows:
            if len(p) < RELIABLE:
                self.stdout.write(f"calibration of {name}: insufficient, {len(p)} outcomes had a probability")
                continue
            y = came.astype(float)
            error, perfect = calibration_error(reliability(p, y)), error_of_perfect(p)
            self.stdout.write(
                f"calibration of {name} on {len(p)} outcomes: error {error:.4f}, of a perfect one {perfect:.4f}; "
                f"Brier {brier(p, y):.4f}, of the mean {brier(p * 0 + y.mean(), y):.4f}"
            )


def verdict(test: dict[str, Any]) -> str:
    """Return whether a preset beat random entries, in a sentence."""
    if test["p"] is None:
        return "no edge found: nothing was traded"
    edge = test["mean_r"] > 0.0 and test["p"] <= 0.05
    start = "edge" if edge else "no edge found"
    return f"{start}: {test['mean_r']:+.3f} R against {test['random_r']:+.3f} R of random entries, p = {test['p']:.3f}"
