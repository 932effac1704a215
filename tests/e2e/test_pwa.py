"""Watchkeeper as an installed app: installable, one worker, the last look at the fleet without a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, expect

from tests.e2e.conftest import FLAGS, LIVE_S, Open, soon
from tests.e2e.trouble import CALM, HIGH, Machine, rule
from tests.product import EMAIL, Product

Axe = Callable[[Page], list[str]]
WORKERS = "allow"
HELD = "caches.open('snapshot').then(cache => cache.match('/snapshot/', {ignoreVary: true})).then(Boolean)"


def _ready(page: Page) -> None:
    """The worker stands and the fleet is kept. Asked again and again: a promise that is never kept would hang us."""
    active = "navigator.serviceWorker.getRegistration('/').then(found => found?.active?.state === 'activated')"
    soon(page, lambda: page.evaluate(active), "the worker")
    soon(page, lambda: page.evaluate(HELD), "what is kept of the fleet")


def _enter(page: Page, hub: Product) -> None:
    """A session of one's own: the shared one must outlive whoever signs out."""
    page.goto(f"{hub.url}/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(hub.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{hub.url}/")


def test_chromium_finds_it_installable(hub: Product, playwright: Playwright, chromium: str, tmp_path: Path) -> None:
    # A window of its own: a private one is never installable.
    with playwright.chromium.launch_persistent_context(tmp_path, executable_path=chromium, args=FLAGS) as context:
        page = context.new_page()
        page.goto(f"{hub.url}/accounts/login/")
        session: Any = context.new_cdp_session(page)
        errors = "Page.getInstallabilityErrors"
        soon(page, lambda: session.send(errors)["installabilityErrors"] == [], "what makes it installable")
        manifest = session.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert '"display": "standalone"' in manifest["data"]


def test_without_a_line_the_last_look_is_shown_with_its_age_and_goes_at_sign_out(
    open_page: Open, hub: Product, axe: Axe
) -> None:
    page = open_page("/", signed_in=False)
    _enter(page, hub)
    _ready(page)
    name = page.evaluate("fetch('/api/v1/servers').then(a => a.json()).then(b => b.results[0].name)")
    page.context.set_offline(True)
    page.goto(f"{hub.url}/")
    expect(page.locator("h1")).to_have_text("The hub cannot be reached")
    expect(page.locator(".lost-bar")).to_contain_text("ago")
    expect(page.locator("table")).to_contain_text(name)
    assert axe(page) == []
    page.context.set_offline(False)
    expect(page.locator(".side")).to_be_visible(timeout=LIVE_S * 1000)  # back by itself
    page.goto(f"{hub.url}/list/")
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url("**/accounts/login/**")
    soon(page, lambda: page.evaluate("caches.has('snapshot')") is False, "the end of the snapshot")


def test_the_worker_keeps_no_answers_of_the_api_and_old_shells_go(hub: Product, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        _enter(page, hub)
        page.evaluate("caches.open('shell-old').then(cache => cache.put('/x', new Response('old')))")
        _ready(page)
        page.goto(f"{hub.url}/alerts/")
        kept = page.evaluate(
            """async () => Object.fromEntries(await Promise.all((await caches.keys()).map(async name =>
               [name, (await (await caches.open(name)).keys()).map(one => new URL(one.url).pathname)])))"""
        )
        shells = [name for name in kept if name.startswith("shell-")]
        paths = {path for name in shells for path in kept[name] if name != "shell-old"}
        assert all(path.startswith("/static/") or path == "/offline/" for path in paths), paths
        scope = page.evaluate(
            "navigator.serviceWorker.getRegistrations().then(all => all.map(one => one.active.scriptURL))"
        )
        assert scope == [f"{hub.url}/worker.js"]
        # the next version takes over at once and lets go of what the one before kept
        page.evaluate("navigator.serviceWorker.getRegistration().then(one => one.unregister())")
        page.goto(f"{hub.url}/list/")
        _ready(page)
        gone = "caches.keys().then(names => !names.includes('shell-old'))"
        soon(page, lambda: page.evaluate(gone), "the end of the old shell")


def test_the_worker_shows_what_is_pushed(hub: Product) -> None:
    script = hub.request("GET", "/worker.js")
    assert script.headers["cache-control"] == "no-cache"
    assert b'importScripts("/push-worker.js")' in script.body
    assert b"showNotification" in hub.request("GET", "/push-worker.js").body


def test_without_a_line_the_inbox_and_an_incident_are_shown_as_they_were(open_page: Open, hub: Product) -> None:
    token = hub.api_token()
    rule(hub, token, "Kept", "name:kept-1", runbook="Ask <b>Ann</b>.")
    machine = Machine(hub, "kept-1")
    page = open_page("/")
    _ready(page)
    machine.say(HIGH)
    page.goto(f"{hub.url}/alerts/")
    row = page.locator(".alert a.t", has_text="kept-1").first
    title = row.inner_text()
    row.click()
    page.wait_for_url("**/incidents/**")
    here = page.url
    this = HELD.replace("'/snapshot/'", "location.pathname")
    for place in (here, f"{hub.url}/alerts/"):
        page.goto(place)
        soon(page, lambda: bool(page.evaluate(this)), f"what is kept of {place}")
    page.context.set_offline(True)
    page.goto(f"{hub.url}/alerts/")
    expect(page.locator(".lost-bar")).to_contain_text("as it was")
    page.get_by_role("link", name=title).click()
    expect(page.locator("h2").first).to_have_text(title)
    expect(page.get_by_text("Ask <b>Ann</b>.")).to_be_visible()
    page.context.set_offline(False)
    machine.say(CALM)
