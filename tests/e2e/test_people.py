"""People in a browser: an admin invites, the invited joins and acts, is removed, and loses it in the open tab."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DESK, PHONE, Open, soon
from tests.product import Product

ANA = "ana@example.org"
PASSWORD = "another battery staple"
AT_ONCE_S = 5
PAGES = (
    "/me/",
    "/me/address/",
    "/me/tokens/",
    "/me/sessions/",
    "/teams/",
    "/audit/",
    "/audit/?who=nobody",
    "/people/",
)
SILENCE = """async () => (await fetch('/api/v1/silences', {
  method: 'POST',
  headers: {'Content-Type': 'application/json',
            'X-CSRFToken': document.querySelector('meta[name=csrf-token]').content},
  body: JSON.stringify({selector: 'name:*', reason: 'Work on the rack',
                        starts_at: Date.now() / 1000, ends_at: Date.now() / 1000 + 600}),
})).status"""


def join(browser: Browser, address: str) -> Page:
    """Ana opens the address in a browser of her own, and makes her account."""
    page = browser.new_context(viewport=DESK).new_page()
    page.goto(address)
    expect(page.get_by_role("heading", name="Join the team Main")).to_be_visible()
    page.get_by_label("name", exact=False).first.fill("Ana")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Make my account and join").click()
    page.wait_for_url(re.compile(r"/$"))
    return page


def test_the_invited_joins_acts_and_loses_it_at_once_when_removed(
    open_page: Open, hub: Product, browser: Browser
) -> None:
    boss = open_page("/teams/")
    boss.get_by_role("link", name="Main", exact=True).click()
    boss.get_by_label("E-mail address").fill(ANA)
    boss.locator("#id_role").select_option("operator")
    boss.get_by_role("button", name="Invite", exact=True).click()
    ana = join(browser, boss.locator("#once").inner_text())
    try:
        expect(ana.locator("[data-live-text]")).to_have_text("Live", timeout=20_000)
        assert ana.evaluate(SILENCE) == 201
        narrowed: list[float] = []
        ana.on("websocket", lambda socket: socket.on("framereceived", lambda frame: hear(narrowed, frame)))
        ana.reload()
        expect(ana.locator("[data-live-text]")).to_have_text("Live", timeout=20_000)
        boss.reload()
        row = boss.locator("li.thing", has_text=ANA)
        expect(row).to_contain_text("Operator")
        row.locator("summary", has_text="Remove").click()
        pressed = time.monotonic()
        row.get_by_role("button", name="Remove Ana").click()
        expect(boss.get_by_role("status").filter(has_text="is no member any more")).to_be_visible()
        removed = time.monotonic()
        assert ana.evaluate(SILENCE) in {400, 403}
        soon(ana, lambda: bool(narrowed) and narrowed[-1] > pressed, "the open tab follows the servers no more")
        assert narrowed[-1] - removed < AT_ONCE_S
        assert ana.goto(f"{hub.url}/teams/")
        expect(ana.get_by_text("No team yet")).to_be_visible()
    finally:
        ana.context.close()


def hear(narrowed: list[float], frame: Any) -> None:
    """When the live line was told anew what the tab may follow."""
    if '"unknown"' in str(frame) or '"subscribed"' in str(frame):
        narrowed.append(time.monotonic())


WHOLE = pytest.mark.full  # the everyday suite sees each page in one of the two, and once more in test_axe.py


@pytest.mark.parametrize(
    ("viewport", "theme", "part"),
    [
        pytest.param(DESK, "dark", slice(0, None, 2), id="desk-dark"),
        pytest.param(PHONE, "light", slice(1, None, 2), id="phone-light"),
        pytest.param(DESK, "light", slice(None), id="desk-light", marks=WHOLE),
        pytest.param(PHONE, "dark", slice(None), id="phone-dark", marks=WHOLE),
        pytest.param(DESK, "dark", slice(1, None, 2), id="desk-dark-others", marks=WHOLE),
        pytest.param(PHONE, "light", slice(0, None, 2), id="phone-light-others", marks=WHOLE),
    ],
)
def test_every_page_about_people_is_free_of_faults(
    open_page: Open, hub: Product, axe: Callable[[Page], list[str]], viewport: Any, theme: str, part: slice
) -> None:
    page = open_page("/teams/", viewport=viewport, theme=theme)
    team = page.locator("a.t").first.get_attribute("href")
    for path in (*PAGES, f"{team}", f"{team}audit/")[part]:
        page.goto(hub.url + path)
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(f"{hub.url}{team}")
    for summary in page.locator("details.ask > summary").all():
        summary.click()
    # All of it at once: what is scrolled half under the bar at the foot is not too small.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": viewport["width"], "height": height})
    assert axe(page) == []


def test_a_team_is_run_by_keys_alone(open_page: Open) -> None:
    page = open_page("/teams/")
    page.get_by_label("Name").focus()
    page.keyboard.type("Databases")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Databases", level=1)).to_be_visible()
    page.get_by_label("E-mail address").focus()
    page.keyboard.type("jens@example.org")
    page.keyboard.press("Enter")
    expect(page.locator("#once")).to_contain_text("/invitation/wki_")
    page.get_by_role("button", name="Revoke jens@example.org").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The invitation is revoked.")).to_be_visible()


def test_a_profile_changes_what_the_page_speaks_and_how_it_looks(open_page: Open) -> None:
    page = open_page("/me/")
    page.get_by_label("Time zone").select_option("Asia/Kathmandu")
    page.get_by_label("Look").select_option("light")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    root = page.locator("html")
    expect(root).to_have_attribute("data-zone", "Asia/Kathmandu")
    expect(root).to_have_attribute("data-theme", "light")
    for label in ("Time zone", "Look"):
        page.get_by_label(label).select_option("")
    page.get_by_role("button", name="Save").click()
    expect(root).to_have_attribute("data-zone", "")
