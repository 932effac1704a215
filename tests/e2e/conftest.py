"""A real hub, a real browser: one of each for all browser tests of a worker, a fresh page for every test.

A file leaves the hub as it found it: what its tests made goes when they end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)  # fmt: skip

from accounts.models import Team, User
from accounts.services import remove_team
from tests.product import EMAIL, Product, until
from tests.services import not_here

# Windows of this browser draw their address bar by pages of its own: a third of the work of opening one.
# The flag replaces what Playwright says there, so that is said again.
UNUSED = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AimEnabled", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "AvoidCorsURLLoaderRestartOnRedirect", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying",
    "OptimizationHints", "PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning",
)  # fmt: skip
FLAGS = [
    f"--disable-features={','.join(UNUSED)}",
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

MADE = ("checks", "report_runs", "silences", "schedules", "rules", "chains", "channels", "servers", "teams")

LIVE_S = 40  # a report every ten seconds, and a busy computer
expect.set_options(timeout=20_000)  # who waits for what comes may wait: bars on time say so themselves

Open = Callable[..., Page]


def soon(page: Page, ask: Callable[[], bool], what: str) -> None:
    """Ask until it is true; the browser goes on meanwhile."""

    def once() -> bool:
        page.wait_for_timeout(200)
        return ask()

    until(once, LIVE_S, what)


def at_rest(page: Page) -> None:
    """What was drawn hears its keys, too, a moment later."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")


def between(page: Page, pattern: str | re.Pattern[str], answer: Callable[[Route], None]) -> None:
    """Stand between the page and the hub, and wait until we do: a busy page goes on past us for a while."""

    def stand(route: Route) -> None:  # Playwright takes no bound method of a list
        answer(route)

    page.route(pattern, stand)
    page.route("**/between-us", lambda route: route.fulfill(body="yes"))
    ask = "fetch('/between-us').then(answer => answer.text())"
    soon(page, lambda: page.evaluate(ask) == "yes", "a question that comes to us")


@pytest.fixture(scope="package")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A hub that watches this machine."""
    with Product(tmp_path_factory.mktemp("hub") / "data") as product:
        yield product.wait_watched()


@pytest.fixture(scope="module", autouse=True)
def _left_as_found(hub: Product) -> Iterator[None]:
    """Rows that a file made, in the order in which none of them holds another."""
    token = hub.api_token(name="tidy")

    def held(kind: str) -> set[str]:
        answer = hub.request("GET", f"/api/v1/{kind}?size=200", token=token)
        assert answer.status == 200, answer.body
        return {row["id"] for row in answer.json()["results"]}

    before = {kind: held(kind) for kind in MADE}
    yield
    if not hub.children:
        hub.start()
    for kind in MADE:
        for one in held(kind) - before[kind]:
            if kind == "teams":  # a token may not
                hub.inside(partial(no_team, one))
                continue
            method, end = ("POST", "/end") if kind == "silences" else ("DELETE", "")
            gone = hub.request(method, f"/api/v1/{kind}/{one}{end}", token=token)
            assert gone.status in {200, 204, 404, 409}, (kind, gone.body)


def no_team(uuid: str) -> None:
    remove_team(Team.objects.get(uuid=uuid), by=User.objects.get(email=EMAIL))


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield browser
    browser.close()


def signed_in(hub: Product, browser: Browser, email: str, password: str) -> Any:
    """The cookies of somebody who signs in by the form."""
    with browser.new_context(service_workers="block") as context:
        page = context.new_page()
        page.goto(f"{hub.url}/")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{hub.url}/")
        return context.storage_state()


@pytest.fixture(scope="package")
def kept() -> dict[str, Any]:
    """Whose cookies we have, by the address of the hub."""
    return {}


@pytest.fixture(scope="module")
def session(hub: Product, browser: Browser, kept: dict[str, Any]) -> Any:
    """The cookies of the admin, who signs in anew when a test signed out."""
    if not (state := kept.get(hub.url)) or not still_in(hub, state):
        state = kept[hub.url] = signed_in(hub, browser, EMAIL, hub.password)
    return state


def still_in(hub: Product, state: Any) -> bool:
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in state["cookies"])
    return hub.request("GET", "/list/", headers={"Cookie": cookies}).status == 200


@pytest.fixture
def open_page(hub: Product, browser: Browser, session: Any, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a page as the admin. Whatever the browser complains about, the content policy first, fails the test.

    Without a service worker, which for each fresh browser costs half a second and fetches behind the page's back;
    files of tests that say `WORKERS = "allow"` look at what pages are under theirs.
    """
    workers: Any = getattr(request.module, "WORKERS", "block")
    complaints: list[str] = []
    contexts = []
    chosen: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in EXPECTED):
            complaints.append(message.text)

    def asked(request: Request) -> None:
        if request.method == "PATCH" and request.url.endswith("/api/v1/me"):
            chosen.append(request.url)

    def make(path: str = "/", *, viewport: ViewportSize = DESK, theme: Any = "dark", signed_in: bool = True) -> Page:
        context = browser.new_context(
            viewport=viewport, color_scheme=theme, storage_state=session if signed_in else None,
            service_workers=workers,
        )  # fmt: skip
        contexts.append(context)
        context.on("request", asked)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{hub.url}{path}")
        return page

    yield make
    try:
        for context in contexts:
            context.close()
    finally:
        if chosen:
            hub.inside(as_before)
    assert not complaints


def as_before() -> None:
    """The admin's profile is that of every test that signs in as this admin: what one chose there ends with it."""
    User.objects.filter(email=EMAIL).update(theme="", single_keys=True)


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """The accessibility rules a page breaks."""
    if not AXE.exists():
        not_here('axe-core is missing (run "npm ci" in frontend/)')
    source = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> list[str]:
        page.evaluate(source)
        # Only what is broken: to list what holds takes longer than to find it.
        found = page.evaluate("tags => axe.run({runOnly: tags, resultTypes: ['violations']})", TAGS)
        return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found["violations"]]

    return check
