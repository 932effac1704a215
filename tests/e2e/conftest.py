"""A real hub, a real browser: one of each for all browser tests, a fresh signed-in page for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from tests.product import EMAIL, Product
from tests.services import not_here

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK: ViewportSize = {"width": 1440, "height": 1000}
PHONE: ViewportSize = {"width": 375, "height": 812}
# What a browser writes by itself about an answer that a test asked for.
EXPECTED = ("the server responded with a status of", "WebSocket connection to", "net::ERR_")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A hub that watches this machine."""
    with Product(tmp_path_factory.mktemp("hub") / "data") as product:
        yield product.wait_watched()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def session(hub: Product, browser: Browser) -> Any:
    """The cookies of the admin, who signed in by the form."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{hub.url}/")
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(hub.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{hub.url}/")
        return context.storage_state()


@pytest.fixture
def open_page(hub: Product, browser: Browser, session: Any) -> Iterator[Open]:
    """Open a page as the admin. Whatever the browser complains about, the content policy first, fails the test."""
    complaints: list[str] = []
    contexts = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in EXPECTED):
            complaints.append(message.text)

    def make(path: str = "/", *, viewport: ViewportSize = DESK, theme: Any = "dark", signed_in: bool = True) -> Page:
        context = browser.new_context(
            viewport=viewport, color_scheme=theme, storage_state=session if signed_in else None
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{hub.url}{path}")
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """The accessibility rules a page breaks."""
    if not AXE.exists():
        not_here('axe-core is missing (run "npm ci" in frontend/)')
    source = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("tags => axe.run({runOnly: tags})", TAGS)
        return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found["violations"]]

    return check
