"""Adding a server: the line, the wait, the machine in place, and why none came."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, Open
from tests.product import Product, until

Axe = Callable[[Page], list[str]]


def made(page: Page) -> str:
    page.get_by_text("works on this machine alone").click()
    page.get_by_role("button", name="Make the line").click()
    token = re.search(r"wke_[\w.-]+", page.locator("pre").first.inner_text())
    assert token
    return token[0]


def tried(hub: Product, token: str, name: str) -> dict[str, str]:
    body = {"token": token, "hostname": name, "fingerprint": f"print of {name}", "facts": {}}
    found: dict[str, str] = hub.request("POST", "/api/v1/enrol", body).json()
    return found


def test_a_machine_turns_into_the_live_server_in_its_place(open_page: Open, hub: Product, axe: Axe) -> None:
    page = open_page("/servers/add/", viewport=PHONE, theme="light")
    token = made(page)
    expect(page.locator("[data-still]")).to_contain_text("Waiting for the machine")
    page.get_by_role("tab", name="Windows").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("PowerShell")
    key = tried(hub, token, "added-live")["key"]
    expect(page.locator("[data-still]")).to_contain_text("It has enrolled")
    expect(page.locator("[data-causes]")).to_contain_text("systemctl status watchkeeper-agent")
    body = {"samples": [{"t": time.time(), "m": {"cpu_used_percent": 42.0}}]}
    hub.request("POST", "/api/v1/ingest", body, headers={"Authorization": f"Bearer {key}"})
    born = page.locator("[data-here]")
    expect(born).to_contain_text("added-live reports")
    expect(born).to_contain_text("42.0 %")
    assert axe(page) == []
    born.get_by_role("link", name="Open added-live").click()
    expect(page).to_have_url(re.compile("/servers/[0-9a-f-]{36}/"))


def test_a_refused_try_is_told_at_once_and_to_its_own_team_alone(open_page: Open, hub: Product) -> None:
    page = open_page("/servers/add/")
    token = made(page)
    tried(hub, token[:-1] + ("A" if token[-1] != "A" else "B"), "typo-1")
    causes = page.locator("[data-causes]")
    expect(causes).to_contain_text("The line was cut or changed")
    expect(causes).to_contain_text("typo-1, from 127.0.0.1")


def test_after_a_minute_the_likeliest_causes_have_a_test_each(open_page: Open, hub: Product, axe: Axe) -> None:
    page = open_page("/servers/add/")
    page.clock.install()
    made(page)
    expect(page.locator("[data-causes]")).to_be_hidden()
    causes = page.locator("[data-causes] li")

    def told() -> bool:
        page.clock.run_for(70_000)  # again, should the line have come after the first minute had passed
        return causes.count() == 3

    until(told, what="the causes")
    assert all(page.locator("[data-causes] li code").nth(i).inner_text() for i in range(3))
    expect(causes.first).to_contain_text(f"curl -sk {hub.url}/healthz")
    assert axe(page) == []
