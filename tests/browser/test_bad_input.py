"""What can go wrong under an open page: it says what happened and recovers by itself."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import feed, ready, until

ROWS = ".grid-body [role=row]"
SOCKET = "**/ws/realtime"
EVIL = "<IMG SRC=X ONERROR=ALERT(1)>"


def test_an_api_that_is_down_is_said_and_over_when_it_answers_again(tabs):
    page = ready(tabs.open())
    page.route("**/api/**", lambda route: route.abort())
    expect(page.locator("[data-notice=api]")).to_contain_text("does not answer")
    expect(page.locator(ROWS)).to_have_count(10)  # what was there stays
    expect(page.locator(".desk")).to_have_attribute("data-stale", "true")
    page.unroute("**/api/**")
    expect(page.locator("[data-notice=api]")).to_have_count(0)
    expect(page.locator(".desk")).not_to_have_attribute("data-stale", "true")


def test_too_many_requests_are_said_and_the_server_is_left_alone_for_as_long_as_it_asks(tabs):
    page = ready(tabs.open())
    asked: list[str] = []

    def refuse(route):
        asked.append(route.request.url)
        error = {"code": "throttled", "detail": "too many requests", "attr": None}
        route.fulfill(status=429, headers={"Retry-After": "5"}, json={"type": "client_error", "errors": [error]})

    page.route("**/api/agent/status", refuse)
    expect(page.locator("[data-notice=busy]")).to_be_visible()
    page.wait_for_timeout(4000)
    assert len(asked) <= 2  # usually every 3 s
    page.unroute("**/api/agent/status")
    expect(page.locator("[data-notice=busy]")).to_have_count(0)


@pytest.mark.parametrize(("message", "named"), [('{"type": "fireworks"}', "fireworks"), ("nonsense", "not JSON")])
def test_an_unknown_message_is_named_and_the_feed_goes_on(tabs, message, named):
    sockets = []

    def pass_on(socket):
        socket.connect_to_server()
        sockets.append(socket)

    page = tabs.open(None)
    page.route_web_socket(SOCKET, pass_on)
    page.goto(tabs.base + "/")
    ready(page)
    sockets[0].send(message)
    expect(page.locator("[data-notice=unknown-message]")).to_contain_text(named)
    expect(page.locator("[data-badge=connection]")).to_have_attribute("data-phase", "live")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("[data-notice=unknown-message]")).to_have_count(0)


def test_a_symbol_named_like_a_tag_is_text(tabs, server):
    page = tabs.open(None)
    status = server.get("/api/agent/status") | {"subscribed_symbols": [EVIL]}
    decision = server.get("/api/signals/decisions")["results"][0] | {"symbol": EVIL}
    page.route("**/api/agent/status", lambda route: route.fulfill(json=status))
    page.route("**/api/signals/decisions*", lambda route: route.fulfill(json={"results": [decision]}))
    page.route_web_socket(SOCKET, lambda socket: None)
    page.goto(tabs.base + "/")
    expect(page.locator(ROWS).locator(".col-symbol")).to_have_text(EVIL)
    assert page.locator("main img").count() == 0
    page.locator(ROWS).get_by_role("link").click()
    expect(page.locator("main")).to_contain_text(EVIL)
    assert page.locator("main img").count() == 0


def test_a_clock_that_is_hours_off_is_said_and_ages_stay_those_of_the_market(tabs, server):
    page = tabs.open(None)
    page.clock.install(time="2020-01-01T00:00:00Z")
    page.goto(tabs.base + "/")
    expect(page.locator("[data-notice=clock]")).to_contain_text("behind")
    ready(page)
    ages = page.locator(ROWS).locator(".col-age").all_inner_texts()
    assert all(not age.endswith("days") or int(age.split()[0]) < 365 for age in ages), ages


def test_a_tab_that_slept_for_an_hour_asks_at_once_and_misses_nothing(tabs, server):
    dead = set()  # as a network does that forgot a connection: nothing comes through, and nobody says so

    def pass_on(socket):
        server = socket.connect_to_server()
        server.on_message(lambda text: None if socket in dead else socket.send(text))
        socket.on_message(lambda text: None if socket in dead else server.send(text))
        opened.append(socket)

    opened: list = []
    page = tabs.open(None)
    page.route_web_socket(SOCKET, pass_on)
    page.goto(tabs.base + "/")
    ready(page)
    begun = heads(server)
    dead.add(opened[0])
    until(page, lambda: heads(server) != begun)  # which the dead socket does not say
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, lambda: len(opened) == 2)
    expect(page.locator("[data-badge=connection]")).to_have_attribute("data-phase", "live")
    server.put("/api/agent/toggle?enabled=false")
    expect(page.get_by_role("switch", name="Agent")).to_have_attribute("aria-checked", "false")
    missed = {
        (symbol, seq) for symbol, head in heads(server).items() for seq in range(begun.get(symbol, 0) + 1, head + 1)
    }
    until(page, lambda: missed <= set(feed(page)))
    assert len(feed(page)) == len(set(feed(page)))


def heads(server) -> dict[str, int]:
    return {signal["symbol"]: signal["seq"] for signal in server.get("/api/signals/latest")["results"]}


@pytest.fixture(scope="module")
def users(served):
    """A viewer and an admin, both with the password ``correct horse``."""
    code = (
        "from django.contrib.auth.models import User; from access.roles import Role, give_role;"
        "[give_role(User.objects.create_user(n, password='correct horse'), Role(r))"
        " for n, r in (('vera', 'viewer'), ('ada', 'admin'))]"
    )
    done = served.manage("shell", "-c", code)
    assert done.returncode == 0, done.stderr


def log_in(page, name: str, password: str = "correct horse") -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User name").fill(name)
    dialog.get_by_label("Password").fill(password)
    dialog.get_by_role("button", name="Log in").click()


def test_what_a_role_lacks_is_disabled_with_the_reason(tabs, users):
    page = ready(tabs.open())
    page.get_by_role("button", name="Log in").click()
    log_in(page, "vera", "wrong")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("do not go together")
    log_in(page, "vera")
    expect(page.locator(".account")).to_contain_text("vera viewer")
    switch = page.get_by_role("switch", name="Agent")
    expect(switch).to_be_disabled()
    expect(switch).to_have_attribute("title", "vera’s role, viewer, lacks the permission “toggle”.")
    ready(page)
    page.get_by_role("button", name="Log out").click()
    expect(switch).to_be_enabled()


def test_a_session_that_ends_in_mid_use_asks_again_and_keeps_the_page(tabs, users):
    page = ready(tabs.open())
    page.get_by_label("Search symbols").fill("BTC")
    error = {"code": "not_authenticated", "detail": "credentials are missing", "attr": None}
    refusal = json.dumps({"type": "client_error", "errors": [error]})
    page.route("**/api/signals/**", lambda route: route.fulfill(status=401, body=refusal))
    expect(page.get_by_role("dialog")).to_contain_text("asks who you are")
    page.unroute("**/api/signals/**")
    log_in(page, "ada")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".account")).to_contain_text("ada admin")
    expect(page.get_by_label("Search symbols")).to_have_value("BTC")
    expect(page.locator("[data-badge=connection]")).to_have_attribute("data-phase", "live")


def test_the_switch_shows_who_switched_last_to_whom_may_read_the_trail(tabs, users):
    page = ready(tabs.open())
    page.get_by_role("button", name="Log in").click()
    log_in(page, "ada")
    expect(page.locator(".account")).to_contain_text("ada")
    switch = page.get_by_role("switch", name="Agent")
    switch.click()
    page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(page.get_by_test_id("last-switch")).to_contain_text("ada")
