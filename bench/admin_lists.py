"""How long each list of the admin takes over a million signals and ten million candles, on PostgreSQL.

``python -m bench.admin_lists`` makes a database of its own on the server of TEST_DATABASE_URL, fills it, asks for each
list as a browser does, and writes a dated table to bench/results/. SIGNALS and CANDLES take other numbers.
"""

import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.databases import on_postgresql

SIGNALS, CANDLES = int(os.environ.get("SIGNALS", "1000000")), int(os.environ.get("CANDLES", "10000000"))
INSTRUMENTS = 200
LIMIT_MS = 300.0
RUNS = 7
RESULTS = Path(__file__).parent / "results"

LISTS = {
    "signals": "/admin/signals/signal/",
    "signals, one advice": "/admin/signals/signal/?advice__exact=SELL",
    "signals, one preset": "/admin/signals/signal/?preset_version__preset__id__exact={preset}",
    "signals of one symbol": "/admin/signals/signal/?q=S0077",
    "signals, page 20": "/admin/signals/signal/?p=20",
    "signals, from the middle on": "/admin/signals/signal/?before={middle},100",
    "one signal": "/admin/signals/signal/{signal}/change/",
    "outcomes": "/admin/signals/outcome/",
    "outcomes, stopped": "/admin/signals/outcome/?how__exact=stop",
    "scan runs": "/admin/agent/scanrun/",
    "scan runs, partial": "/admin/agent/scanrun/?status__exact=partial",
    "instruments": "/admin/market/instrument/",
    "series (with their newest candle)": "/admin/market/series/",
    "holes": "/admin/market/hole/",
    "markets": "/admin/market/market/",
    "audit trail": "/admin/access/auditentry/",
    "presets": "/admin/presets/weightpreset/",
    "agent": "/admin/agent/agentstate/",
}

FILL = """
INSERT INTO market_instrument (market_id, symbol, watched)
  SELECT {market}, 'S' || lpad(n::text, 4, '0') || 'USDT', true FROM generate_series(1, {instruments}) n;
INSERT INTO market_series (instrument_id, timeframe, first_open)
  SELECT i.id, t, 0 FROM market_instrument i, unnest(ARRAY['5m', '15m', '1h']) t WHERE i.symbol LIKE 'S0%%';
INSERT INTO market_candle (series_id, open_time, open, high, low, close, volume)
  SELECT s.id, n * 300000::bigint, 100, 101, 99, 100, 1 FROM generate_series(1, {bars}) n,
  (SELECT id FROM market_series ORDER BY id DESC LIMIT 3 * {instruments}) s;
INSERT INTO market_hole (series_id, start, "end", reason)
  SELECT s.id, n * 3000000::bigint, n * 3000000::bigint + 300000, 'outage'
  FROM market_series s, generate_series(1, 150) n;
INSERT INTO agent_scanrun (market_id, kind, due_at, market_time, preset_version_id, status, started_at, finished_at,
    symbols, signals, held)
  SELECT {market}, 'tick', -n, n, {version}, CASE WHEN n %% 1000 = 0 THEN 'partial' ELSE 'complete' END, now(), now(),
  200, 5, '{{}}'
  FROM generate_series(1, {signals} / 5) n;
INSERT INTO signals_signal (id, instrument_id, seq, as_of, score, confidence, consensus, direction, advice, risk_level,
    price, atr, atr_rank, because, preset_version_id, min_confidence, scoring_version, configured, timeframes,
    created_at, published)
  SELECT gen_random_uuid(), i.id, n, n * 300000::bigint, 0.5 + 0.4 * sin(n), 0.5, 0.5, 'BULLISH',
  CASE WHEN n %% 30 = 0 THEN 'SELL' ELSE 'HOLD' END, 'LOW', 100, 0.01, 0.5, 'moved', {version}, 0.3, 'x',
  one.configured, one.timeframes, now(), true
  FROM generate_series(1, {signals} / {instruments}) n, (SELECT id FROM market_instrument WHERE symbol LIKE 'S0%%') i,
  (SELECT configured, timeframes FROM signals_signal LIMIT 1) one;
INSERT INTO signals_outcome (signal_id, series_id, side, stop_atr, target_r, horizon, fee, slippage, basis, detectors,
    timeframes, awaits, how, known_at, bars, best, worst, r)
  SELECT id, {series}, 1, 2, 2, 48, 0.0005, 0.001, '5m', '[]', '["5m"]', as_of,
  CASE WHEN seq %% 3 = 0 THEN 'stop' ELSE 'target' END, as_of + 300000,
  5, 1, -1, -1 FROM signals_signal WHERE as_of < {signals} * 300000::bigint;
INSERT INTO access_auditentry (at, ts, actor, source, action, object, old, new)
  SELECT now(), n, 'me', 'command', 'agent.toggle', 'agent', '{{}}', '{{}}' FROM generate_series(1, {signals}) n;
"""


