"""``manage.py export_candles SYMBOL… --timeframe --to FOLDER``."""

from pathlib import Path
from typing import Any

import numpy as np
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.timeframes import INTERVAL_MS
from engine.window import COLUMNS, Window
from market.candles import read_candles
from market.feeds import current_market
from market.models import Market, Series
from rest.symbols import normalise


class Command(BaseCommand):
    help = "Write stored candles as SYMBOL-interval.parquet, which `replay:<folder>` plays and `import_candles` reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help="by default all of the market")
        parser.add_argument("--timeframe", action="append", choices=list(INTERVAL_MS), help="by default all there are")
        parser.add_argument("--to", type=Path, default=Path(), metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            market = current_market()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        series = _asked(market, [normalise(s) for s in options["symbols"]], options["timeframe"])
        options["to"].mkdir(parents=True, exist_ok=True)
        for one in series:
            bars = read_candles([one], 0, 2**62).get(one.pk)
            if bars is None:
                self.stdout.write(f"{one}: no bars stored")
                continue
            path = options["to"] / f"{one.instrument.symbol}-{one.timeframe}.parquet"
            write(path, bars)
            self.stdout.write(f"{path}: {len(bars.open_times)} bars")


def _asked(market: Market, symbols: list[str], timeframes: list[str] | None) -> list[Series]:
    found = Series.objects.filter(instrument__market=market).select_related("instrument")
    known = set(found.values_list("instrument__symbol", flat=True))
    if absent := sorted(set(symbols) - known):
        raise CommandError(f"{', '.join(absent)}: not known to {market.source}")
    if symbols:
        found = found.filter(instrument__symbol__in=symbols)
    if timeframes:
        found = found.filter(timeframe__in=timeframes)
    if not found:
        raise CommandError(f"{market.source} has no such candles stored")
    return sorted(found, key=lambda s: (s.instrument.symbol, s.interval_ms))


def write(path: Path, bars: Window) -> None:
    """Write ``bars`` as docs/data.md has it; without the taker volume where no bar has one."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"open_time": bars.open_times} | dict(zip(COLUMNS, bars.values, strict=True))
    if np.isnan(columns["taker_buy_volume"]).all():
        del columns["taker_buy_volume"]
    # Written beside and moved: a reader never meets half a file.
    half = path.with_suffix(".part")
    parquet.write_table(pa.table(columns), half, compression="zstd")
    half.replace(path)
