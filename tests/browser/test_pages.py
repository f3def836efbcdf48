"""Every page: wide and narrow, dark and light, empty, and with numbers that are the API's."""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ready, until

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "/": "Opportunities", "/symbol/BTCUSDT": "BTCUSDT", "/scanner": "Scanner", "/presets": "Presets",
    "/backtest": "Backtest", "/record": "Record", "/risk": "Risk", "/alerts": "Alerts", "/system": "System",
}  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_and_is_accessible_wide_and_narrow_dark_and_light(tabs, path):
    for width, height in ((1440, 900), (390, 844)):
        page = tabs.open(path, width, "dark", height)
        expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
        expect(page.locator(".loading")).to_have_count(0)
        if path.startswith("/symbol"):
            expect(page.locator(".chart canvas").first).to_be_visible()
        page.wait_for_timeout(300)  # transitions
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            keep_picture(page, path, width, scheme)
            assert serious(page) == [], (path, width, scheme)
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width, "rtl")


def serious(page) -> list[str]:
    """Return what axe calls serious or critical."""
    # In a world of its own: the page's policy lets no script in.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{v['id']}: {n['target']} {n['html'][:120]}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for n in v["nodes"]
    ]


def keep_picture(page, path: str, width: int, scheme: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        name = path.strip("/").split("/")[0] or "opportunities"
        page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png")


def test_chart_marks_are_the_stored_signals_of_the_candles_shown(tabs, server):
    page = tabs.open("/symbol/BTCUSDT")
    until(page, lambda: server.get("/api/signals?symbol=BTCUSDT&limit=500")["results"])
    server.put("/api/agent/toggle?enabled=false")
    page.reload()
    page.get_by_role("button", name="5m", exact=True).click()
    stored = server.get("/api/signals?symbol=BTCUSDT&limit=500")["results"]
    candles = server.get("/api/market/candles?symbol=BTCUSDT&timeframe=5m&limit=300")["candles"]
    wanted = {s["id"] for s in stored if s["ts"] > candles[0]["open_time"]}
    until(page, lambda: set((page.locator(".chart").get_attribute("data-marks") or "").split()) == wanted)
    rows = page.locator(".symbol-signals tbody tr")
    assert set(rows.evaluate_all("all => all.map(tr => tr.dataset.id)")) <= {s["id"] for s in stored}
    expect(rows.first.locator("td").nth(4)).to_have_text(f"{stored[0]['score']:.3f}")
    rows.first.get_by_role("button", name="check").click()
    expect(rows.first).to_contain_text("the same bits")


def test_the_parts_of_the_waterfall_add_up_to_the_score_that_the_api_gives(tabs, server):
    page = tabs.open("/symbol/ETHUSDT")
    expect(page.locator(".parts")).to_be_visible()
    for _ in range(20):  # a candle may close between the two reads
        shown = page.evaluate(
            """() => { const table = document.querySelector('.parts'); return [+table.dataset.score,
            [...table.querySelectorAll('[data-contribution]')].map(tr => +tr.dataset.contribution)] }"""
        )
        assert shown[0] == pytest.approx(0.5 + sum(shown[1]), abs=1e-12)
        expect(page.locator(".parts tfoot td").first).to_have_text(f"{shown[0]:.3f}")
        if shown[0] == api_score(page):
            return
        page.wait_for_timeout(500)
    raise AssertionError("the score shown is not the API's")


def api_score(page) -> float:
    ask = """async () => (await (await fetch('/api/signals/score', {method: 'POST', headers: {
        'Content-Type': 'application/json', 'X-CSRFToken': document.cookie.match(/csrftoken=(\\w+)/)[1]},
        body: JSON.stringify({symbol: 'ETHUSDT', timeframe: '1h'})})).json()).score"""
    return page.evaluate(ask)


def test_sliders_make_a_preset_that_the_next_scan_uses_and_a_sum_of_0_9_cannot_be_saved(tabs, server):
    page = tabs.open("/presets")
    page.get_by_role("button", name="balanced", exact=False).first.click()
    page.locator("#weight-trend").fill("0.5")
    expect(page.locator(".weights-sum b")).to_have_text("1.000")
    page.get_by_label("Name").fill("mine")
    expect(page.get_by_test_id("preview")).to_be_visible()
    exact = page.get_by_label("trend, exactly")
    exact.fill("0.4")
    expect(page.locator(".weights-sum b")).to_have_text("0.900")
    expect(page.get_by_role("button", name="Save as new")).to_be_disabled()
    expect(page.get_by_role("alert")).to_contain_text("must sum to 1, their sum is 0.900")
    exact.fill("0.5")
    page.get_by_role("button", name="Save as new").click()
    expect(page.locator("[data-preset=mine]")).to_have_attribute("aria-pressed", "true")
    saved = server.get("/api/config/weight-presets/mine")
    assert saved["weights"]["trend"] == 0.5
    assert sum(saved["weights"].values()) == pytest.approx(1, abs=1e-9)
    page.get_by_role("button", name="Use from the next scan").click()
    expect(page.get_by_test_id("preset")).to_have_text("mine")
    until(page, lambda: any(d["preset"] == "mine" for d in server.get("/api/signals/decisions")["results"]))
    page.get_by_role("button", name="Delete").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".preset-actions").get_by_role("alert")).to_be_visible()  # the one in use stays, and why
    page.locator("[data-preset=balanced]").click()
    page.get_by_role("button", name="Use from the next scan").click()
    expect(page.get_by_test_id("preset")).to_have_text("balanced")


