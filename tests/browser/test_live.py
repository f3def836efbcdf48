"""The first page: ranked, moving, switched off and on, and back by itself after the server was killed."""

import signal

from playwright.sync_api import expect

from tests.browser.conftest import feed, ready, until

ROWS = ".grid-body [role=row]"
BECAUSE = {
    "first": "first score", "advice": "advice changed", "direction": "direction changed", "moved": "score moved",
}  # fmt: skip


def scores(page) -> dict[str, str]:
    """Return the score shown of each symbol."""
    return dict(
        page.locator(ROWS).evaluate_all(
            "rows => rows.map(r => [r.dataset.symbol, r.querySelector('.col-score .num')?.textContent ?? ''])"
        )
    )


def in_order(page) -> list[float]:
    """Return how far from neutral the rows are, from the first rank to the last."""
    rows = page.locator(ROWS).evaluate_all(
        "rows => rows.map(r => [+r.getAttribute('aria-rowindex'), +r.querySelector('.col-score .num').textContent])"
    )
    return [abs(score - 0.5) for _, score in sorted(rows)]


def switch(page, on: bool) -> None:
    page.get_by_role("switch", name="Agent").click()
    if not on:
        page.get_by_role("dialog").get_by_role("button", name="Turn off").click()


def test_a_fresh_start_shows_ranked_rows_that_move_and_says_simulated(tabs, server):
    page = ready(tabs.open())
    expect(page.locator("[data-badge=source]")).to_have_text("SIMULATED")
    watched = server.get("/api/agent/status")["subscribed_symbols"]
    assert set(scores(page)) == set(watched)
    before = scores(page)
    until(page, lambda: sum(before[s] != now for s, now in scores(page).items()) >= 3)


def test_the_numbers_on_the_first_page_are_those_of_the_api(tabs, server):
    page = ready(tabs.open())
    server.put("/api/agent/toggle?enabled=false")
    expect(page.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "false")
    decisions = {d["symbol"]: d for d in server.get("/api/signals/decisions")["results"]}
    latest = {s["symbol"]: s for s in server.get("/api/signals/latest")["results"]}
    until(page, lambda: scores(page) == {symbol: f"{d['score']:.3f}" for symbol, d in decisions.items()})
    for symbol, decision in decisions.items():
        row = page.locator(f"{ROWS}[data-symbol={symbol}]")
        expect(row.locator(".col-price")).to_have_text(shown_price(decision["price"]))
        expect(row.locator(".col-advice")).to_have_text(decision["advice"])
        expect(row.locator(".col-direction")).to_contain_text(decision["direction"].lower())
        expect(row.locator(".col-risk")).to_contain_text(decision["risk_level"].lower())
        expect(row.locator(".col-age")).to_have_attribute(
            "title", f"Signal {latest[symbol]['seq']}: {BECAUSE[latest[symbol]['because']]}"
        )
        for timeframe, score in decision["timeframes"].items():
            expect(row.get_by_title(f"{timeframe}: {score:.3f}", exact=True)).to_be_visible()
    until(page, lambda: in_order(page) == sorted(in_order(page), reverse=True))
    chosen = next(s for s, d in decisions.items() if d["direction"] != "NEUTRAL")
    page.locator(f"{ROWS}[data-symbol={chosen}]").click(position={"x": 400, "y": 10})
    focus = page.get_by_test_id("focus")
    expect(focus).to_have_attribute("data-symbol", chosen)
    expect(focus.locator(".focus-head")).to_contain_text(decisions[chosen]["advice"])
    expect(focus.locator(".focus-facts").first).to_contain_text(f"{100 * decisions[chosen]['confidence']:.0f}%")
    expect(focus.locator(".reasons li").first).to_be_visible()
    record = server.get(f"/api/signals/outcomes/record?direction={decisions[chosen]['direction']}")["overall"]
    expect(focus.get_by_test_id("before")).to_contain_text(f"of {record['count'] if record['status'] == 'ok' else 30} ")


