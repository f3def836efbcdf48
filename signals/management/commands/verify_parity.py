"""``manage.py verify_parity``: is every stored signal what its candles and its preset version give?"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.serializers import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from rest.fields import MomentField
from rest.symbols import normalise
from rest.tables import console_on
from signals.explaining import explain
from signals.models import Signal, SignalQuerySet

CHUNK = 200  # signals in memory at a time; no query stays open meanwhile
VERDICTS = {None: "identical", "differs": "different", "candles_pruned": "pruned", "engine_changed": "other engine"}


class Command(BaseCommand):
    help = (
        "Derive every stored signal again from the stored candles and the preset version it used. Counts those that "
        "are identical, those whose candles are pruned, those of another engine, and those that differ; names the "
        "latter and fails if there are any."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="only signals as of this time: ms since 1970 or ISO-8601 (default all)")
        parser.add_argument("--symbol", help="only this symbol's, such as BTCUSDT (default all)")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = self._wanted(options["since"], options["symbol"])
        counts = self._verify(wanted)
        compared = counts["identical"] + counts["different"]
        self.stdout.write(f"compared {compared}")
        for verdict in ("identical", "pruned", "other engine", "different"):
            self.stdout.write(f"{verdict} {counts[verdict]}")
        if counts["different"]:
            raise CommandError(f"{counts['different']} of {compared} signals are not what their candles give")

    def _wanted(self, since: str | None, symbol: str | None) -> SignalQuerySet:
        wanted = Signal.objects.all()
        if since is not None:
            try:
                wanted = wanted.filter(as_of__gte=MomentField().to_internal_value(since))
            except ValidationError as error:
                raise CommandError(f"--since {since!r} must be ms since 1970 or an ISO-8601 time") from error
        if symbol is not None:
            wanted = wanted.filter(instrument__symbol=normalise(symbol))
            if not Signal.objects.filter(instrument__symbol=normalise(symbol)).exists():
                raise CommandError(f"--symbol: no signal of {symbol!r} is stored")
        return wanted

    def _verify(self, wanted: SignalQuerySet) -> Counter[str]:
        counts: Counter[str] = Counter()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console_on(self.stdout)) as progress:
            task = progress.add_task("signals", total=wanted.count())
            for signal in in_order(wanted):
                verdict = VERDICTS[explain(signal)["reason"]]
                counts[verdict] += 1
                if verdict == "different":
                    progress.console.print(f"different: {signal.pk} {signal.instrument.symbol} {signal.seq}")
                progress.advance(task)
        return counts


def in_order(wanted: SignalQuerySet) -> Iterator[Signal]:
    """Give the signals by instrument and number, read in chunks: an open cursor would hold up a live database."""
    rows = wanted.select_related("instrument", "preset_version__preset")
    for instrument in wanted.order_by("instrument_id").values_list("instrument_id", flat=True).distinct():
        seq = 0
        while chunk := list(rows.filter(instrument=instrument, seq__gt=seq).order_by("seq")[:CHUNK]):
            yield from chunk
            seq = chunk[-1].seq
