"""States of a page: no line, a failed part, a script that does not come, a refusal, another language, print, zoom."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PHONE, Open
from tests.product import Product

Axe = Callable[[Page], list[str]]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_lost_line_is_said_with_its_age_and_ends_by_itself(open_page: Open, hub: Product) -> None:
    page = open_page("/list/")
    page.goto(f"{hub.url}/")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    page.context.set_offline(True)
    bar = page.locator("[data-lost]")
    expect(bar).to_be_visible(timeout=15_000)
    expect(bar).to_contain_text(re.compile(r"\d+ s"))
    page.context.set_offline(False)
    expect(bar).to_be_hidden(timeout=20_000)
    expect(page.locator("[data-live-text]")).to_have_text("Live", timeout=20_000)


def test_without_scripts_the_fleet_and_the_inbox_are_lists(hub: Product, browser: Browser, session: object) -> None:
    with browser.new_context(java_script_enabled=False, storage_state=session, viewport=PHONE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{hub.url}/")
        expect(page.locator(".fallback")).to_contain_text("The live part of this page did not load")
        expect(page.locator(".fallback tbody tr").first).to_be_visible()
        page.goto(f"{hub.url}/alerts/")
        expect(page.locator(".fallback")).to_contain_text("Open incidents")
        page.get_by_role("link", name="Search").click()
        page.get_by_role("searchbox").fill("zzz")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("main")).to_contain_text("No server is called")


def test_a_blocked_script_leaves_the_list_and_a_working_island_hides_it(open_page: Open, hub: Product) -> None:
    page = open_page("/list/")
    page.route("**/assets/fleet.*.js", lambda route: route.abort())
    page.goto(f"{hub.url}/")
    expect(page.locator(".fallback")).to_be_visible()
    page.unroute("**/assets/fleet.*.js")
    page.goto(f"{hub.url}/")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".fallback")).to_be_hidden()


def test_wrong_and_forbidden_addresses_say_what_to_do(open_page: Open, hub: Product, axe: Axe) -> None:
    page = open_page("/nowhere/", theme="light")
    expect(page.locator("h1")).to_have_text("There is nothing here")
    assert axe(page) == []
    page.goto(f"{hub.url}/servers/00000000-0000-4000-8000-000000000000/")
    expect(page.locator("main")).to_contain_text("belongs to another team")


def test_zoomed_text_and_narrow_windows_lose_nothing(open_page: Open, hub: Product) -> None:
    page = open_page("/list/", viewport={"width": 360, "height": 256})  # 1440 by 1024 at 400 %
    for path in ("/list/", "/welcome/", "/settings/", "/servers/add/"):
        page.goto(f"{hub.url}{path}")
        assert fits(page), path
        assert page.evaluate("getComputedStyle(document.querySelector('.top')).position") == "static"
    page.set_viewport_size({"width": 720, "height": 600})
    page.add_style_tag  # noqa: B018 - style tags are refused by the content policy; the font size is set below
    page.evaluate("document.documentElement.style.fontSize = '28px'")  # text alone at 200 %
    assert fits(page)


def test_who_wants_no_motion_sees_none_and_paper_shows_the_content_alone(open_page: Open, hub: Product) -> None:
    page = open_page("/list/")
    page.emulate_media(reduced_motion="reduce")
    moving = (
        "[...document.querySelectorAll('*')].filter(one => getComputedStyle(one).animationName !== 'none').length"
    )
    assert page.evaluate(moving) == 0
    page.emulate_media(media="print")
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_forced_colours_keep_shapes_and_the_chosen_one(open_page: Open) -> None:
    page = open_page("/list/")
    page.emulate_media(forced_colors="active")
    here = page.locator(".side .nav").first
    expect(here).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.pill')).borderTopStyle") == "solid"
    assert page.evaluate("getComputedStyle(document.querySelector('.shape')).forcedColorAdjust") == "none"
