"""The admin: presets with a checked sum, the switch, and rows to look at."""

import re

import pytest

from agent import services
from agent.models import ScanRun
from engine.catalogue import DETECTORS
from market.models import Hole, Series
from presets.models import PresetVersion, WeightPreset
from presets.services import activate_preset
from signals.models import Signal

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(admin_client):
    admin_client.defaults["HTTP_HOST"] = "127.0.0.1"
    return admin_client


def form(name="mine", **weights):
    blank = {f"weight_{detector}": "0" for detector in DETECTORS}
    inline = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}
    chosen = {f"weight_{detector}": str(weight) for detector, weight in weights.items()}
    return {"name": name, "description": "from the form"} | blank | inline | chosen


def test_a_preset_whose_weights_sum_to_090_is_refused_with_the_sum(admin):
    page = admin.post("/admin/presets/weightpreset/add/", form(trend=0.5, momentum=0.4))
    assert "their sum is 0.9" in page.content.decode()
    assert not WeightPreset.objects.filter(name="mine").exists()


def test_a_preset_saved_in_the_admin_is_a_version_with_its_author(admin, admin_user):
    assert admin.post("/admin/presets/weightpreset/add/", form(trend=0.5, momentum=0.5)).status_code == 302
    preset = WeightPreset.objects.get(name="mine")
    assert preset.newest().weights["momentum"] == 0.5
    assert preset.newest().created_by == admin_user
    page = admin.get(f"/admin/presets/weightpreset/{preset.pk}/change/").content.decode()
    assert "stored sum: 1" in page
    change = form(trend=0.25, momentum=0.75)
    assert admin.post(f"/admin/presets/weightpreset/{preset.pk}/change/", change).status_code == 302
    assert (preset.newest().version, preset.newest().weights["trend"]) == (2, 0.25)


def test_a_default_preset_can_neither_be_changed_nor_deleted_nor_taken_over_in_the_admin(admin):
    default = WeightPreset.objects.get(name="balanced")
    versions = PresetVersion.objects.count()
    assert admin.post(f"/admin/presets/weightpreset/{default.pk}/change/", form(trend=1)).status_code == 403
    assert admin.post(f"/admin/presets/weightpreset/{default.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.post("/admin/presets/weightpreset/add/", form("balanced", trend=1)).status_code == 200  # not unique
    assert PresetVersion.objects.count() == versions


def test_the_active_preset_cannot_be_deleted_and_another_is_hidden_with_its_versions(admin):
    admin.post("/admin/presets/weightpreset/add/", form(trend=1))
    preset = WeightPreset.objects.get(name="mine")
    activate_preset("mine")
    assert admin.post(f"/admin/presets/weightpreset/{preset.pk}/delete/", {"post": "yes"}).status_code == 403
    activate_preset("balanced")
    assert admin.post(f"/admin/presets/weightpreset/{preset.pk}/delete/", {"post": "yes"}).status_code == 302
    preset.refresh_from_db()
    assert preset.hidden
    assert preset.versions.count() == 1


def test_presets_are_activated_and_duplicated_by_actions(admin):
    chosen = WeightPreset.objects.get(name="aggressive")
    for action in ("activate", "duplicate"):
        admin.post("/admin/presets/weightpreset/", {"action": action, "_selected_action": [chosen.pk]})
    chosen.refresh_from_db()
    assert chosen.is_active
    assert WeightPreset.objects.get(name="aggressive-copy").newest().weights == chosen.newest().weights


def test_the_agent_is_switched_in_the_admin(admin):
    state = services.agent_state()
    for action, enabled in (("turn_off", False), ("turn_on", True)):
        admin.post("/admin/agent/agentstate/", {"action": action, "_selected_action": [state.pk]})
        assert services.agent_state().enabled is enabled
    assert admin.post(f"/admin/agent/agentstate/{state.pk}/change/", {}).status_code == 302
    assert services.agent_state().enabled is False


def test_every_admin_list_opens_and_stored_rows_cannot_be_changed(admin, play):
    play(3)
    rooms = {
        "market": ("market", "instrument", "series", "hole"),
        "signals": ("signal",),
        "agent": ("scanrun", "runner", "agentstate"),
        "presets": ("weightpreset",),
    }
    for path in [f"{room}/{model}" for room, models in rooms.items() for model in models]:
        assert admin.get(f"/admin/{path}/").status_code == 200, path
    for path in ("signals/signal", "agent/scanrun", "market/series"):
        assert admin.get(f"/admin/{path}/add/").status_code == 403, path


def test_a_preset_shows_the_sum_of_its_weights_and_what_each_version_changed(admin):
    admin.post("/admin/presets/weightpreset/add/", form(trend=0.5, momentum=0.5))
    preset = WeightPreset.objects.get(name="mine")
    admin.post(f"/admin/presets/weightpreset/{preset.pk}/change/", form(trend=0.25, momentum=0.75))
    page = admin.get(f"/admin/presets/weightpreset/{preset.pk}/change/").content.decode()
    assert "trend 0.5 → 0.25; momentum 0.5 → 0.75" in page
    assert "trend 0.5; momentum 0.5" in page
    listed = admin.get("/admin/presets/weightpreset/").content.decode()
    assert listed.count('field-weight_sum">1<') == WeightPreset.objects.filter(hidden=False).count()


def test_scan_now_shows_the_market_ranked_and_stores_nothing(admin, play):
    play(3)
    stored = Signal.objects.count()
    chosen = {"action": "scan_now", "_selected_action": [services.agent_state().pk]}
    page = admin.post("/admin/agent/agentstate/", chosen)
    assert page.status_code == 200
    assert {one["symbol"] for one in page.context["scan"]["results"]} == {"AAAUSDT", "BBBUSDT", "CCCUSDT"}
    assert "AAAUSDT" in page.content.decode()
    assert Signal.objects.count() == stored


def test_a_signal_is_explained_in_the_admin_with_its_outcome(admin, play):
    signal = play(3)[0]
    address = f"/admin/signals/signal/{signal.pk}/explain/"
    assert address in admin.get(f"/admin/signals/signal/{signal.pk}/change/").content.decode()
    page = admin.get(address).content.decode()
    assert "identical" in page
    for component in signal.timeframes["5m"]["components"]:
        assert component["name"] in page
    Signal.objects.filter(pk=signal.pk).update(score=0.123)
    assert "it differs" in admin.get(address).content.decode()
    assert admin.get("/admin/signals/signal/00000000-0000-4000-8000-000000000000/explain/").status_code == 404


def test_the_explanation_of_a_signal_is_for_who_may_see_signals(client, play):
    signal = play(1)[0]
    client.defaults["HTTP_HOST"] = "127.0.0.1"
    assert client.get(f"/admin/signals/signal/{signal.pk}/explain/").status_code == 302


def test_a_scan_run_shows_its_shards_and_a_series_its_holes(admin, play):
    play(3)
    run = ScanRun.objects.first()
    page = admin.get(f"/admin/agent/scanrun/{run.pk}/change/").content.decode()
    assert page.count('class="field-fence"') == run.shards.count() == 1
    series = Series.objects.get(instrument__symbol="CCCUSDT", timeframe="5m")
    Hole.objects.create(series=series, start=0, end=300_000, reason="outage")
    assert "the exchange was down" in admin.get(f"/admin/market/series/{series.pk}/change/").content.decode()
    row = re.search(r"CCCUSDT.*?</tr>", admin.get("/admin/market/instrument/").content.decode(), re.S)
    assert 'field-holes">1<' in row[0]
