"""``manage.py score SYMBOL TIMEFRAME``: one score with every component."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.timeframes import INTERVAL_MS
from market.feeds import current_market
from market.models import Instrument
from presets.services import active_version
from rest.symbols import normalise
from rest.tables import console_on
from signals.scanner import scan, score_json


class Command(BaseCommand):
    help = "Score one series at the market's present time and show what each detector says."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("timeframe", choices=list(INTERVAL_MS))

    def handle(self, *args: Any, **options: Any) -> None:
        market, preset, timeframe = current_market(), active_version(), options["timeframe"]
        instrument = Instrument.objects.filter(market=market, symbol=normalise(options["symbol"])).first()
        if instrument is None:
            raise CommandError(f"unknown symbol {options['symbol']!r}")
        policy = preset.policy()
        result = scan(market, [instrument], [timeframe], policy)[0]
        if timeframe in result.skipped:
            none = result.skipped[timeframe]
            raise CommandError(f"no score: {none.reason}: {none.detail}")
        self._show(score_json(result, timeframe, policy, preset), market.source)

    def _show(self, score: dict[str, Any], source: str) -> None:
        console = console_on(self.stdout)
        console.print(
            f"{score['symbol']} {score['timeframe']} on a {source.upper()} market, preset {score['preset']} "
            f"v{score['preset_version']}: score {score['score']:.4f}, {score['direction']}, {score['advice']}, "
            f"confidence {score['confidence']:.2f}, risk {score['risk_level']}, price {score['price']:.6g}"
        )
        table = Table("detector", "score", "conf.", "weight", "contribution", "reason")
        for part in score["components"]:
            numbers = [f"{part['score']:.3f}", f"{part['confidence']:.2f}", f"{part['weight']:.2f}"]
            table.add_row(part["name"], *numbers, f"{part['contribution']:+.4f}", part["reason"])
        console.print(table)
