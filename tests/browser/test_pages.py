"""Every page: wide and narrow, dark and light, empty, and with numbers that are the API's."""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tabs, ready, until

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "/": "Opportunities", "/symbol/BTCUSDT": "BTCUSDT", "/scanner": "Scanner", "/presets": "Presets",
    "/backtest": "Backtest", "/record": "Record", "/risk": "Risk", "/alerts": "Alerts", "/system": "System",
}  # fmt: skip


# Structure is the same in both schemes, so the second scheme of a width is asked for its contrasts alone.
SEEN = [
    (1440, 900, "dark", "all"), (1440, 900, "light", "contrast"),
    (390, 844, "light", "all"), (390, 844, "dark", "contrast"),
]  # fmt: skip


@pytest.fixture(scope="module")
def opened(served, browser):
    """All pages in a tab each, loading while the first are looked at."""
    served.put("/api/agent/toggle?enabled=true")
    tabs = Tabs(browser, served)
    yield {path: tabs.open(path) for path in PAGES}
    for context in tabs.contexts:
        context.close()
    assert tabs.complaints == []


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_and_is_accessible_wide_and_narrow_dark_and_light(opened, path):
    page = opened[path]
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    expect(page.locator(".loading")).to_have_count(0)
    if path.startswith("/symbol"):
        expect(page.locator(".chart canvas").first).to_be_visible()
    for width, height, scheme, rules in SEEN:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        assert fits(page), (path, width)
        keep_picture(page, path, width, scheme)
        assert serious(page, rules) == [], (path, width, scheme)
    page.evaluate("document.documentElement.dir = 'rtl'")
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert fits(page), (path, width, "rtl")
    page.context.close()


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def serious(page, rules: str) -> list[str]:
    """Return what axe calls serious or critical."""
    # In a world of its own: the page's policy lets no script in.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    options = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if rules == "contrast" else {})
    found = page.evaluate("options => axe.run(options)", options)["violations"]
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
    page.goto(page.url)  # chromium refuses to reload a page that it has just swapped in
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
    difference = page.get_by_role("region", name="Compare").get_by_role("row", name="trend")
    page.get_by_label("Compare with").select_option("balanced")
    balanced = server.get("/api/config/weight-presets/balanced")["weights"]["trend"]
    expect(difference).to_contain_text(f"{balanced - 0.5:+.3f}")
    exact.fill("0.6")
    page.get_by_role("button", name="Scale to 1").click()
    page.get_by_role("button", name="Save a new version").click()
    versions = page.get_by_role("region", name="Versions of mine")
    expect(versions.locator(".versions > li")).to_have_count(2)
    expect(versions.locator(".changes li", has_text="trend").locator("del")).to_have_text("0.500")
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
    page.get_by_label("Preset").select_option("weights of my own …")
    page.get_by_label("trend, exactly").fill("0.9")
    expect(page.get_by_role("alert")).to_contain_text("must sum to 1")
    page.get_by_role("button", name="Scale to 1").click()
    with page.expect_request("**/api/scanner/run") as request:
        page.get_by_role("button", name="Scan now").click()
    assert sum(request.value.post_data_json["weights"].values()) == pytest.approx(1, abs=1e-9)
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
    ends = {f"{i}-{end}" for i in range(len(stored["trades"])) for end in ("in", "out")}
    until(page, lambda: set((page.locator(".chart").get_attribute("data-marks") or "").split()) == ends)
    expect(page.get_by_role("heading", name="Equity against buy and hold")).to_be_visible()
    expect(page.get_by_test_id("trades").locator("tbody tr")).to_have_count(len(stored["trades"]))


