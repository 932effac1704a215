"""The first steps: from an empty house to a demo fleet and back, settings and the product's own health."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, Open
from tests.product import Product

Axe = Callable[[Page], list[str]]


def test_a_demo_fleet_comes_by_one_click_and_goes_by_one(open_page: Open, hub: Product, axe: Axe) -> None:
    page = open_page("/welcome/", viewport=PHONE)
    expect(page.locator("h1")).to_contain_text("left")
    assert axe(page) == []
    page.get_by_role("button", name="Try with 12 simulated servers").click()
    expect(page.locator(".message")).to_contain_text("demo fleet is coming")
    count = "fetch('/api/v1/demo').then(a => a.json()).then(b => b.servers)"
    for _ in range(160):
        if page.evaluate(count) == 12:
            break
        page.wait_for_timeout(250)
    assert page.evaluate(count) == 12
    page.goto(f"{hub.url}/welcome/")
    expect(page.locator("main")).to_contain_text("12 simulated servers are in the fleet")
    page.get_by_text("Remove them", exact=True).click()
    page.get_by_role("button", name="Yes, remove them").click()
    expect(page.locator(".message")).to_contain_text("12 demo servers were removed")
    assert page.evaluate(count) == 0


def test_steps_say_what_is_there_and_can_be_put_away(open_page: Open, hub: Product) -> None:
    page = open_page("/welcome/")
    page.wait_for_selector(".todo li")
    assert page.locator(".todo li").count() == 5
    expect(page.locator(".todo li", has_text="See that mail goes out")).to_contain_text("EMAIL_URL")
    page.get_by_role("button", name="Put this away").click()
    expect(page).to_have_url(f"{hub.url}/")


def test_settings_say_what_is_kept_and_whether_the_product_is_well(open_page: Open, hub: Product, axe: Axe) -> None:
    page = open_page("/settings/", theme="light")
    expect(page.locator("table")).to_contain_text("WATCHKEEPER_KEEP_RAW_DAYS")
    expect(page.locator("table")).to_contain_text("7 days")
    assert axe(page) == []
    page.get_by_role("link", name="Look closer").click()
    expect(page.locator("h1")).to_have_text("Watchkeeper works")
    expect(page.locator("main")).to_contain_text("Sweeps and clean-up run.")
    expect(page.locator("main")).to_contain_text("./watchkeeper backup FILE")
    assert axe(page) == []