def test_a_scan_shows_what_the_api_answers_and_saves_it_as_csv(tabs, server):
    page = tabs.open("/scanner")
    with page.expect_response("**/api/scanner/run") as response:
        page.get_by_role("button", name="Scan now").click()
    answer = response.value.json()
    rows = page.get_by_test_id("scan-results").locator("tbody tr")
    expect(rows).to_have_count(len(answer["results"]))
    for item in answer["results"]:
        row = page.get_by_test_id("scan-results").locator(f"tr[data-symbol={item['symbol']}]")
        expect(row.locator("td").nth(0)).to_have_text(str(item["rank"]))
        expect(row.locator("td").nth(3)).to_have_text(f"{item['final_score']:.3f}")
        expect(row.locator("td").nth(7)).to_have_text(f"{100 * item['consensus']:.0f}%")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == [item["symbol"] for item in answer["results"]]
    page.get_by_label("Symbols").fill("BTCUSDT NOPEUSDT")
    expect(page.get_by_role("alert")).to_contain_text("NOPEUSDT")
    expect(page.get_by_role("button", name="Scan now")).to_be_disabled()


def test_a_backtest_shows_the_figures_that_the_api_stores(tabs, server):
    page = tabs.open("/backtest")
    page.get_by_label("Timeframes").select_option("1h")
    page.get_by_role("button", name="Run").click()
    figures = page.get_by_test_id("metrics")
    expect(figures).to_be_visible(timeout=60_000)
    stored = server.get(f"/api/backtest/results/{figures.get_attribute('data-id')}")
    shown = dict(
        figures.evaluate("dl => [...dl.children].map(d => [d.children[0].textContent, d.children[1].textContent])")
    )
    assert shown["Trades"] == str(stored["metrics"]["total_trades"])
    assert shown["Final equity"] == f"{stored['metrics']['final_equity']:,.2f}"
    assert shown["Worst drawdown"] == f"{100 * stored['metrics']['max_drawdown']:.1f}%"


def test_the_system_page_shows_the_scans_that_the_api_lists(tabs, server):
    page = ready(tabs.open())
    server.put("/api/agent/toggle?enabled=false")
    page.goto(tabs.base + "/system")
    page.wait_for_timeout(1000)
    page.reload()
    runs = server.get("/api/scanner/runs?limit=15")["results"]
    rows = page.get_by_test_id("runs").locator("tbody tr")
    expect(rows).to_have_count(len(runs))
    assert rows.evaluate_all("all => all.map(tr => +tr.dataset.id)") == [run["id"] for run in runs]
    total = server.get("/api/metrics")["agent"]["scans_total"]
    expect(page.get_by_test_id("figures").locator("div", has_text="Scans").first.locator("dd")).to_have_text(
        f"{total:,}"
    )


