"""Counts that agree with what is stored: raised in the transaction of what they count, so no crash parts them.

They outlive restarts and what retention removes, and are the same whichever process is asked.
"""

from collections import Counter
from collections.abc import Iterable

from django.db import connection

from agent.models import Tally
from market.models import Market
from signals.models import Signal
from signals.scoring import SymbolResult

Counts = Counter[tuple[str, str]]  # by metric, and its labels' values joined by SEPARATOR
SEPARATOR = "|"


def counted(results: Iterable[SymbolResult], signals: Iterable[Signal], held: Counter[str]) -> Counts:
    """Return the counts of one shard."""
    counts: Counts = Counter()
    for result in results:
        counts["agent_symbols_scored", ""] += result.score is not None
        for timeframe in result.series:
            counts["agent_series_scored", timeframe] += 1
        for timeframe, none in result.skipped.items():
            counts["agent_series_skipped", f"{timeframe}{SEPARATOR}{none.reason}"] += 1
    for signal in signals:
        counts["agent_signals", signal.advice] += 1
    for reason, count in held.items():
        counts["agent_decisions_held", reason] += count
    return counts


def add(market: Market, counts: Counts) -> None:
    """Raise the counts of a market. The last statement of a transaction: its rows are locked until the end."""
    rows = [(market.pk, *key, count) for key, count in sorted(counts.items()) if count]
    if not rows:
        return
    table = Tally._meta.db_table
    marks = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (market_id, name, labels, value) VALUES {marks} "  # noqa: S608  marks alone
            f"ON CONFLICT (market_id, name, labels) DO UPDATE SET value = {table}.value + excluded.value",
            [value for row in rows for value in row],
        )
