"""Nothing that a user meets is without its documentation."""

import re
from pathlib import Path
from typing import get_type_hints

import pytest

from agent.documents import documents, own_commands
from agent.shapes import Metrics
from signals import asyncapi
from signals.asyncapi import asyncapi_document
from signals.codes import CloseCode, ErrorCode
from signals.frames import FROM_CLIENT, FROM_SERVER
from signals.messages import Refused, parse
from telemetry.catalogue import CATALOGUE, REGISTRY

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = (ROOT / "docs" / "contract.md").read_text()


@pytest.mark.parametrize("name", documents())
def test_a_generated_document_is_what_the_code_makes_now(name):
    assert (ROOT / name).read_text() == documents()[name], "run manage.py write_docs"


def test_every_command_says_what_it_is_for():
    page = (ROOT / "docs" / "commands.md").read_text()
    assert {"serve", "agent", "scan", "create_token", "write_docs"} <= own_commands().keys()
    for name in own_commands():
        assert re.search(rf"^## {name}\n\n\S.{{10,}}", page, re.MULTILINE), name


def test_every_message_and_code_of_the_socket_stands_in_the_contract():
    for name in (*FROM_CLIENT, *FROM_SERVER, *ErrorCode):
        assert re.search(rf"[\"`]{name}[\"`]", CONTRACT), name
    for code in CloseCode:
        assert str(code.value) in CONTRACT, code
    assert set(asyncapi.CLOSE_CODES) == set(CloseCode)


def test_every_figure_of_the_metrics_stands_in_the_api_page():
    page = (ROOT / "docs" / "api.md").read_text()
    for group, shape in get_type_hints(Metrics).items():
        for figure in (group, *get_type_hints(shape)):
            assert f"- `{figure}`" in page, figure


def test_every_metric_that_is_exposed_is_documented_with_its_labels():
    page = (ROOT / "docs" / "metrics.md").read_text()
    for metric in REGISTRY.collect():
        assert metric.name in CATALOGUE, f"{metric.name}: declare it in telemetry/catalogue.py"
    for name, about in CATALOGUE.items():
        shown = f"{name}_total" if about.kind == "counter" else name
        row = next((line for line in page.splitlines() if line.startswith(f"| `{shown}` |")), "")
        assert len(about.help) > 10, name
        assert about.help in row, f"{name}: run manage.py write_docs"
        assert all(f"`{label}`" in row for label in about.labels), name


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    document = asyncapi_document()

    def references(node):
        if isinstance(node, dict):
            for key, value in node.items():
                yield from [value] if key == "$ref" else references(value)
        elif isinstance(node, list):
            for one in node:
                yield from references(one)

    found = set(references(document))
    assert len(found) > 20
    for reference in found:
        node = document
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]
        assert node


def test_the_actions_that_the_document_names_are_those_that_are_understood():
    for action in FROM_CLIENT:
        symbols = "" if action == "ping" else ', "symbols": ["A"]'
        parse(f'{{"action": "{action}"{symbols}}}')
    with pytest.raises(Refused):
        parse('{"action": "publish"}')


def anchors(page):
    """Return the anchors of a page's headings, as they are made where it is read."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_and_section_that_a_page_leads_to_exists():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    for page in [*pages, *(ROOT / "deploy").rglob("*.md")]:
        for target, anchor in re.findall(
            r"\]\((?!http)([^)#\s]*\.(?:md|json|py|yaml))?(?:#([\w-]+))?\)", page.read_text()
        ):
            led = page.parent / target if target else page
            assert led.exists(), (page.name, target)
            if anchor and page.name != "api.md":
                assert anchor in anchors(led.read_text()), (page.name, target, anchor)
