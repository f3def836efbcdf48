"""Presets carried about: export, import, duplicate, history; and markup in every text field."""

import json
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command

from engine.catalogue import DETECTORS
from presets.models import PresetVersion, WeightPreset

pytestmark = pytest.mark.django_db

EVEN = {name: 1.0 / len(DETECTORS) for name in DETECTORS}
MARKUP = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}", "${7*7}",
    "<svg/onload=alert(1)>", "'; DROP TABLE x; --", "\u202e", "\x00", "a\nb", "../../etc/passwd", "%3Cscript%3E",
]  # fmt: skip


@pytest.fixture
def market(played_market, replay):
    """The market that was played for this module."""


def save(api, name="mine", **more):
    return api.post("/api/config/weight-presets", {"name": name, "weights": EVEN, **more})


def test_what_is_exported_is_imported_elsewhere_as_it_was(api, market):
    save(api, description="even")
    exported = api.get("/api/config/export-presets?names=mine").json()
    assert [one["name"] for one in exported["presets"]] == ["mine"]
    WeightPreset.objects.filter(name="mine").update(hidden=True)
    again = api.post("/api/config/import-presets", exported)
    assert again.status_code == 200
    assert [(one["name"], one["version"]) for one in again.json()["presets"]] == [("mine", 1)]
    assert api.get("/api/config/export-presets?names=mine").json() == exported


def test_everything_exported_can_be_imported_at_once_and_changes_nothing(api, market):
    save(api)
    before = PresetVersion.objects.count()
    exported = api.get("/api/config/export-presets").json()
    assert len(exported["presets"]) == 4
    assert api.post("/api/config/import-presets", exported).status_code == 200
    assert PresetVersion.objects.count() == before


def bad_imports(exported):
    one = exported["presets"][0]
    yield "format", exported | {"format": "other/1"}, 400
    yield "presets", exported | {"presets": []}, 400
    yield "presets", exported | {"presets": [one, one]}, 400
    for field, value in (
        ("weights", {"trend": 0.9}), ("act", 0.5), ("act", "x"), ("min_confidence", 2), ("name", "<b>"),
        ("description", "x" * 201), ("colour", "red"),
    ):  # fmt: skip
        yield f"presets.1.{field}", exported | {"presets": [one, one | {"name": "other", field: value}]}, 400
    yield None, exported | {"presets": [one | {"name": "fresh"}, one | {"name": "balanced"}]}, 409


def test_a_bad_import_is_refused_by_field_and_saves_none_of_it(api, market):
    save(api)
    exported = api.get("/api/config/export-presets?names=mine").json()
    before = sorted(WeightPreset.objects.values_list("name", flat=True))
    for attr, body, status in bad_imports(exported):
        answer = api.post("/api/config/import-presets", body)
        assert answer.status_code == status, (attr, answer.json())
        assert any(str(error["attr"]).startswith(str(attr)) for error in answer.json()["errors"]), answer.json()
        assert sorted(WeightPreset.objects.values_list("name", flat=True)) == before


def test_a_duplicate_says_the_same_under_a_free_name(api, market):
    answer = api.post("/api/config/weight-presets/aggressive/duplicate", {"name": "mine"})
    assert answer.status_code == 201
    source = api.get("/api/config/weight-presets/aggressive").json()
    for field in ("weights", "act", "min_confidence", "description"):
        assert answer.json()[field] == source[field]
    assert api.post("/api/config/weight-presets/aggressive/duplicate", {"name": "mine"}).status_code == 409
    assert api.post("/api/config/weight-presets/aggressive/duplicate", {"name": "balanced"}).status_code == 409
    assert api.post("/api/config/weight-presets/aggressive/duplicate", {"name": "a/b"}).status_code == 400
    assert api.post("/api/config/weight-presets/nope/duplicate", {"name": "x"}).status_code == 404