def test_a_walk_forward_is_shown_as_it_was_kept(tabs, served):
    row = {
        "id": 7, "created_at": "2026-11-01T00:00:00Z", "source": "replay", "edge": False, "preset": None,
        "preset_version": None, "scoring_version": "x", "verdict": "no edge found: +0.012 R a trade out of sample",
    }  # fmt: skip
    window = {"train_start": 1, "train_end": 2, "test_start": 3, "test_end": 4, "symbols": ["BTCUSDT"], "trades": 11}
    report = {
        "out_of_sample": {
            "trades": 61, "hits": 20, "hit_rate": 0.328, "interval": [0.22, 0.45], "mean_r": 0.012, "random_r": 0.03,
            "p": 0.71,
        },
        "equity_series": [], "stability": 0.8, "settings": {"symbols": ["BTCUSDT"], "timeframe": "1h"},
        "windows": [
            window | {"mean_r": -0.2, "found": {"in_sample": {"mean_r": 0.4}}},
            window | {"test_start": 5, "mean_r": None, "found": None},
        ],
    }  # fmt: skip
    page = tabs.open(None)
    page.route("**/api/backtest/walk-forwards?*", answering({"next": None, "previous": None, "results": [row]}))
    page.route("**/api/backtest/walk-forwards/7", answering(row | {"report": report}))
    page.goto(tabs.base + "/backtest")
    shown = page.get_by_test_id("walk-forward")
    expect(shown).to_contain_text("no edge found: +0.012 R a trade")
    expect(shown.locator("dl")).to_contain_text("0.710")
    expect(shown.locator("tbody tr")).to_have_count(2)
    expect(shown.locator("tbody tr").first).to_contain_text("-0.200")


def test_the_record_draws_the_reliability_that_the_api_gives(tabs, served):
    record = served.get("/api/signals/outcomes/record")
    bins = [{"said": 0.1 * k, "came": 0.08 * k, "count": 10 * k} for k in range(1, 6)]
    record["calibration"] = {
        "status": "ok", "count": 150, "brier": 0.21, "brier_of_mean": 0.25, "calibration_error": 0.034,
        "error_of_perfect": 0.02, "bins": bins,
    }  # fmt: skip
    page = tabs.open(None)
    page.route("**/api/signals/outcomes/record*", answering(record))
    page.goto(tabs.base + "/record")
    expect(page.locator(".reliability circle")).to_have_count(len(bins))
    expect(page.locator(".reliability")).to_contain_text("0.2100")
    expect(page.get_by_test_id("record")).to_contain_text(str(record["overall"]["count"]))


def test_the_symbol_page_tells_what_held_the_signal_back_and_the_plan_of_the_api(tabs, server):
    server.wait(lambda: server.get("/api/signals/decisions")["results"])
    server.put("/api/agent/toggle?enabled=false")
    decisions = {one["symbol"]: one for one in server.get("/api/signals/decisions")["results"]}
    symbol = next(s for s, one in decisions.items() if one["direction"] != "NEUTRAL" and one["because"] == "unchanged")
    page = tabs.open(f"/symbol/{symbol}")
    expect(page.locator("[data-because=unchanged]")).to_contain_text("Nothing changed enough")
    expect(page.locator(".symbol-head")).to_contain_text(f"{decisions[symbol]['score']:.3f}")
    with page.expect_response("**/api/risk/calculate-stop-loss") as answered:
        page.goto(page.url)  # as above
    stop = answered.value.json()["stop_loss"]
    plan = page.locator("section", has=page.get_by_role("heading", name="Plan", exact=True))
    expect(plan).to_contain_text(f"{stop:,.2f}" if stop >= 1000 else f"{stop:,.4f}" if stop >= 1 else f"{stop:.6g}")


def test_the_system_page_shows_the_scans_that_the_api_lists(tabs, server):
    server.wait(lambda: server.get("/api/scanner/runs?limit=1")["results"])
    server.put("/api/agent/toggle?enabled=false")
    page = tabs.open("/system")
    rows = page.get_by_test_id("runs").locator("tbody tr")
    # The scan under way when the agent was switched off ends meanwhile.
    until(page, lambda: rows.evaluate_all("all => all.map(tr => +tr.dataset.id)") == run_ids(server))
    total = server.get("/api/metrics")["agent"]["scans_total"]
    expect(page.get_by_test_id("figures").locator("div", has_text="Scans").first.locator("dd")).to_have_text(
        f"{total:,}"
    )
    series = server.get("/api/market/series")["series"]
    expect(page.get_by_test_id("series").locator("tbody tr")).to_have_count(len({one["symbol"] for one in series}))
    expect(page.get_by_test_id("series").locator("tbody td")).to_have_count(len(series))


def run_ids(server) -> list[int]:
    return [run["id"] for run in server.get("/api/scanner/runs?limit=15")["results"]]


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
