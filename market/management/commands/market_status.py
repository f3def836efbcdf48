"""``manage.py market_status``."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Max, Min, Q
from rich.table import Table

from engine.timeframes import INTERVAL_MS
from market.feeds import current_market, is_live
from market.models import Hole, Market, Series, SideSeries
from market.windows import STALE_INTERVALS
from rest.tables import console_on


class Command(BaseCommand):
    help = "Show each series: its last closed bar and how old that is, its holes, and where its bars come from."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            market = current_market()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        console = console_on(self.stdout)
        console.print(_table(market))
        for line in _remarks(market):
            console.print(line)


def _table(market: Market) -> Table:
    table = Table(title=f"{market.source}: market time {_time(market.delivered)}")
    for name in ("series", "last closed", "age", "holes", "missing", "source", "state"):
        table.add_column(name, justify="right" if name in ("age", "holes", "missing") else "left")
    missing = Q(holes__reason=Hole.Reason.MISSING)
    found = Series.objects.filter(instrument__market=market, instrument__watched=True).select_related("instrument")
    # Two queries: counting holes beside candles would multiply them.
    newest = dict(found.annotate(newest=Max("candle__open_time")).values_list("pk", "newest"))
    by_rest = set(market.state.get("by_rest_only", []))
    counted = found.annotate(all_holes=Count("holes"), missing=Count("holes", filter=missing))
    for one in sorted(counted, key=lambda s: (s.instrument.symbol, s.interval_ms)):
        close = None if newest[one.pk] is None else newest[one.pk] + one.interval_ms
        age = None if close is None or market.delivered is None else market.delivered - close
        source = market.source if not is_live(market) else _source(one, by_rest)
        cells = (str(one), _time(close), _span(age), str(one.all_holes), str(one.missing), source, _state(one, age))
        table.add_row(*cells)
    return table


def _source(one: Series, by_rest: set[str]) -> str:
    return "REST" if f"{one.instrument.symbol} {one.timeframe}" in by_rest else "socket"


def _state(one: Series, age: int | None) -> str:
    if age is None:
        return "no bars yet"
    if one.ended_at is not None:
        return "ended"
    return "stale" if age >= STALE_INTERVALS * INTERVAL_MS[one.timeframe] else "live"


def _remarks(market: Market) -> list[str]:
    """Return what a person should know of the feed, from its last report."""
    state, lines = market.state, []
    if market.blocked:
        lines.append(f"nothing is scored: {market.blocked}")
    if not is_live(market) or "counts" not in state:
        return lines
    if state["problem"]:
        lines.append(f"the exchange is not reached: {state['problem']}; next try {_time(state['retry_at'])}")
    if state["unknown_symbols"]:
        lines.append(f"EXCHANGE_SYMBOLS: not on {market.source}: {', '.join(state['unknown_symbols'])}")
    history = state["history"]
    if history["loaded"] < history["series"]:
        lines.append(f"history: {history['loaded']} of {history['series']} series are loaded")
    for socket in state["sockets"]:
        lines.append(f"socket of {socket['series']} series: {socket['state']} {socket['problem']}".rstrip())
    if state["weight"]:
        lines.append(f"request weight: {state['weight']['used']} of {state['weight']['limit']} in the last minute")
    lines += _derivatives(market)
    lines.append(f"clock: the exchange is {state['clock_offset_ms']} ms ahead")
    counts = ", ".join(f"{reason} {count}" for reason, count in state["counts"].items())
    return [*lines, f"since the feed began: {counts or 'nothing'}"]


def _derivatives(market: Market) -> list[str]:
    told = market.state.get("derivatives")
    if told is None:
        return ["derivatives: not fetched (EXCHANGE_DERIVATIVES, EXCHANGE_DERIVATIVES_URL)"]
    stored = SideSeries.objects.filter(instrument__market=market, instrument__watched=True).order_by("kind")
    found = stored.values_list("kind").annotate(Count("pk"), Min("newest"))
    lines = [f"{kind}: {count} symbols, all up to {_time(newest)}" for kind, count, newest in found]
    if told["without_perpetual"]:
        lines.append(f"no perpetual, so sentiment abstains: {', '.join(told['without_perpetual'])}")
    if told["not_told"]:
        lines.append(f"{market.source} has no history of {', '.join(told['not_told'])}")
    if told["problem"]:
        lines.append(f"derivatives are not reached: {told['problem']}")
    return lines


def _time(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(ms: int | None) -> str:
    if ms is None:
        return "-"
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
