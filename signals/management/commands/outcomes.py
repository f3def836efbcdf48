"""``manage.py outcomes``: the record of past signals, as tables."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError
from rich.table import Table

from market.feeds import current_market
from market.models import Instrument
from presets.models import WeightPreset
from rest.symbols import normalise
from rest.tables import console_on
from signals.models import Signal
from signals.outcomes.api import record_of
from signals.outcomes.following import follow
from signals.outcomes.opening import open_outcomes
from signals.outcomes.record import KEYS


class Command(BaseCommand):
    help = "Say what became of past signals: hit rates and expectancy beside random entries, and the calibration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", nargs="?", help="default: all symbols")
        parser.add_argument("--preset")
        parser.add_argument("--by", choices=list(KEYS), default="symbol", help="what the table is split by")
        parser.add_argument("--fee", type=float, help="of each fill, instead of the one followed with")
        parser.add_argument(
            "--follow", action="store_true", help="first follow what the scan has not: older signals too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        market = current_market()
        if options["follow"]:
            self._follow(market)
        query = {name: options[name] for name in ("preset", "fee") if options[name] is not None}
        if options["fee"] is not None and not 0.0 <= options["fee"] <= 0.1:
            raise CommandError(f"--fee must be 0 to 0.1, was {options['fee']}")
        if "preset" in query and not WeightPreset.objects.filter(name=query["preset"]).exists():
            raise CommandError(f"--preset: there is no preset {query['preset']!r}")
        if options["symbol"]:
            query["symbol"] = normalise(options["symbol"])
        try:
            found = record_of(market, query)
        except ValidationError as error:
            raise CommandError(f"there is no signal of {options['symbol']}: this market does not know it") from error
        self._show(found, options["by"])

    def _follow(self, market: Any) -> None:
        opened = sum(map(open_outcomes, self._batches(market)))
        ended, instruments = 0, list(Instrument.objects.filter(market=market))
        while done := follow(instruments, market.position or 0):
            ended += done
        self.stdout.write(f"{opened} signals taken up, {ended} outcomes ended")

    def _batches(self, market: Any) -> Any:
        """Yield the signals that nobody follows, such as those of before there were outcomes."""
        while batch := list(
            Signal.objects.of_market(market).filter(outcome=None).exclude(direction="NEUTRAL").order_by("as_of")[:500]
        ):
            yield batch

    def _show(self, found: dict[str, Any], by: str) -> None:
        table = Table(by, "outcomes", "hit rate", "95 %", "R", "%", "random hit rate", "random R", title="Past signals")
        for group in [*found["groups"][by], {"key": "all", **found["overall"]}]:
            table.add_row(group["key"], str(group["count"]), *_figures(group))
        console = console_on(self.stdout)
        console.print(table)
        console.print(f"{found['open']} signals are still followed, {found['void']} have no result")
        console.print(_calibration(found["calibration"]))


def _figures(group: dict[str, Any]) -> list[str]:
    if group["status"] != "ok":
        return ["insufficient", *[""] * 5]
    low, high = group["interval"]
    drawn = group["baseline"]
    random = [f"{drawn['hit_rate']:.1%}", f"{drawn['expectancy_r']:+.3f}"] if drawn else ["", ""]
    own = [f"{group['hit_rate']:.1%}", f"{low:.1%} to {high:.1%}"]
    return [*own, f"{group['expectancy_r']:+.3f}", f"{group['expectancy_percent']:+.3f}", *random]


def _calibration(found: dict[str, Any]) -> str:
    if found["status"] != "ok":
        return f"calibration: insufficient, {found['count']} outcomes had a probability"
    return (
        f"calibration on {found['count']} outcomes: error {found['calibration_error']:.4f}, of a perfect forecaster "
        f"{found['error_of_perfect']:.4f}; Brier {found['brier']:.4f}, of the mean {found['brier_of_mean']:.4f}"
    )