def answering(answer: dict):
    return lambda route: route.fulfill(json=answer)


EMPTY = {
    "**/api/signals/latest*": {"epoch": "00000000-0000-0000-0000-000000000000", "results": []},
    "**/api/signals/decisions*": {"results": []},
    "**/api/signals?*": {"next": None, "previous": None, "results": []},
    "**/api/scanner/runs*": {"next": None, "previous": None, "results": []},
    "**/api/market/symbols": {"source": "simulated", "now": None, "symbols": []},
    "**/api/market/closes*": {"timeframe": "5m", "source": "simulated", "closes": {}},
    "**/api/config/weight-presets": {"presets": []},
    "**/api/alerts/rules": {"rules": []},
}
NOTHING = {
    "/": "watches no symbols", "/symbol/BTCUSDT": "not known to this market", "/scanner": "knows no symbols",
    "/presets": "There are no presets", "/backtest": "no candles yet", "/system": "None yet",
    "/alerts": "add a target and a rule below",
}  # fmt: skip


@pytest.mark.parametrize("path", NOTHING)
def test_with_an_empty_api_every_page_says_that_there_is_nothing(tabs, server, path):
    page = tabs.open(None)
    status = server.get("/api/agent/status") | {"subscribed_symbols": [], "last_scan": None}
    for pattern, answer in EMPTY.items():
        page.route(pattern, answering(answer))
    page.route("**/api/agent/status", lambda route: route.fulfill(json=status))
    page.route_web_socket("**/ws/realtime", lambda socket: None)
    page.goto(tabs.base + path)
    expect(page.locator("main")).to_contain_text(NOTHING[path])


def test_the_first_page_loads_no_chart_and_stays_below_200_kb_of_brotli(tabs):
    sizes: dict[str, int] = {}
    page = tabs.open(None)
    page.on("response", lambda response: sizes.update({response.url: len_on_wire(response)}))
    page.goto(tabs.base + "/")
    ready(page)
    assets = {url: size for url, size in sizes.items() if "/static/" in url}
    assert not any("Chart" in url for url in assets)
    assert 0 < sum(assets.values()) <= 200_000, json.dumps(assets, indent=1)


def len_on_wire(response) -> int:
    return int(response.header_value("content-length") or 0)


def test_a_rule_a_target_and_a_test_are_made_on_the_page_and_markup_stays_text(tabs, server):
    page = tabs.open("/alerts")
    form = page.get_by_role("form", name="New target")
    form.get_by_label("Name").fill("<b>hook</b>")
    form.get_by_label("Address").fill("http://127.0.0.1:9/x")
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("the address is loopback")
    form.get_by_label("Address").fill("https://192.0.2.1/x")  # of documentation: nobody's
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("is refused")
    form.get_by_label("Address").fill("https://hooks.invalid/t0ken")
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_test_id("secret")).to_contain_text("whsec_")
    expect(page.locator("[data-target]")).to_contain_text("<b>hook</b> https://hooks.invalid/…")

    rule = page.get_by_role("region", name="New rule")
    rule.get_by_label("Name").fill("strong")
    rule.get_by_label("Score at least").fill("0.4")
    rule.get_by_label("or at most").fill("0.6")
    rule.get_by_label("<b>hook</b>").check()
    rule.get_by_role("button", name="Add").click()
    expect(rule.get_by_role("alert")).to_contain_text("the rule would always hold")
    rule.get_by_label("or at most").fill("")
    rule.get_by_role("button", name="Add").click()
    row = page.locator('[data-rule="strong"]')
    expect(row).to_contain_text("score at least 0.4; every symbol")
    row.get_by_role("button", name="On").click()
    expect(row.get_by_role("button", name="Off")).to_be_visible()
    assert [one["enabled"] for one in server.get("/api/alerts/rules")["rules"]] == [False]

    page.locator("[data-target]").get_by_role("button", name="Send a test").click()
    expect(page.get_by_test_id("deliveries")).to_contain_text("Test")
    expect(page.get_by_test_id("deliveries")).to_contain_text("no answer")
    page.locator("[data-target]").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("[data-target]")).to_have_count(0)
    expect(page.get_by_test_id("deliveries")).to_contain_text("cancelled")
