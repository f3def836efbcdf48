"""The REST contract: what it answers, and what it refuses by name."""

import itertools
import json
import uuid

import pytest

from agent import services
from engine.catalogue import DETECTORS
from presets.models import PresetVersion, WeightPreset
from signals.models import Signal

pytestmark = pytest.mark.django_db

EVEN = {name: 1.0 / len(DETECTORS) for name in DETECTORS}


def errors(response):
    """Return {attr: code} of an error answer, whose shape is checked on the way."""
    body = response.json()
    assert set(body) == {"type", "errors"}, body
    for error in body["errors"]:
        assert set(error) == {"code", "detail", "attr"}
        assert error["detail"]
    return {error["attr"]: error["code"] for error in body["errors"]}


@pytest.fixture
def market(played_market, replay):
    """The market that was played for this module."""


def test_status_says_what_the_agent_watches_and_that_the_market_is_a_replay(api, market):
    status = api.get("/api/agent/status").json()
    assert status["enabled"] is True
    assert status["subscribed_symbols"] == ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
    assert status["timeframes"] == ["5m", "15m", "1h"]
    assert status["preset"] == "balanced"
    assert status["market"]["source"] == "replay"
    assert status["market"]["status"] == "live"
    assert status["market"]["now"] == status["market"]["last_candle_at"]
    assert status["last_scan"]["status"] == "complete"
    assert status["next_scan_at"] == status["market"]["now"] + 30_000


@pytest.mark.parametrize("send", ["query", "body"])
def test_toggle_is_idempotent_and_lasts(api, market, send):
    for enabled in (False, False, True, True):
        if send == "query":
            answer = api.put(f"/api/agent/toggle?enabled={str(enabled).lower()}")
        else:
            answer = api.put("/api/agent/toggle", {"enabled": enabled})
        assert answer.status_code == 200
        assert answer.json()["enabled"] is enabled
        assert services.agent_state().enabled is enabled


@pytest.mark.parametrize("body", [{}, {"enabled": "yes"}, {"enabled": 1}, {"enabled": None}, {"on": True}, [], 3])
def test_a_toggle_that_is_no_boolean_is_refused_and_changes_nothing(api, market, body):
    answer = api.put("/api/agent/toggle", body)
    assert answer.status_code == 400
    errors(answer)
    assert services.agent_state().enabled is True


