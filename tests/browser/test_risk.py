"""The risk page: its numbers are the API's; limits are saved, sizes calculated, protections lifted."""

import time

import pytest
from playwright.sync_api import expect

PROTECT = """
from market.feeds import current_market
from risk.following import portfolio_of
from risk.models import Protection
market = current_market()
portfolio = portfolio_of(market)
times = {"since": market.position - 1, "until": market.position + 10**9}
Protection.objects.create(portfolio=portfolio, kind="cooldown", reason="three losses in a row", **times)
"""


@pytest.fixture
def page(tabs, server):
    """The page, with the agent off, so that no number changes between two looks."""
    server.wait(lambda: server.get("/api/signals/latest")["results"])
    server.put("/api/agent/toggle?enabled=false")
    before = None
    while (now := settled(server)) != before:  # the tick that was under way ends
        before = now
        time.sleep(0.2)
    page = tabs.open("/risk")
    expect(page.locator(".loading")).to_have_count(0)
    return page


def settled(server) -> tuple[int, int]:
    return server.get("/api/agent/status")["market"]["now"], server.get("/api/risk/status")["as_of"]


def tiles(page, where: str) -> dict[str, str]:
    pairs = "dl => [...dl.children].map(d => [d.children[0].textContent, d.children[1].textContent])"
    return dict(page.locator(where).evaluate(pairs))


def test_status_positions_and_value_at_risk_are_those_of_the_api(page, server):
    status = server.get("/api/risk/status")
    shown = tiles(page, "[data-testid=risk-status]")
    assert shown["Equity"] == f"{status['equity']:,.2f}"
    assert shown["Open positions"] == str(status["open_positions"])
    assert shown["Leverage"] == f"{status['leverage']:.2f} ×"
    rows = page.get_by_test_id("positions").locator("tbody tr")
    expect(rows).to_have_count(len(status["positions"]))
    assert rows.evaluate_all("all => all.map(tr => +tr.dataset.id)") == [one["id"] for one in status["positions"]]
    methods = server.get("/api/risk/var")["methods"]
    for method, one in methods.items():
        row = page.get_by_test_id("var").get_by_role("row", name=method)
        expect(row).to_contain_text(one["reason"] or f"{100 * one['var']:.2f}%")
    watched = server.get("/api/agent/status")["subscribed_symbols"][:12]
    cells = page.get_by_test_id("matrix").locator("tbody td")
    expect(cells).to_have_count(len(watched) ** 2)


def test_a_limit_is_saved_as_a_version_and_one_out_of_range_is_refused_by_name(page, server):
    before = server.get("/api/risk/limits")
    page.get_by_label("Risk per trade, %").fill("0.7")
    page.get_by_label("Positions", exact=True).fill("7")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(f"version {before['version'] + 1};")).to_be_visible()
    changed = {"max_risk_per_trade": 0.007, "max_positions": 7, "version": before["version"] + 1}
    assert server.get("/api/risk/limits") == before | changed
    page.get_by_label("Leverage, ×").fill("-1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("max_leverage")
    assert server.get("/api/risk/limits") == before | changed


def test_a_stop_is_proposed_a_size_calculated_and_a_stop_at_the_entry_refused(page):
    page.get_by_role("button", name="Propose a stop").click()
    expect(page.get_by_text("targets")).to_be_visible()
    with page.expect_response("**/api/risk/calculate-position") as answered:
        page.get_by_role("button", name="Calculate").click()
    told = answered.value.json()
    expect(page.get_by_test_id("size")).to_have_attribute("data-status", told["status"])
    assert tiles(page, "[data-testid=size] dl")["Notional"] == f"{told['notional']:,.2f}"
    page.get_by_label("Stop", exact=True).fill(page.get_by_label("Entry").input_value())
    page.get_by_role("button", name="Calculate").click()
    expect(page.get_by_role("alert")).to_contain_text("stop_loss: equals the entry")


def test_a_protection_is_shown_with_its_reason_and_lifted(page, server):
    assert server.manage("shell", "-c", PROTECT).returncode == 0
    row = page.get_by_role("row", name="three losses in a row")
    expect(row).to_contain_text("cooldown")
    row.get_by_role("button", name="Lift").click()
    expect(row).to_have_count(0)
    # The portfolio of the running market may have got others meanwhile.
    reasons = [one["reason"] for one in server.get("/api/risk/status")["protections"]]
    assert "three losses in a row" not in reasons
