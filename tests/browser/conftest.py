"""One server on the simulated market and one browser for all tests of the dashboard."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import absent
from tests.process.conftest import PATIENCE_S, Server, free_port

# Without the flags about the background a browser in a closed network tries its maker's hosts at every start.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def executable() -> str:
    found = shutil.which("chromium")
    if found is None:
        absent("no chromium, so the dashboard is not tested in a browser: apt-get install chromium")
    if not (settings.FRONTEND_DIST / "manifest.json").is_file():
        absent("the dashboard is not built, so it is not tested in a browser: make frontend")
    return str(found)


@pytest.fixture(scope="session")
def served(executable: str, tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Server]:
    """A fresh server on the simulated market, a 5-minute candle a second; started by the first test that asks."""
    data = tmp_path_factory.mktemp("dashboard")
    shutil.copy(migrated, data)
    server = Server(
        {
            **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")},
            "DATA_DIR": str(data),
            "PORT": str(free_port()),
            "MARKET_SOURCE": "simulated",
            "SIMULATED_SPEED": "300",
        }
    )
    server.start()
    yield server
    if server.process is not None:
        server.stop(signal.SIGKILL)


@pytest.fixture
def server(served: Server) -> Server:
    """The server, running, with the agent on."""
    if served.process is None:
        served.start()
    served.put("/api/agent/toggle?enabled=true")
    return served


@pytest.fixture(scope="session")
def browser(executable: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


class Tabs:
    """Opens tabs and remembers what their consoles complained of."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser, self.server = browser, server
        self.base = f"http://127.0.0.1:{server.port}"
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(self, path: str | None = "/", width: int = 1440, scheme: str = "dark", height: int = 900) -> Page:
        """Return a tab with its own cookies; path None: nothing is loaded yet."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-US", timezone_id="UTC",
            reduced_motion="reduce",  # no transition to wait for
        )  # fmt: skip
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._note(page, message))
        if path is not None:
            # What is waited for is on the page, not its load: several tabs load side by side.
            page.goto(self.base + path, wait_until="commit")
        return page

    def _note(self, page: Page, message) -> None:
        # What a server answers to a request is the page's business; that it can be seen in the console is Chromium's.
        if message.type == "error" and not re.search(r"Failed to load resource|WebSocket connection", message.text):
            self.complaints.append(f"{page.url}: {message.text}")


@pytest.fixture
def tabs(browser: Browser, server: Server) -> Iterator[Tabs]:
    tabs = Tabs(browser, server)
    yield tabs
    for context in tabs.contexts:
        context.close()
    assert tabs.complaints == []


def ready(page: Page) -> Page:
    """Wait until the feed is live and rows have scores."""
    expect(page.locator("[data-badge=connection]")).to_have_attribute("data-phase", "live")
    expect(page.locator(".grid-body [role=row] .score").first).to_be_visible()
    return page


def until(page: Page, look, seconds: float = PATIENCE_S):
    """Return what ``look`` returns as soon as it is true; the browser goes on meanwhile."""
    for _ in range(int(seconds * 10)):
        if found := look():
            return found
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen in time")


def feed(page) -> list[tuple[str, int]]:
    """Return (symbol, seq) of what the feed shows, oldest first."""
    items = page.get_by_test_id("feed").locator("li")
    found = items.evaluate_all("all => all.map(li => [li.dataset.symbol, +li.dataset.seq])")
    return [(symbol, seq) for symbol, seq in reversed(found)]
