"""``manage.py scan``: one scan of the stored candles, as a table."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.table import Table

from engine.timeframes import DEFAULT_TIMEFRAMES, INTERVAL_MS
from market.feeds import current_market
from market.models import Instrument
from presets.services import active_version
from rest.symbols import normalise
from rest.tables import console_on
from signals.scanner import ordered, scan, scan_json


class Command(BaseCommand):
    help = "Score symbols at the market's present time and rank them. Stores nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", help="default: all symbols of the market")
        parser.add_argument("--timeframes", default=",".join(DEFAULT_TIMEFRAMES), help="such as 15m,1h")
        parser.add_argument("--json", action="store_true", help="print the ScannerResponse of the API")

    def handle(self, *args: Any, **options: Any) -> None:
        timeframes = ordered(options["timeframes"].split(",")) if self._known(options["timeframes"]) else []
        market, preset, started = current_market(), active_version(), time.perf_counter()
        instruments = self._instruments(market, [normalise(s) for s in options["symbols"]])
        results = scan(market, instruments, timeframes, preset.policy())
        answer = scan_json(results, started, preset.preset.name, {})
        if options["json"]:
            self.stdout.write(json.dumps(answer, indent=2, allow_nan=False))
        else:
            self._show(answer, market.source, timeframes)

    def _known(self, text: str) -> bool:
        for name in text.split(","):
            if name not in INTERVAL_MS:
                raise CommandError(f"--timeframes: {name!r} is no timeframe; known are {', '.join(INTERVAL_MS)}")
        return True

    def _instruments(self, market: Any, symbols: list[str]) -> list[Instrument]:
        known = {i.symbol: i for i in Instrument.objects.filter(market=market)}
        if not known:
            raise CommandError("the market has no candles yet: start `manage.py serve` once")
        if unknown := [s for s in symbols if s not in known]:
            raise CommandError(f"unknown symbol {', '.join(unknown[:5])}; known are {', '.join(sorted(known)[:20])}")
        return [known[s] for s in symbols] if symbols else list(known.values())

    def _show(self, answer: dict[str, Any], source: str, timeframes: list[str]) -> None:
        meta = answer["meta"]
        title = f"{source.upper()} market, preset {meta['preset']}"
        table = Table("#", "symbol", "price", "score", "conf.", "advice", "risk", *timeframes, title=title)
        for one in answer["results"]:
            shown = [f"{one['timeframes'][t]:.3f}" if t in one["timeframes"] else "-" for t in timeframes]
            figures = [f"{one['price']:.6g}", f"{one['final_score']:.3f}", f"{one['confidence']:.2f}"]
            table.add_row(str(one["rank"]), one["symbol"], *figures, one["advice"], one["risk_level"], *shown)
        console = console_on(self.stdout)
        console.print(table)
        for none in meta["skipped"]:
            console.print(f"{none['symbol']} {none['timeframe']}: no score, {none['reason']}: {none['detail']}")
        found = f"{meta['opportunities_found']} opportunities"
        console.print(f"{meta['symbols_scanned']} symbols in {meta['scan_ms']:.0f} ms, {found}")