def test_the_commands_export_import_duplicate_and_tell_the_history(market, tmp_path, capsys):
    call_command("presets", "duplicate", "balanced", "mine")
    capsys.readouterr()
    call_command("presets", "export", "mine")
    text = capsys.readouterr().out
    changed = json.loads(text)
    changed["presets"][0]["weights"] = EVEN
    (tmp_path / "presets.json").write_text(json.dumps(changed))
    call_command("presets", "import", str(tmp_path / "presets.json"))
    assert "saved mine v2" in capsys.readouterr().out
    call_command("presets", "history", "mine")
    assert capsys.readouterr().out.count("a command") == 2
    (tmp_path / "presets.json").write_text("{")
    for wrong in (
        ("import", str(tmp_path / "presets.json")), ("import", str(tmp_path / "none")), ("export", "nope"),
        ("duplicate", "balanced", "mine"), ("duplicate", "balanced", "a b"), ("duplicate", "nope", "x"),
        ("history", "nope"),
    ):  # fmt: skip
        with pytest.raises(CommandError):
            call_command("presets", *wrong)


def test_scan_prints_the_scanner_response_as_json(api, market, capsys):
    call_command("scan", "AAAUSDT", "BBBUSDT", "--timeframes", "15m,1h", "--json")
    printed = json.loads(capsys.readouterr().out)
    body = {"symbols": ["AAAUSDT", "BBBUSDT"], "timeframes": ["15m", "1h"]}
    answered = api.post("/api/scanner/run", body).json()
    for one in (printed, answered):
        del one["meta"]["scan_ms"]
    assert printed == answered


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_a_text_field_is_refused_or_comes_back_as_text_and_never_as_a_page(api, market, admin_client, text):
    posts = {
        "/api/config/weight-presets": {"name": text, "weights": EVEN},
        "/api/signals/score": {"symbol": text, "timeframe": "1h"},
        "/api/scanner/run": {"symbols": [text], "timeframes": [text]},
        "/api/agent/subscribe": {"symbols": [text]},
        "/api/auth/login": {"username": text, "password": text},
        "/api/config/weight-presets/balanced/duplicate": {"name": text},
        "/api/config/import-presets": {"format": text, "presets": text},
    }
    for path, body in posts.items():
        for accept in ("application/json", "text/html"):
            answer = api.post(path, body, headers={"Accept": accept})
            assert answer.status_code in (400, 401, 429), (path, answer.content)
            assert answer["Content-Type"].startswith(accept)
            assert accept == "application/json" or b"<script>alert" not in answer.content
            assert answer["X-Content-Type-Options"] == "nosniff"
    described = save(api, description=text)
    if described.status_code == 201:
        assert described.json()["description"] == text.strip()
        for page in (
            api.get("/api/config/weight-presets/mine", headers={"Accept": "text/html"}),
            admin_client.get("/admin/presets/weightpreset/", HTTP_HOST="127.0.0.1"),
            admin_client.get("/admin/access/auditentry/", HTTP_HOST="127.0.0.1"),
        ):
            assert page.status_code == 200
            assert not any(bad in page.content.decode() for bad in ("<script>alert", "<img src=x", "<svg/onload"))


@pytest.mark.parametrize("text", [*MARKUP, "a" * 5000, "é", "..", ".", " "])
def test_markup_in_a_path_or_query_finds_nothing_and_fails_nothing(api, market, text):
    piece = quote(text, safe="")
    for path in (
        f"/api/config/weight-presets/{piece}", f"/api/config/weight-presets/{piece}/history",
        f"/api/scanner/symbol/{piece}", f"/api/signals/{piece}", f"/api/config/export-presets?names={piece}",
        f"/api/signals?symbol={piece}", f"/api/signals?preset={piece}", f"/api/signals/latest?symbols={piece}",
        f"/api/signals/decisions?symbol={piece}", f"/api/audit?actor={piece}", f"/api/audit?action={piece}",
        f"/api/market/candles?symbol={piece}&timeframe=1h", f"/api/signals?cursor={piece}", f"/{piece}",
    ):  # fmt: skip
        answer = api.get(path)
        assert answer.status_code in (200, 400, 404), (path, answer.status_code)
        assert b"<script>alert" not in answer.content or answer["Content-Type"] == "application/json"
