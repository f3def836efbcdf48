"""Lists of the admin: as many queries for a thousand rows as for three, no row counted to the end, none left out."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import AuditEntry
from agent.models import ScanRun, ScanShard
from agent.services import agent_state
from engine.catalogue import DETECTORS
from market.models import Hole, Instrument, Series
from presets.services import active_version, save_preset
from rest.big_lists import WINDOW
from signals.models import Outcome, Signal, signal_id

pytestmark = pytest.mark.django_db

LISTS = (
    "signals/signal", "signals/outcome", "signals/calibration", "agent/scanrun", "agent/agentstate", "agent/runner",
    "market/market", "market/instrument", "market/series", "market/hole", "market/sideseries", "access/auditentry",
    "presets/weightpreset",
)  # fmt: skip
BIG = ("signals/signal", "signals/outcome", "agent/scanrun", "market/hole", "access/auditentry")


@pytest.fixture
def admin(admin_client):
    admin_client.defaults["HTTP_HOST"] = "127.0.0.1"
    return admin_client


def fill(count):
    """Store so many more rows of each kind."""
    first = Signal.objects.select_related("instrument__market").order_by("as_of", "instrument").first()
    market, begun = first.instrument.market, Signal.objects.count() + 1
    instruments = [Instrument(market=market, symbol=f"S{begun + n}USDT") for n in range(count)]
    Instrument.objects.bulk_create(instruments)
    series = [Series(instrument=one, timeframe="5m", first_open=0) for one in instruments]
    Series.objects.bulk_create(series)
    Hole.objects.bulk_create(Hole(series=one, start=0, end=300_000, reason="outage") for one in series)
    runs = [
        ScanRun(
            market=market, kind="tick", due_at=n, market_time=n, preset_version=active_version(), status="complete",
            finished_at=timezone.now(),
        )
        for n in range(begun, begun + count)
    ]  # fmt: skip
    ScanRun.objects.bulk_create(runs)
    ScanShard.objects.bulk_create(ScanShard(run=run) for run in runs)
    same = {f.attname: getattr(first, f.attname) for f in Signal._meta.concrete_fields}
    signals = [
        Signal(
            **same | {"id": signal_id(market.epoch, one.symbol, 1), "instrument_id": one.pk, "seq": 1, "as_of": n // 3}
        )
        for n, one in enumerate(instruments, start=begun)
    ]
    Signal.objects.bulk_create(signals)
    Outcome.objects.bulk_create(
        Outcome(
            signal=one, series=its, side=1, stop_atr=2, target_r=2, horizon=9, fee=0, slippage=0, basis="5m",
            detectors=[], timeframes=["5m"], awaits=0, how="stop", known_at=one.as_of, r=-1.0,
        )
        for one, its in zip(signals, series, strict=True)
    )  # fmt: skip
    for number in range(count):
        AuditEntry.objects.create(actor="me", source="command", action="test", object=str(number), old=None, new={})


def queries_of(admin):
    """Return by list the statements that it takes."""
    found = {}
    for path in LISTS:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(f"/admin/{path}/").status_code == 200, path
        found[path] = [query["sql"] for query in captured]
    return found


def test_a_list_takes_as_many_queries_for_many_rows_as_for_few_and_counts_none_to_the_end(admin, play):
    play(2)
    agent_state()
    fill(3)
    few = queries_of(admin)
    fill(60)
    for number in range(3):
        save_preset(f"p{number}", dict.fromkeys(DETECTORS, 0.0) | {"trend": 1.0}, "", by=None)
    many = queries_of(admin)
    for path in LISTS:
        assert len(many[path]) == len(few[path]) <= 14, "\n".join(many[path])
    for path in BIG:
        counts = [sql for sql in many[path] if "COUNT(" in sql.upper() and "django_" not in sql]
        assert counts
        assert all(f"LIMIT {WINDOW}" in sql for sql in counts), counts
        assert not any("DISTINCT" in sql.upper() for sql in many[path])


def test_older_than_these_leads_through_every_row_once(admin, play):
    play(2)
    fill(120)
    for path in BIG:
        address, seen, pages = f"/admin/{path}/", [], 0
        while address:
            page = admin.get(address)
            assert page.status_code == 200
            seen += [row.pk for row in page.context["cl"].result_list]
            pages += 1
            older = re.search(r'href="(\?[^"]*)">older than these', page.content.decode())
            address = f"/admin/{path}/{older[1].replace('&amp;', '&')}" if older else None
        rows = page.context["cl"].model.objects
        total = rows.exclude(known_at=None).count() if path == "signals/outcome" else rows.count()
        assert len(seen) == len(set(seen)) == total, path
        assert pages >= 3


def test_a_key_that_is_none_leads_back_to_the_list(admin, replay):
    for key in ("nonsense", "1,2,3", "1", "x,y"):
        answer = admin.get(f"/admin/signals/signal/?before={key}")
        assert answer.status_code == 302
        assert answer["Location"].endswith("?e=1")


def test_lists_are_searched_by_symbol_and_filtered(admin, play):
    stored = play(6)
    one = Series.objects.get(instrument__symbol="CCCUSDT", timeframe="5m")
    Hole.objects.create(series=one, start=0, end=300_000, reason="outage")
    page = admin.get("/admin/signals/signal/?q=bbb").context["cl"]
    assert {row.instrument.symbol for row in page.result_list} == {"BBBUSDT"}
    buys = admin.get("/admin/signals/signal/?advice__exact=BUY").context["cl"]
    assert buys.result_count == sum(s.advice == "BUY" for s in stored)
    assert admin.get("/admin/market/hole/?q=CCC").context["cl"].result_count == Hole.objects.count() > 0
    assert (
        admin.get("/admin/signals/outcome/?how__exact=open").context["cl"].result_count
        == Outcome.objects.filter(how="open").count()
    )
    AuditEntry.objects.create(
        actor="me", source="command", action="test.it", object="preset mine", old={"a": 1}, new={"a": 2}
    )
    page = admin.get("/admin/access/auditentry/?q=preset mine")
    assert page.context["cl"].result_count == 1
    assert "a: 1 → 2" in page.content.decode()
