"""What people see in a browser: this machine live, charts, themes, phones, alerts, a new server, a lost line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import DESK, LIVE_S, PHONE, Open, between, soon
from tests.e2e.trouble import CALM, Machine
from tests.product import EMAIL, Product

SCREENS = [(width, theme) for width in (DESK, PHONE) for theme in ("dark", "light")]
# Each day test_axe.py looks at every page in one of its ways; these rounds, alive and in all ways, come with --full.
BOTH = [
    pytest.param(width, theme, id=f"{width['width']}-{theme}", marks=pytest.mark.full) for width, theme in SCREENS
]


def server_path(page: Page) -> str:
    return str(page.locator(".scard h2 a").first.get_attribute("href"))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def painted(page: Page, selector: str) -> int:
    """How many strong pixels a canvas holds: lines, not the hairlines of a grid."""
    return int(
        page.locator(selector).first.evaluate(
            """canvas => {
              const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
              let n = 0
              for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] > 200 && Math.abs(data[i + 2] - data[i]) > 50) n++
              return n
            }"""
        )
    )


def test_a_stranger_is_led_to_the_sign_in_and_back(open_page: Open, hub: Product) -> None:
    page = open_page("/alerts/", signed_in=False)
    expect(page).to_have_url(re.compile("/accounts/login/"))
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".errorlist")).to_be_visible()
    page.get_by_label("Password").fill(hub.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{hub.url}/alerts/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_the_first_page_shows_this_machine_live_over_the_socket(open_page: Open) -> None:
    page = open_page()
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    page.reload()
    expect(page.locator("h1")).to_contain_text(re.compile("healthy|is busy|needs you"))
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    page.evaluate("window.stayed = true")
    readings = page.locator(".readings dd")
    before = readings.all_inner_texts()
    soon(page, lambda: any('"servers"' in frame for frame in frames), "a message over the socket")
    soon(page, lambda: readings.all_inner_texts() != before, "a new value")
    assert page.evaluate("window.stayed"), "the page was loaded again"


def test_without_a_socket_the_same_messages_are_polled_and_the_badge_says_so(open_page: Open, hub: Product) -> None:
    page = open_page("/alerts/")
    page.route_web_socket("**/ws/live", lambda socket: socket.close())
    page.goto(f"{hub.url}/")
    expect(page.locator("[data-live-text]")).to_have_text("Polling every 5 s", timeout=20_000)
    readings = page.locator(".readings dd")
    before = readings.all_inner_texts()
    soon(page, lambda: readings.all_inner_texts() != before, "a new value")


def test_the_charts_of_a_server_hold_points_and_go_on(open_page: Open) -> None:
    page = open_page()
    page.goto(page.url.rstrip("/") + server_path(page))
    value = page.locator(".chart .v").first
    expect(value).to_contain_text("%", timeout=LIVE_S * 1000)
    soon(page, lambda: painted(page, ".plot canvas") > 40, "a line")
    values = page.locator(".chart .v")  # one alone may stand still: a busy processor stays at 100 %
    before = values.all_inner_texts()
    soon(page, lambda: values.all_inner_texts() != before, "a new point")
    page.get_by_role("button", name="6 h").click()
    expect(page).to_have_url(re.compile(r"\?range=6h"))


def test_one_cursor_for_all_charts_by_pointer_and_keys(open_page: Open, hub: Product) -> None:
    machine = Machine(hub, "pointed-1")
    machine.past([CALM] * 60, 10, memory_used_percent=50.0)
    page = open_page("/alerts/")
    held: list[Route] = []
    # Whether the history is young decides how much of it is shown; on a busy computer that is known late.
    between(page, re.compile(r"/api/v1/series\?.*points=50&"), held.append)
    page.goto(f"{hub.url}/servers/{machine.id}/")
    expect(page.locator(".chart .v").first).to_contain_text("%")
    soon(page, lambda: bool(held), "the question for what came before")
    plot = page.locator(".plot").first
    box = plot.bounding_box()
    assert box
    plot.hover(position={"x": box["width"] * 0.9, "y": 60})
    for route in held:
        route.continue_()
    second = ".chart:nth-child(2) .plot canvas:nth-child(2)"
    soon(page, lambda: painted(page, second) > 0, "the cursor on the second chart")
    page.mouse.move(0, 0)
    soon(page, lambda: painted(page, second) == 0, "the cursor's end")
    plot.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".chart .sr").first).to_contain_text("CPU")
    soon(page, lambda: painted(page, second) > 0, "the cursor of the keys on the second chart")
    hub.request("DELETE", f"/api/v1/servers/{machine.id}", token=hub.api_token(name="e2e"))


def test_the_theme_is_switched_and_remembered(open_page: Open) -> None:
    page = open_page()
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    with page.expect_response("**/api/v1/me") as saved:
        page.get_by_role("button", name="Switch to the light theme").click()
    assert saved.value.ok, saved.value.text()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")


def test_a_page_written_before_the_theme_was_saved_still_shows_it(open_page: Open, hub: Product) -> None:
    page = open_page("/list/")
    other = page.context.new_page()
    saving: list[Route] = []
    between(page, "**/api/v1/me", saving.append)

    def late(route: Route) -> None:
        before = route.fetch()  # of a profile that knows nothing yet
        saved = saving[0].fetch()
        assert saved.ok, saved.text()
        saving[0].fulfill(response=saved)
        page.wait_for_function("localStorage.getItem('theme-unsaved') !== 'yes'")
        route.fulfill(response=before)

    other.route("**/list/", late)
    page.get_by_role("button", name="Switch to the light theme").click()
    soon(page, lambda: bool(saving), "the choice")
    other.goto(f"{hub.url}/list/")
    root = other.locator("html")
    expect(root).to_have_attribute("data-theme-choice", "")
    expect(root).to_have_attribute("data-theme", "light")


def test_a_theme_that_could_not_be_saved_is_shown_and_saved_by_the_next_page(open_page: Open) -> None:
    page = open_page("/list/")
    between(page, "**/api/v1/me", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/api/v1/me")):
        page.get_by_role("button", name="Switch to the light theme").click()
    page.unroute("**/api/v1/me")
    with page.expect_response("**/api/v1/me") as saved:
        page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert saved.value.ok, saved.value.text()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme-choice", "light")


@pytest.mark.parametrize(("viewport", "theme"), BOTH)
def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(
    open_page: Open, hub: Product, axe: Callable[[Page], list[str]], viewport: Any, theme: str
) -> None:
    page = open_page(viewport=viewport, theme=theme)
    expect(page.locator("h1")).to_be_visible()
    here = server_path(page)
    found = {}
    managed = (f"{here}edit/", "/servers/add/", "/servers/invitations/")
    for path in ("/", here, f"{here}?range=24h", "/alerts/", *managed, "/nowhere/"):
        page.goto(f"{hub.url}{path}")
        expect(page.locator("h1")).to_be_visible()
        page.wait_for_timeout(600)  # charts and the live badge have settled
        assert fits(page), path
        found[path] = axe(page)
    assert not any(found.values()), found


@pytest.mark.full
def test_the_pages_of_alerts_break_no_rule_either(
    open_page: Open, hub: Product, axe: Callable[[Page], list[str]]
) -> None:
    desk, phone = open_page("/rules/", theme="light"), open_page("/rules/", viewport=PHONE, theme="dark")
    found = {}
    alone = ("/channels/", "/silences/?selector=tag:db", "/on-call/", "/me/notifications/")
    pages = ("/rules/?state=on", "/rules/file/", "/rules/new/", "/record/", *alone)
    for number, path in enumerate(pages):
        page = (desk, phone)[number % 2]
        page.goto(f"{hub.url}{path}")
        expect(page.locator("h1")).to_be_visible()
        page.wait_for_timeout(500)
        assert fits(page), path
        found[path] = axe(page)
    assert not any(found.values()), found


def test_a_rule_is_made_by_keyboard_fires_and_is_taken(open_page: Open) -> None:
    page = open_page("/rules/")
    page.get_by_role("link", name="New rule").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Kind of trouble").focus()

    def write(text: str) -> None:
        page.keyboard.press("Tab")
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type(text)

    write("memory_used_percent")
    expect(page.get_by_label("Critical limit", exact=True)).to_have_value("97")
    for text in ("", "above", "0.02", "0.01", "0"):  # where, direction, critical, warning, how long
        write(text)
    expect(page.locator(".verdict")).to_contain_text("fired", timeout=LIVE_S * 1000)
    page.get_by_label("Name").focus()
    page.keyboard.type("Made by hand")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/rules/#rule-"))
    rule = page.locator(".thing:target", has_text="Made by hand")  # marked among all the others
    expect(rule).to_be_in_viewport()
    expect(rule).to_contain_text("When Memory used on every server is above 0.02 % (warning: 0.01 %)")
    page.goto(page.url.partition("#")[0].replace("/rules/", "/alerts/"))
    row = page.locator(".alert", has_text="Made by hand").first
    expect(row).to_be_visible(timeout=LIVE_S * 1000)
    row.locator("a.t").focus()
    page.keyboard.press("Enter")
    take = page.get_by_role("button", name="Acknowledge", exact=True)
    take.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lede").first).to_contain_text("is on it")
    expect(page.get_by_role("button", name="Give it back")).to_be_visible()
    expect(page.locator(".tl")).to_contain_text(EMAIL)


def test_a_chart_begins_a_rule_and_a_file_changes_it(open_page: Open, hub: Product, tmp_path: Path) -> None:
    page = open_page("/")
    page.goto(f"{hub.url}{server_path(page)}")
    page.get_by_label("More about Load").click()
    page.get_by_role("link", name="Make a rule: Load (1 min)").click()
    expect(page.get_by_label("Metric", exact=True)).to_have_value("Load over 1 minute")
    expect(page.get_by_label("Servers")).to_have_value(re.compile("^name:"))
    page.get_by_label("Critical limit", exact=True).fill("4000")
    page.get_by_label("Name").fill("From a chart")
    page.get_by_role("button", name="Make the rule").click()
    page.get_by_role("link", name="As a file").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download rules.yaml").click()
    changed = tmp_path / "rules.yaml"
    changed.write_text(Path(download.value.path()).read_text().replace("critical: 4000", "critical: 5000"))
    page.get_by_label("Choose a file").set_input_files(changed)
    page.get_by_role("button", name="Show what would change").click()
    expect(page.locator(".plan")).to_contain_text("~ From a chart: critical 4000 → 5000")  # its recovery follows
    page.get_by_role("button", name="Apply one change").click()
    expect(page.locator(".said")).to_have_text("Done. The rules are as the file says.")
    page.goto(f"{hub.url}/rules/?q=chart")
    expect(page.locator(".things")).to_contain_text("is above 5,000")


def test_the_sign_in_page_is_accessible_too(open_page: Open, axe: Callable[[Page], list[str]]) -> None:
    page = open_page("/accounts/login/", viewport=PHONE, signed_in=False)
    assert fits(page)
    assert axe(page) == []


def test_the_keyboard_reaches_the_content_first(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("h1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_wrong_address_says_what_to_do(open_page: Open) -> None:
    page = open_page("/nowhere/")
    expect(page.locator("h1")).to_have_text("There is nothing here")
    page.get_by_role("link", name="Go to the fleet").click()
    expect(page.locator(".scard").first).to_be_visible()


def test_an_alert_appears_and_is_taken_in_one_press_on_a_phone(open_page: Open, hub: Product) -> None:
    page = open_page("/alerts/", viewport=PHONE)
    expect(page.locator("h1")).to_be_visible()
    rule = {
        "name": "Memory in use", "kind": "threshold", "metric": "memory_used_percent", "labels": {}, "selector": "",
        "op": "above", "warn": 0.01, "warn_recover": 0.005, "critical": 0.02, "critical_recover": 0.01, "for": 0,
        "keep_firing_for": 0, "notify": [], "group_wait": 0,
    }  # fmt: skip
    made = hub.request("POST", "/api/v1/rules", rule, token=hub.api_token(name="e2e"))
    assert made.status == 201, made.body
    row = page.locator(".alert", has_text="Memory in use").first
    expect(row).to_be_visible(timeout=LIVE_S * 1000)
    row.get_by_role("button", name=re.compile("Acknowledge")).click()
    expect(row.locator(".owned")).to_be_visible()
    row.locator("a.t").click()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".tl li").first).to_be_visible()
    assert fits(page)


def test_a_lost_line_is_said_and_comes_back_by_itself(hub: Product, browser: Browser, session: Any) -> None:
    with browser.new_context(viewport=DESK, storage_state=session) as context:
        page = context.new_page()
        page.goto(f"{hub.url}/")
        badge = page.locator("[data-live-text]")
        expect(badge).to_have_text("Live")
        hub.kill()
        expect(badge).to_have_text(re.compile(r"Connection lost .* ago, retrying"), timeout=20_000)
        hub.start()
        expect(badge).to_have_text("Live", timeout=LIVE_S * 1000)
        expect(page.locator("h1")).to_be_visible()
