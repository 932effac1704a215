"""Setting alerts up in a browser: a rule from a chart, its limit and its past; silences; who is on call."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, Open
from tests.e2e.trouble import CALM, HIGH, Machine, rule
from tests.product import Product, until

SOON = 20_000
# Three hot times of five minutes each, five minutes apart: by the minute, the last one over.
BUMPS = ([CALM] * 5 + [HIGH] * 5) * 3 + [CALM] * 5


@pytest.fixture(scope="module")
def token(hub: Product) -> str:
    return hub.api_token(name="rules")


@pytest.fixture(scope="module")
def bumpy(hub: Product, token: str) -> Machine:
    """It went through its three bumps while a rule looked on."""
    rule(hub, token, "Looks on", "name:bumpy-1")
    machine = Machine(hub, "bumpy-1")
    begin = time.time() - 60 * len(BUMPS)
    for place, value in enumerate(BUMPS):
        machine.say(value, at=begin + 60 * place)
    return machine


def fired(hub: Product, token: str, name: str) -> int:
    """How often the record says that it began on this server."""
    found: dict[str, Any] = hub.request("GET", "/api/v1/notices?kind=firing&size=200", token=token).json()
    return sum(name in one["text"] for one in found["results"])


def test_what_a_rule_from_a_chart_would_have_done_is_what_the_record_says(
    open_page: Open, hub: Product, token: str, bumpy: Machine
) -> None:
    until(lambda: fired(hub, token, "bumpy-1") == 3, 20, "three beginnings in the record")
    page = open_page(f"/servers/{bumpy.id}/")
    link = page.locator("a[href*='/rules/new/?'][href*='cpu_used_percent']").first
    expect(link).to_be_attached(timeout=SOON)
    page.goto(f"{hub.url}{link.get_attribute('href')}")
    expect(page.get_by_label("Servers")).to_have_value("name:bumpy-1")
    page.get_by_label("Critical limit", exact=True).fill("90")
    page.get_by_label("Warning limit", exact=True).fill("")
    page.get_by_label("For how long", exact=True).first.fill("0")
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("Would have fired 3 times", timeout=SOON)
    expect(verdict).to_contain_text("3 of them under 10 min")
    expect(page.locator(".preview")).to_contain_text("a week")
    handle = page.get_by_role("slider")
    handle.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    expect(page.get_by_label("Critical limit", exact=True)).not_to_have_value("90")
    expect(verdict).to_contain_text("Would not have fired", timeout=SOON)
    handle.drag_to(page.locator(".plot").first, target_position={"x": 200, "y": 60})
    expect(verdict).to_contain_text("Would have fired 3 times", timeout=SOON)
    page.get_by_label("At first only write down").select_option("7")
    page.get_by_label("Name").fill("Tried out <i>first</i>")
    page.get_by_role("button", name="Make the rule").click()
    expect(page).to_have_url(re.compile("/rules/#rule-"))
    page.get_by_role("link", name="Tried out <i>first</i>", exact=True).click()
    expect(page.locator(".card.note")).to_contain_text("Nobody is told by this rule until")
    page.get_by_role("button", name="Tell from now on").click()
    expect(page.locator(".card.note")).to_have_count(0)


def test_a_rule_goes_back_to_what_it_was(open_page: Open, hub: Product, token: str, bumpy: Machine) -> None:
    made = rule(hub, token, "Changed often", "name:bumpy-1")
    changed = hub.request("PATCH", f"/api/v1/rules/{made['id']}", {"critical": 95, "for": 300}, token=token)
    assert changed.status == 200, changed.body
    page = open_page(f"/rules/{made['id']}/edit/")
    page.get_by_text("How it came to be").click()
    history = page.locator(".more-of .facts-of")
    expect(history).to_contain_text(re.compile(r"Critical limit: 90 %\s*→\s*95 %"))
    page.get_by_role("button", name="Put this back").click()
    expect(page.get_by_label("Critical limit", exact=True)).to_have_value("90")
    expect(page.locator(".toast")).to_contain_text("Look at the preview, then save")


def test_without_a_past_the_preview_says_what_to_expect(open_page: Open) -> None:
    page = open_page("/rules/new/?metric=cpu_used_percent&selector=tag:nowhere", viewport=PHONE)
    expect(page.locator(".verdict")).to_contain_text("No server is meant", timeout=SOON)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_silence_shows_what_it_would_hit_and_then_hits_it(open_page: Open, hub: Product, bumpy: Machine) -> None:
    bumpy.say(HIGH)
    page = open_page("/silences/?selector=name:bumpy-1")
    hits = page.locator(".hits")
    expect(hits).to_contain_text("One server falls under it.", timeout=SOON)
    expect(hits).to_contain_text(re.compile("would be quiet now"), timeout=SOON)
    page.get_by_label("Reason").fill("new disk <b>today</b>")
    page.get_by_role("button", name="Silence", exact=True).click()
    expect(page.locator(".things").first).to_contain_text("new disk <b>today</b>", timeout=SOON)
    page.goto(f"{hub.url}/alerts/?tab=snoozed&q=bumpy")
    expect(page.locator(".alert").first).to_contain_text("silenced: new disk <b>today</b>", timeout=SOON)
    bumpy.say(CALM)


def test_whose_turn_it_is_stands_in_a_calendar_and_a_day_is_taken_over_by_a_press(
    open_page: Open, hub: Product, token: str
) -> None:
    me = hub.request("GET", "/api/v1/me", token=token).json()["id"]
    turns = {"people": [me], "days": 7, "starts_on": "2026-01-05", "hand_over": "09:00", "weekdays": [0, 1, 2]}
    plan = {"name": "First line", "zone": "Europe/Copenhagen", "rotations": [turns]}
    made = hub.request("POST", "/api/v1/schedules", plan, token=token)
    assert made.status == 201, made.body
    page = open_page("/on-call/")
    calendar = page.locator(".calendar")
    expect(calendar.locator(".turn.mine").first).to_be_visible(timeout=SOON)
    expect(calendar.locator(".turn.gap").first).to_be_visible()
    page.get_by_role("button", name="Month", exact=True).click()
    expect(calendar.locator("tbody tr").nth(3)).to_be_visible()
    page.get_by_role("button", name="Later", exact=True).click()
    calendar.locator("td:not(.outside) button", has=page.locator(".turn.gap")).first.click()
    expect(page.get_by_label("From")).to_have_value(re.compile("T09:00"))
    page.get_by_role("button", name="Take over", exact=True).click()
    expect(page.locator(".bullets")).to_contain_text("admin@localhost", timeout=SOON)
    with page.expect_download() as download:
        page.get_by_role("link", name="iCal file").click()
    assert "SUMMARY:admin@localhost on call: First line" in download.value.path().read_text()
