"""docs/contract.md, the URL map and the OpenAPI document say the same."""

import re
from pathlib import Path

from rest.schema import openapi_document
from tests.urls import routes

CONTRACT = (Path(__file__).resolve().parents[2] / "docs" / "contract.md").read_text()
METHODS = "GET|PUT|PATCH|POST|DELETE"

PAGES = {"GET /api/docs"}  # for people: not in the OpenAPI document


def normal(method: str, path: str) -> str:
    return f"{method} {re.sub(r'{[^}]*}', '{}', path.split('?', maxsplit=1)[0])}"


def rows() -> set[str]:
    """Return "METHOD /path" of every table row of the contract."""
    found = set()
    for line in CONTRACT.splitlines():
        cell = line.split("|")[1].strip() if line.startswith("| ") else ""
        if not re.match(METHODS, cell):
            continue
        for part in cell.split(";"):
            methods = re.findall(METHODS, part.split("`")[0])
            assert methods, line
            found |= {normal(method, path) for path in re.findall(r"`(/[^`]*)`", part) for method in methods}
    return found


def test_the_table_is_read():
    assert {"GET /health", "PATCH /api/agent/config", "DELETE /api/backtest/results/{}"} <= rows()
    assert len(rows()) > 40


def test_every_row_of_the_contract_is_built():
    assert rows() <= {normal(r.method, r.path) for r in routes()}


def test_every_endpoint_has_its_row_in_the_contract():
    assert {normal(r.method, r.path) for r in routes() if r.view} <= rows()


def test_the_openapi_document_describes_exactly_the_endpoints():
    described = {
        normal(method.upper(), path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }
    assert described == {normal(r.method, r.path) for r in routes() if r.view}
    assert not PAGES & described


def test_the_openapi_document_has_no_warning(capsys):
    openapi_document.cache_clear()
    openapi_document()
    assert capsys.readouterr().err == ""


def test_every_operation_documents_its_errors_in_the_one_shape():
    for path, operations in openapi_document()["paths"].items():
        for method, operation in operations.items():
            refused = {s: a for s, a in operation["responses"].items() if s.startswith("4")}
            assert {"400", "406"} <= refused.keys(), (method, path)
            for answer in refused.values():
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (method, path)