def filled() -> dict[str, object]:
    """Fill the database from one played signal; return what the addresses need."""
    from django.db import connection

    from agent.runner import MarketRunner
    from market.feeds import current_market
    from market.models import Series
    from signals.models import Signal

    runner = MarketRunner(current_market())
    while not Signal.objects.exists():
        runner.step()
    one = Signal.objects.select_related("preset_version").first()
    names = {
        "market": one.instrument.market_id, "version": one.preset_version_id, "instruments": INSTRUMENTS,
        "bars": CANDLES // (3 * INSTRUMENTS), "signals": SIGNALS, "series": Series.objects.order_by("pk")[0].pk,
    }  # fmt: skip
    with connection.cursor() as cursor:
        for statement in FILL.replace("%%", "%").format(**names).split(";\n"):
            if statement.strip():
                began, table = time.perf_counter(), statement.split()[2]
                cursor.execute(statement)
                print(f"{table:<22} {cursor.rowcount:>11,} rows in {time.perf_counter() - began:.0f} s", flush=True)
        cursor.execute("ANALYZE")
    middle = SIGNALS // INSTRUMENTS // 2 * 300_000
    return {"preset": one.preset_version.preset_id, "middle": middle, "signal": one.pk}


def measured(about: dict[str, object]) -> list[tuple[str, int, float, float]]:
    """Return of each list its queries and its median and worst ms, as a browser's request is answered."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(User.objects.create_superuser("bench"))
    found = []
    for name, path in LISTS.items():
        address, took = path.format(**about), []
        with CaptureQueriesContext(connection) as queries:
            browser.get(address)
        count = len(queries)  # now: later requests reset what was captured
        for _ in range(RUNS):
            began = time.perf_counter()
            answer = browser.get(address)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (name, answer.status_code)
        found.append((name, count, statistics.median(took), max(took)))
        print(f"{name:<36} {count:>3} queries {statistics.median(took):>7.0f} ms")
    return found


def report(rows: list[tuple[str, int, float, float]]) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT version(), pg_size_pretty(pg_database_size(current_database()))")
        version, size = cursor.fetchone()
        counts = {}
        for table in ("signals_signal", "market_candle", "signals_outcome", "agent_scanrun", "access_auditentry"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts[table] = cursor.fetchone()[0]
    lines = [
        f"# The admin's lists, {datetime.now(UTC):%Y-%m-%d}\n",
        f"`python -m bench.admin_lists` on {version.split(' on ')[0]}, {os.cpu_count()} cores, {size}:",
        ", ".join(f"{count:,} {table}" for table, count in counts.items()) + ".",
        f"Milliseconds of a request in process, {RUNS} runs each; the limit is {LIMIT_MS:.0f}.\n",
        "| list | queries | median | worst |\n| --- | ---: | ---: | ---: |",
        *(f"| {name} | {queries} | {median:.0f} | {worst:.0f} |" for name, queries, median, worst in rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    with on_postgresql():
        rows = measured(filled())
        (RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-admin.md").write_text(report(rows))
    slow = [f"{name}: {median:.0f} ms" for name, _, median, _ in rows if median > LIMIT_MS]
    raise SystemExit(f"over {LIMIT_MS:.0f} ms: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
