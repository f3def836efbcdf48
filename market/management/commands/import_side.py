"""``manage.py import_side FILE…``."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market import side, side_files
from market.feeds.base import FeedError
from market.importing import imported_market
from market.models import Instrument


class Command(BaseCommand):
    help = (
        "Store funding rates, open interest, long/short ratios or news scores (SYMBOL-kind.parquet or .csv, columns "
        "time and value) beside the imported candles of their symbol. Importing a file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            read = [side_files.read(path) for path in options["files"]]
        except FeedError as error:
            raise CommandError(str(error)) from error
        for symbol, kind, arrivals in read:
            instrument, _ = Instrument.objects.get_or_create(market=imported_market(), symbol=symbol)
            counts = side.store(instrument, kind, arrivals)
            self.stdout.write(f"{symbol} {kind}: stored {counts.pop('stored')}")
            for fault, count in sorted(counts.items()):
                self.stdout.write(f"{symbol} {kind}: rejected {count}: {fault}")