def test_config_changes_what_is_given_and_put_resets_the_rest(api, market):
    answer = api.patch("/api/agent/config", {"symbols": ["aaa/usdt"], "rules": {"step": 0.2}, "preset": "aggressive"})
    assert answer.status_code == 200, answer.json()
    assert answer.json()["symbols"] == ["AAAUSDT"]
    assert answer.json()["rules"]["step"] == 0.2
    assert answer.json()["rules"]["hysteresis"] == 0.04
    assert api.get("/api/config/weights").json()["preset"] == "aggressive"
    put = api.put("/api/agent/config", {"scan_interval_ms": 60_000}).json()
    assert put["symbols"] == ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
    assert (put["scan_interval_ms"], put["preset"], put["rules"]["step"]) == (60_000, "balanced", 0.15)


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"scan_interval_ms": 999}, "scan_interval_ms"),
        ({"scan_interval_ms": 3_600_001}, "scan_interval_ms"),
        ({"scan_interval_ms": "soon"}, "scan_interval_ms"),
        ({"symbols": []}, "symbols"),
        ({"symbols": ["NOPE"]}, "symbols"),
        ({"symbols": ["<b>x</b>"]}, "symbols"),
        ({"symbols": ["A" * 41]}, "symbols.0"),
        ({"symbols": [f"S{i}" for i in range(10_000)]}, "symbols"),
        ({"symbols": "AAAUSDT"}, "symbols"),
        ({"timeframes": []}, "timeframes"),
        ({"timeframes": ["7m"]}, "timeframes.0"),
        ({"preset": "nope"}, "preset"),
        ({"rules": {"stepp": 1}}, "rules.stepp"),
        ({"rules": {"step": -1}}, "rules.step"),
        ({"rules": {"min_score": 0.2}}, "rules.min_score"),
        ({"rules": 3}, "rules"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_config_is_refused_by_field_and_changes_nothing(api, market, change, attr):
    before = api.get("/api/agent/config").json()
    for method in (api.patch, api.put):
        answer = method("/api/agent/config", change)
        assert answer.status_code == 400
        assert any(str(found).startswith(attr) for found in errors(answer)), answer.json()
    assert api.get("/api/agent/config").json() == before


def test_subscribe_makes_the_watchlist(api, market):
    assert api.post("/api/agent/subscribe", {"symbols": ["BBBUSDT"]}).json()["subscribed_symbols"] == ["BBBUSDT"]
    assert api.post("/api/agent/subscribe", {"symbols": ["BBBUSDT", "NOPE"]}).status_code == 400
    assert services.agent_state().symbols == ["BBBUSDT"]


def test_a_score_is_explained_by_contributions_that_add_up_to_it(api, market):
    score = api.post("/api/signals/score", {"symbol": "aaa/usdt", "timeframe": "1h"}).json()
    assert score["symbol"] == "AAAUSDT"
    assert [part["name"] for part in score["components"]] == list(DETECTORS)
    assert abs(sum(part["contribution"] for part in score["components"]) - (score["score"] - 0.5)) < 1e-9
    for part in score["components"]:
        assert 0 <= part["score"] <= 1
        assert 0 <= part["confidence"] <= 1
        assert part["reason"]
        if part["confidence"] == 0:
            assert (part["score"], part["contribution"]) == (0.5, 0)


def test_the_score_of_a_request_is_the_score_that_the_scan_stored(api, market):
    latest = api.get("/api/signals/decisions?symbol=AAAUSDT").json()["results"][0]
    item = api.get("/api/scanner/symbol/AAAUSDT?timeframes=5m,15m,1h").json()
    assert latest["as_of"] == item["as_of"]
    assert latest["score"] == item["final_score"]


def test_a_scan_ranks_by_distance_from_neutral_and_lists_what_it_skipped(api, market):
    body = {"symbols": ["AAAUSDT", "BBBUSDT", "CCCUSDT"], "timeframes": ["15m", "1h", "1d"]}
    answer = api.post("/api/scanner/run", body)
    assert answer.status_code == 200
    items, meta = answer.json()["results"], answer.json()["meta"]
    distances = [abs(item["final_score"] - 0.5) for item in items]
    assert distances == sorted(distances, reverse=True)
    assert [item["rank"] for item in items] == list(range(1, len(items) + 1))
    assert meta["symbols_scanned"] == 3
    assert {(s["symbol"], s["timeframe"], s["reason"]) for s in meta["skipped"]} >= {("AAAUSDT", "1d", "too_short")}
    assert meta["opportunities_found"] == sum(item["advice"] != "HOLD" for item in items)
    for item in items:
        assert set(item["components"]) == set(DETECTORS)
        assert item["risk"]["atr_pct"] > 0
        assert 0 <= item["consensus"] <= 1


def test_rules_of_a_scan_leave_out_weak_results_only(api, market):
    body = {"symbols": ["AAAUSDT", "BBBUSDT", "CCCUSDT"], "timeframes": ["5m", "15m", "1h"]}
    everything = api.post("/api/scanner/run", body).json()["results"]
    strongest = abs(everything[0]["final_score"] - 0.5)
    some = api.post("/api/scanner/run", body | {"rules": {"min_score": 0.5 + strongest}}).json()["results"]
    assert [item["symbol"] for item in some] == [everything[0]["symbol"]]


def test_own_weights_change_the_score_and_nothing_else_is_stored(api, market):
    only = dict.fromkeys(DETECTORS, 0.0) | {"trend": 1.0}
    body = {"symbol": "AAAUSDT", "timeframe": "15m", "weights": only}
    score = api.post("/api/signals/score", body).json()
    assert [part["contribution"] for part in score["components"][1:]] == [0] * (len(DETECTORS) - 1)
    assert PresetVersion.objects.count() == 3


SCORE = {"symbol": "AAAUSDT", "timeframe": "15m"}
SCAN = {"symbols": ["AAAUSDT"], "timeframes": ["15m"]}


@pytest.mark.parametrize(
    ("path", "body", "attr"),
    [
        ("/api/signals/score", {}, "symbol"),
        ("/api/signals/score", SCORE | {"symbol": "NOPE"}, "symbol"),
        ("/api/signals/score", SCORE | {"symbol": ""}, "symbol"),
        ("/api/signals/score", SCORE | {"symbol": "../../etc"}, "symbol"),
        ("/api/signals/score", SCORE | {"symbol": {"a": 1}}, "symbol"),
        ("/api/signals/score", SCORE | {"timeframe": "2h"}, "timeframe"),
        ("/api/signals/score", SCORE | {"preset": "nope"}, "preset"),
        ("/api/signals/score", SCORE | {"weights": {"trend": 0.9}}, "weights"),
        ("/api/signals/score", SCORE | {"weights": EVEN | {"magic": 0.0}}, "weights"),
        ("/api/signals/score", SCORE | {"weights": EVEN | {"trend": -0.1}}, "weights"),
        ("/api/signals/score", SCORE | {"weights": EVEN | {"trend": "x"}}, "weights"),
        ("/api/signals/score", SCORE | {"weights": EVEN | {"trend": True}}, "weights"),
        ("/api/signals/score", SCORE | {"weights": []}, "weights"),
        ("/api/signals/score", SCORE | {"extra": 1}, "extra"),
        ("/api/scanner/run", SCAN | {"symbols": []}, "symbols"),
        ("/api/scanner/run", SCAN | {"symbols": ["X"] * 10_000}, "symbols"),
        ("/api/scanner/run", SCAN | {"symbols": ["AAAUSDT", "NOPE"]}, "symbols"),
        ("/api/scanner/run", SCAN | {"timeframes": []}, "timeframes"),
        ("/api/scanner/run", SCAN | {"timeframes": ["x"] * 30}, "timeframes"),
        ("/api/scanner/run", SCAN | {"rules": {"min_score": 2}}, "rules.min_score"),
        ("/api/scanner/run", SCAN | {"rules": {"nope": 2}}, "rules.nope"),
        ("/api/scanner/run", [], None),
        ("/api/config/weight-presets", {"name": "a/b", "weights": EVEN}, "name"),
        ("/api/config/weight-presets", {"name": "<script>", "weights": EVEN}, "name"),
        ("/api/config/weight-presets", {"name": "", "weights": EVEN}, "name"),
        ("/api/config/weight-presets", {"name": "x" * 41, "weights": EVEN}, "name"),
        ("/api/config/weight-presets", {"name": "mine\n", "weights": {"trend": 0.9}}, "weights"),
        ("/api/config/weight-presets", {"name": "mine"}, "weights"),
    ],
)
def test_a_bad_body_is_refused_by_field_and_changes_nothing(api, market, path, body, attr):
    before = PresetVersion.objects.count(), WeightPreset.objects.count()
    answer = api.post(path, body)
    assert answer.status_code == 400, answer.json()
    assert any(str(found).startswith(str(attr)) for found in errors(answer)) or attr is None, answer.json()
    assert (PresetVersion.objects.count(), WeightPreset.objects.count()) == before


@pytest.mark.parametrize(
    "text", ["{", "NaN", '{"weights": {"trend": NaN}}', '{"weights": {"trend": Infinity}}', "\x00"]
)
def test_a_body_that_is_no_json_is_refused(api, market, text):
    answer = api.put("/api/config/weights", text, content_type="application/json")
    assert answer.status_code == 400
    errors(answer)


def test_another_content_type_method_or_path_has_its_own_status(api, market):
    assert api.post("/api/signals/score", "a=1", content_type="application/x-www-form-urlencoded").status_code == 415
    assert api.delete("/api/agent/status").status_code == 405
    assert api.get("/api/nothing").status_code == 404
    assert api.get(f"/api/signals/{uuid.uuid4()}").status_code == 404
    assert api.get("/api/signals/not-a-uuid").status_code == 404
    assert api.get("/api/scanner/symbol/<b>").status_code == 404
    for path in ("/api/nothing", "/api/scanner/symbol/NOPE", f"/api/signals/{uuid.uuid4()}/explain"):
        errors(api.get(path))


@pytest.mark.parametrize(
    "path",
    [
        "/api/agent/status?x=1",
        "/api/signals?colour=red",
        "/api/signals?limit=0",
        "/api/signals?limit=501",
        "/api/signals?limit=x",
        "/api/signals?cursor=%00%ff",
        "/api/signals?cursor=cD1ub3BlX2RhdGU=",
        "/api/signals?direction=UP",
        "/api/signals?symbol=NOPE",
        "/api/signals?after_seq=3",
        "/api/signals?since=yesterday",
        "/api/signals?since=99999999999999999999",
        "/api/signals?min_score=nan",
        "/api/signals?min_confidence=2",
        "/api/signals/latest?symbols=NOPE",
        "/api/market/candles?symbol=AAAUSDT",
        "/api/market/candles?symbol=NOPE&timeframe=5m",
        "/api/market/candles?symbol=AAAUSDT&timeframe=1m",
        "/api/market/candles?symbol=AAAUSDT&timeframe=5m&limit=2001",
        "/api/scanner/symbol/AAAUSDT?timeframes=9m",
        "/api/scanner/runs?limit=-1",
    ],
)
def test_a_bad_query_is_refused(api, market, path):
    answer = api.get(path)
    assert answer.status_code == 400, answer.content
    errors(answer)


def test_signals_come_newest_first_in_pages_that_join_without_hole_or_repeat(api, market):
    seen, path = [], "/api/signals?limit=3"
    while path:
        page = api.get(path).json()
        assert set(page) == {"next", "previous", "results"}
        seen += [(signal["ts"], signal["symbol"], signal["seq"]) for signal in page["results"]]
        path = page["next"]
    assert len(seen) == len(set(seen)) == Signal.objects.count()
    assert [ts for ts, _, _ in seen] == sorted((ts for ts, _, _ in seen), reverse=True)


def test_signals_are_filtered_by_what_the_query_says(api, market):
    everything = api.get("/api/signals?limit=500").json()["results"]
    one = everything[len(everything) // 2]
    cases = {
        f"symbol={one['symbol']}": lambda s: s["symbol"] == one["symbol"],
        f"symbol={one['symbol']}&after_seq=1": lambda s: s["symbol"] == one["symbol"] and s["seq"] > 1,
        f"direction={one['direction']}": lambda s: s["direction"] == one["direction"],
        f"advice={one['advice']}": lambda s: s["advice"] == one["advice"],
        "min_score=0.6": lambda s: abs(s["score"] - 0.5) >= 0.1,
        "min_confidence=0.3": lambda s: s["confidence"] >= 0.3,
        f"since={one['ts']}": lambda s: s["ts"] >= one["ts"],
        f"until={one['ts']}": lambda s: s["ts"] < one["ts"],
        "preset=balanced": lambda s: True,
        "preset=aggressive": lambda s: False,
    }
    for query, keep in cases.items():
        found = api.get(f"/api/signals?limit=500&{query}").json()["results"]
        assert [s["id"] for s in found] == [s["id"] for s in everything if keep(s)], query


def test_latest_is_the_head_of_each_symbol(api, market):
    latest = {s["symbol"]: s["seq"] for s in api.get("/api/signals/latest").json()["results"]}
    for symbol, seq in latest.items():
        assert seq == Signal.objects.filter(instrument__symbol=symbol).count()
    (only,) = api.get("/api/signals/latest?symbols=aaausdt").json()["results"]
    assert only["symbol"] == "AAAUSDT"


def test_a_signal_shows_the_components_of_every_timeframe_and_explains_itself(api, market):
    signal = api.get("/api/signals?limit=1").json()["results"][0]
    detail = api.get(f"/api/signals/{signal['id']}").json()
    for part in detail["components"].values():
        total = sum(component["contribution"] for component in part["components"])
        assert abs(total - (part["score"] - 0.5)) < 1e-9
    answer = api.get(f"/api/signals/{signal['id']}/explain").json()
    assert (answer["identical"], answer["reason"]) == (True, None)
    assert answer["stored"] == answer["derived"]


def test_a_signal_with_a_direction_carries_its_plan_and_one_without_has_none(api, market):
    plans = {}
    for signal in api.get("/api/signals?limit=500").json()["results"]:
        plan = api.get(f"/api/signals/{signal['id']}").json()["plan"]
        assert (plan is None) == (signal["direction"] == "NEUTRAL")
        risk = signal["risk"]
        assert 0.0 <= risk["disagreement"] <= 1.0
        assert risk["stop_distance"] > 0.0
        if plan is None:
            continue
        plans[plan["side"]] = plan
        up = 1 if signal["direction"] == "BULLISH" else -1
        assert plan["side"] == ("LONG" if up > 0 else "SHORT")
        assert plan["entry"] == signal["price"]
        distance = (plan["entry"] - plan["stop"]) * up
        assert distance / plan["entry"] == pytest.approx(risk["stop_distance"])
        assert plan["zone"][0] < plan["entry"] < plan["zone"][1]
        for target in plan["targets"]:
            assert target["price"] == pytest.approx(plan["entry"] + up * target["r"] * distance)
        assert plan["reward_to_risk"] == next(t["reward_to_risk"] for t in plan["targets"] if t["r"] == 2.0)
        size = plan["size"]
        assert size["refused"] is None
        assert size["risk_amount"] == pytest.approx(size["quantity"] * distance)
        assert size["risk_amount"] <= size["risk"] * size["equity"] * (1 + 1e-9)
        assert size["notional"] <= size["max_share"] * size["equity"] * (1 + 1e-9)
    assert set(plans) == {"LONG", "SHORT"}


def test_candles_are_the_stored_ones_oldest_first_and_none_later_than_now(api, market):
    answer = api.get("/api/market/candles?symbol=AAAUSDT&timeframe=15m&limit=10").json()
    times = [candle["open_time"] for candle in answer["candles"]]
    now = api.get("/api/agent/status").json()["market"]["now"]
    assert times == sorted(times)
    assert len(times) == 10
    assert times[-1] + 900_000 <= now < times[-1] + 2 * 900_000
    symbols = api.get("/api/market/symbols").json()
    assert [s["symbol"] for s in symbols["symbols"]] == ["AAAUSDT", "BBBUSDT", "CCCUSDT"]


def test_a_preset_keeps_every_version_and_a_deleted_name_continues_them(api, market):
    first = api.post("/api/config/weight-presets", {"name": "mine", "weights": EVEN, "description": "even"})
    assert (first.status_code, first.json()["version"]) == (201, 1)
    other = dict.fromkeys(DETECTORS, 0.0) | {"trend": 0.5, "momentum": 0.5}
    second = api.post("/api/config/weight-presets", {"name": "mine", "weights": other})
    assert (second.status_code, second.json()["version"], second.json()["description"]) == (200, 2, "even")
    assert [v["version"] for v in api.get("/api/config/weight-presets/mine/history").json()["versions"]] == [2, 1]
    assert api.delete("/api/config/weight-presets/mine").status_code == 204
    assert api.get("/api/config/weight-presets/mine").status_code == 404
    assert api.delete("/api/config/weight-presets/mine").status_code == 404
    again = api.post("/api/config/weight-presets", {"name": "mine", "weights": EVEN})
    assert (again.status_code, again.json()["version"]) == (201, 3)


def test_the_defaults_and_the_active_preset_are_protected_through_every_door(api, market):
    for name in ("balanced", "aggressive", "conservative"):
        assert api.put(f"/api/config/weight-presets/{name}", {"weights": EVEN}).status_code == 409
        assert api.post("/api/config/weight-presets", {"name": name, "weights": EVEN}).status_code == 409
        assert api.delete(f"/api/config/weight-presets/{name}").status_code == 409
    assert api.put("/api/config/weights", {"weights": EVEN}).json()["preset"] == "custom"
    answer = api.delete("/api/config/weight-presets/custom")
    assert answer.status_code == 409
    assert errors(answer) == {None: "preset_protected"}
    assert api.post("/api/config/weight-presets/balanced/activate").json()["preset"] == "balanced"
    assert api.delete("/api/config/weight-presets/custom").status_code == 204
    assert api.post("/api/config/weight-presets/custom/activate").status_code == 404


def test_the_next_scan_uses_the_preset_that_was_activated(api, market, play):
    api.put("/api/config/weights", {"weights": dict.fromkeys(DETECTORS, 0.0) | {"momentum": 1.0}})
    play(1)
    assert api.get("/api/signals/decisions?symbol=AAAUSDT").json()["results"][0]["preset"] == "custom"


def test_metrics_count_scans_and_signals(api, market):
    metrics = api.get("/api/metrics").json()
    assert metrics["agent"]["scans_total"] == len(api.get("/api/scanner/runs?limit=500").json()["results"])
    assert metrics["agent"]["last_scan_latency_ms"] > 0
    assert metrics["system"]["signals_total"] == Signal.objects.count()
    latest = api.get("/api/signals/latest").json()["results"]
    assert metrics["system"]["active_signals"] == sum(signal["advice"] != "HOLD" for signal in latest)


def test_no_answer_holds_nan_or_infinity(api, market):
    for path in ("/api/agent/status", "/api/metrics", "/api/signals", "/api/signals/decisions", "/api/market/symbols"):
        json.loads(api.get(path).content, parse_constant=pytest.fail)


def test_the_api_is_browsable(api, market):
    for path in ("/api/", "/api/agent/status", "/api/signals", "/api/scanner/run", "/api/config/weights"):
        page = api.get(path, headers={"Accept": "text/html"})
        assert page["Content-Type"].startswith("text/html"), path
        assert b"Django REST framework" in page.content


def test_markup_in_a_description_is_escaped_in_the_browsable_page(api, market):
    body = {"name": "mine", "weights": EVEN, "description": "<script>alert(1)</script>"}
    assert api.post("/api/config/weight-presets", body).status_code == 201
    page = api.get("/api/config/weight-presets/mine", headers={"Accept": "text/html"})
    assert b"<script>alert(1)" not in page.content


def test_structure_shows_alternate_swings_that_are_extremes_of_their_candles(api, market):
    found = api.get("/api/signals/structure", {"symbol": "AAAUSDT", "timeframe": "5m"}).json()
    kinds = [swing["kind"] for swing in found["swings"]]
    assert len(kinds) == 9
    assert all(one != other for one, other in itertools.pairwise(kinds))
    query = {"symbol": "AAAUSDT", "timeframe": "5m", "limit": 2000}
    candles = api.get("/api/market/candles", query).json()["candles"]
    at = {candle["open_time"]: i for i, candle in enumerate(candles)}
    for swing in found["swings"]:
        middle = at[swing["ts"]]
        around = [candle[swing["kind"]] for candle in candles[middle - 5 : middle + 6]]
        extreme = max(around) if swing["kind"] == "high" else min(around)
        assert swing["price"] == pytest.approx(extreme, rel=1e-12)
    start, end = found["swings"][-2]["price"], found["swings"][-1]["price"]
    halfway = next(level["price"] for level in found["levels"] if level["name"] == "50.0 %")
    assert halfway == pytest.approx((start * end) ** 0.5, rel=1e-12)


def test_structure_of_a_series_that_has_no_window_says_why(api, market):
    assert errors(api.get("/api/signals/structure", {"symbol": "AAAUSDT", "timeframe": "1d"})) == {None: "too_short"}
    assert errors(api.get("/api/signals/structure", {"symbol": "NOPE", "timeframe": "5m"})) == {
        "symbol": "unknown_symbol"
    }
