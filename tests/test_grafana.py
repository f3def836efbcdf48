"""The dashboard and the alert rules ask for metrics that exist, with labels that they have, and lead to the runbook."""

import json
import re
from pathlib import Path

import pytest
import yaml

from telemetry.catalogue import CATALOGUE
from tests.test_documents import anchors

ROOT = Path(__file__).resolve().parent.parent
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboard.json").read_text())
RULES = [rule for group in yaml.safe_load((GRAFANA / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
OF_PROMETHEUS = {"le", "job", "instance"}
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    *((panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]),
    *((rule["alert"], rule["expr"]) for rule in RULES),
]


def samples():
    """Return the name of every sample that a scrape can hold, with its labels."""
    found = {}
    for name, about in CATALOGUE.items():
        suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}[about.kind]
        found |= {name + suffix: {*about.labels, "process"} for suffix in suffixes}
    return found


@pytest.mark.parametrize(("where", "query"), QUERIES)
def test_every_query_names_metrics_and_labels_that_exist(where, query):
    named = re.findall(r"\b(agent_\w+)(?:\{([^}]*)\})?", query)
    assert named or "up{" in query
    for metric, matchers in named:
        assert metric in samples(), metric
        for label in re.findall(r"(\w+)\s*[=!]", matchers):
            assert label in samples()[metric], (metric, label)
    known = set().union(OF_PROMETHEUS, *(samples()[metric] for metric, _ in named))
    for labels in re.findall(r"by \(([^)]*)\)", query):
        assert set(re.split(r"[,\s]+", labels)) <= known, labels


def test_every_metric_is_on_the_dashboard_or_in_a_rule():
    text = " ".join(query for _, query in QUERIES)
    assert [name for name in CATALOGUE if name not in text] == []


def test_every_rule_leads_to_a_section_of_the_runbook():
    for rule in RULES:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor in anchors((ROOT / page).read_text()), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_panels_have_a_place_of_their_own_and_say_what_they_show():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["description"]