def test_chosen_signals_notify_and_sound_and_a_mute_is_heeded(tabs, server):
    page = tabs.open(None)
    page.add_init_script(
        """window.told = [];
        window.tones = 0;
        window.AudioContext = class {
            currentTime = 0;
            createGain() {
                return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect: (to) => to };
            }
            createOscillator() {
                return { frequency: {}, connect: (to) => to, start: () => (window.tones += 1), stop() {} };
            }
        };
        window.Notification = class { constructor(title) { window.told.push(title); } };
        window.Notification.requestPermission = async () => 'granted';"""
    )
    page.goto(tabs.base + "/")
    ready(page)
    page.get_by_text("Alarms: off").click()
    for name in ("notification", "sound", "BUY", "SELL", "HOLD"):
        page.get_by_label(name, exact=True).check()
    count = len(feed(page))
    until(page, lambda: len(feed(page)) > count)
    told = until(page, lambda: page.evaluate("window.told"))
    assert told[0].split()[1] in {symbol for symbol, _ in feed(page)}
    assert page.evaluate("window.tones === window.told.length")
    page.get_by_label("mute", exact=True).check()
    count, silent = len(feed(page)), page.evaluate("[window.told.length, window.tones]")
    until(page, lambda: len(feed(page)) > count)
    assert page.evaluate("[window.told.length, window.tones]") == silent


def shown_price(price: float) -> str:
    return f"{price:,.2f}" if price >= 1000 else f"{price:,.4f}" if price >= 1 else f"{price:.6g}"


def polled(page) -> None:
    """Wait until the page has read the decisions anew, which it does between signals."""
    with page.expect_response("**/api/signals/decisions*"):
        pass
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")  # and has drawn them


def test_off_stops_the_rows_in_every_tab_and_on_moves_them_again(tabs, server):
    first, second = ready(tabs.open()), ready(tabs.open())
    switch(first, on=False)
    for page in (first, second):
        expect(page.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "false")
        expect(page.locator("[data-badge=connection]")).to_contain_text("agent off")
    polled(first)
    still = scores(first)
    polled(first)
    assert scores(first) == still
    first.reload()
    expect(first.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "false")
    server.stop(signal.SIGTERM)
    server.start()
    expect(second.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "false")
    expect(second.locator("[data-badge=connection]")).to_have_attribute("data-phase", "live")
    switch(first, on=True)
    expect(second.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "true")
    until(second, lambda: scores(second) != still)


def test_a_killed_server_comes_back_without_a_reload_and_no_signal_is_missing_or_doubled(tabs, server):
    page = ready(tabs.open())
    page.evaluate("window.notReloaded = true")
    begun = {s["symbol"]: s["seq"] for s in server.get("/api/signals/latest")["results"]}
    until(page, lambda: len(feed(page)) >= 1)
    server.stop(signal.SIGKILL)
    expect(page.locator("[data-badge=connection]")).to_have_attribute("data-phase", "reconnecting")
    server.start()
    expect(page.locator("[data-badge=connection]")).to_have_attribute("data-phase", "live")
    count = len(feed(page))
    until(page, lambda: len(feed(page)) > count)
    server.put("/api/agent/toggle?enabled=false")
    expect(page.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "false")
    heads = {s["symbol"]: s["seq"] for s in server.get("/api/signals/latest")["results"]}
    news = {(symbol, seq) for symbol, head in heads.items() for seq in range(begun.get(symbol, 0) + 1, head + 1)}
    until(page, lambda: news <= set(feed(page)))
    assert page.evaluate("window.notReloaded") is True
    shown = feed(page)
    for symbol in {symbol for symbol, _ in shown}:
        seqs = [seq for one, seq in shown if one == symbol]
        assert seqs == list(range(seqs[0], seqs[-1] + 1)), symbol


def test_search_arrows_and_enter_lead_to_a_symbol_without_a_mouse(tabs):
    page = ready(tabs.open())
    page.keyboard.press("/")
    page.keyboard.type("btc")
    expect(page.locator(ROWS)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(10)
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    chosen = page.locator(f"{ROWS}[aria-selected=true]").get_attribute("data-symbol")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(chosen)


def test_rows_stay_in_place_under_the_pointer_and_sort_by_a_column(tabs):
    page = ready(tabs.open())
    page.get_by_role("columnheader", name="Symbol").get_by_role("button").click()
    rank = "row.getAttribute('aria-rowindex')"
    names = f"rows => rows.map(row => [+{rank}, row.dataset.symbol]).sort((a, b) => a[0] - b[0]).map(row => row[1])"
    until(page, lambda: (found := page.locator(ROWS).evaluate_all(names)) == sorted(found))
    expect(page.locator(".filters-count")).to_contain_text("order held")
    page.mouse.move(5, 5)
    expect(page.locator(".filters-count")).not_to_contain_text("order held")
