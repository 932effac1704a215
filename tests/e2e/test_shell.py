"""What stands around every page: palette, keys, theme, navigation, budgets of scripts, and names that are markup."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Dialog, Page, expect

from tests.e2e.conftest import PHONE, Open
from tests.product import EMAIL, Product

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "static" / "dist"
KB = 1000
WORKERS = "allow"
PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "'-alert(1)-'",
    "javascript:alert(1)", "<iframe src=javascript:alert(1)>", "{{7*7}}", "{% now 'Y' %}", "${alert(1)}",
    "</title><script>alert(1)</script>", "</script><script>alert(1)</script>", "<!--<script>alert(1)//-->",
    "<body onload=alert(1)>", "<a href=javascript:alert(1)>x</a>", "&lt;script&gt;alert(1)", "\\u003cscript\\u003e",
    "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>", "<math><mtext><script>alert(1)",
    "<style>@import'//evil'</style>", "<base href=//evil>", "<meta http-equiv=refresh content=0>",
    "<form action=//evil><input autofocus onfocus=alert(1)>", "`${alert(1)}`", "<x onclick=alert(1)>", "]]>alert(1)",
    "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>", "<link rel=import href=//evil>",
    "<b>bold</b>",
]  # fmt: skip


def test_the_palette_leads_to_a_server_by_keys_alone(open_page: Open, hub: Product) -> None:
    page = open_page("/alerts/")
    expect(page.locator("h1")).to_be_visible()
    page.keyboard.press("ControlOrMeta+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    expect(page.get_by_role("option", name="Alert rules")).to_be_visible()
    name = page.evaluate("fetch('/api/v1/servers').then(a => a.json()).then(b => b.results[0].name)")
    page.keyboard.type(name[:4])
    expect(page.get_by_role("option").first).to_contain_text(name)
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/servers/[0-9a-f-]{36}/"))


def test_the_palette_says_what_it_lacks_and_offers_acts(open_page: Open) -> None:
    page = open_page("/list/", viewport=PHONE)
    page.locator("[data-palette]").click()
    box = page.get_by_role("combobox")
    box.fill("no such thing at all")
    expect(page.locator(".palette")).to_contain_text("Nothing is called")
    box.fill("dark or")
    with page.expect_response("**/api/v1/me"):
        page.get_by_role("option", name="Dark or light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("dialog")).to_have_count(0)


def test_keys_lead_to_pages_and_question_mark_shows_them(open_page: Open, hub: Product) -> None:
    page = open_page("/list/")
    page.keyboard.press("?")
    expect(page.locator("dialog.keymap")).to_contain_text("Go to Alert rules")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("g a")  # in a field, keys are letters
    expect(page).to_have_url(f"{hub.url}/list/")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(f"{hub.url}/rules/")


def test_the_theme_is_kept_by_the_profile(open_page: Open, hub: Product) -> None:
    page = open_page("/list/")
    with page.expect_response("**/api/v1/me") as saved:
        page.keyboard.press("t")
    assert saved.value.ok, saved.value.text()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    again = open_page("/list/")
    expect(again.locator("html")).to_have_attribute("data-theme", "light")


def test_keys_of_one_letter_can_be_switched_off(open_page: Open) -> None:
    page = open_page("/list/")
    switch = """on => fetch('/api/v1/me', {method: 'PATCH', body: JSON.stringify({single_keys: on}),
        headers: {'Content-Type': 'application/json',
                  'X-CSRFToken': document.querySelector('meta[name=csrf-token]').content}}).then(a => a.ok)"""
    assert page.evaluate(switch, False)
    page.reload()
    page.keyboard.press("?")
    page.keyboard.press("t")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("ControlOrMeta+k")
    expect(page.locator("dialog.palette")).to_be_visible()


def test_signing_in_finding_a_server_and_reading_a_value_takes_a_keyboard_alone(
    open_page: Open, hub: Product
) -> None:
    page = open_page("/", signed_in=False)
    page.get_by_label("Email").focus()
    page.keyboard.type(EMAIL)
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.type") != "password":
        page.keyboard.press("Tab")
    page.keyboard.type(hub.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{hub.url}/")
    page.keyboard.press("ControlOrMeta+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    name = page.evaluate("fetch('/api/v1/servers').then(a => a.json()).then(b => b.results[0].name)")
    page.keyboard.type(name)
    expect(page.get_by_role("option").first).to_contain_text(name)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/servers/"))
    plot = page.locator(".plot").first
    expect(plot).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('plot')"):
            break
    expect(page.locator(".plot:focus")).to_have_attribute("aria-label", re.compile("%"))


def _sizes() -> dict[str, int]:
    """Bytes of the scripts of each entry, packed, with all it imports at once; what comes later does not count."""
    manifest: dict[str, Any] = json.loads((DIST / ".vite" / "manifest.json").read_text())

    def with_imports(key: str, seen: set[str]) -> set[str]:
        if key not in seen:
            seen.add(key)
            for other in manifest[key].get("imports", ()):
                with_imports(other, seen)
        return seen

    def packed(keys: set[str]) -> int:
        return sum(len(gzip.compress((DIST / manifest[key]["file"]).read_bytes(), 9)) for key in keys)

    entries = {one["name"]: key for key, one in manifest.items() if one.get("isEntry")}
    base = with_imports(entries["base"], set())
    alone = {"base", "theme", "offline"}
    return {
        name: packed(with_imports(key, set()) | (set() if name in alone else base)) for name, key in entries.items()
    }


def test_the_scripts_of_a_page_stay_within_their_budget() -> None:
    sizes = _sizes()
    template = {name: size for name, size in sizes.items() if name in {"base", "theme", "offline"}}
    assert max(template.values()) <= 10 * KB, template
    assert max(sizes.values()) <= 110 * KB, sizes


def test_names_tags_and_facts_with_markup_are_text_on_every_page(open_page: Open, hub: Product) -> None:
    heard: list[str] = []
    token = hub.api_token()
    servers = []
    for number, payload in enumerate(PAYLOADS):
        name = f"{payload} {number}"[:100]
        server, key = _enrolled(hub, name, number)
        body = {
            "samples": [{"t": time.time(), "m": {"cpu_used_percent": 99.0}}],
            "facts": {
                "hash": str(number),
                "document": {"host": {"os": payload, "hostname": payload, payload: payload}},
            },
        }
        answer = hub.request("POST", "/api/v1/ingest", body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status == 200, answer.body
        said = {"role": payload[:60], "tags": [f"x{number}"]}
        assert hub.request("PATCH", f"/api/v1/servers/{server}", said, token=token).status == 200
        servers.append(server)
    page = open_page("/list/?q=alert")

    def spoken(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", spoken)
    expect(page.locator("tbody tr").first).to_contain_text("alert(1)")
    for path in (
        "/",
        "/alerts/",
        "/list/?q=<script>",
        "/snapshot/",
        "/offline/",
        *(f"/servers/{one}/" for one in servers[:6]),
    ):
        page.goto(f"{hub.url}{path}")
        page.wait_for_timeout(250)
        assert page.evaluate("!document.querySelector('main script:not([type*=json]):not([src]), main iframe, base')")
    page.goto(f"{hub.url}/list/")
    page.keyboard.press("ControlOrMeta+k")
    page.get_by_role("combobox").fill("<script>")
    expect(page.get_by_role("option").first).to_contain_text("<script>alert(1)</script>")
    assert heard == []
    for one in servers:
        hub.request("DELETE", f"/api/v1/servers/{one}", token=token)


def _enrolled(hub: Product, name: str, number: int) -> tuple[str, str]:
    body = {
        "token": hub.enrol_token(f"markup {number}"),
        "hostname": name,
        "fingerprint": f"print {number}",
        "facts": {},
    }
    reply = hub.request("POST", "/api/v1/enrol", body)
    assert reply.status == 201, reply.body
    return reply.json()["server"], reply.json()["key"]


def test_everything_touched_with_a_finger_is_large_enough(open_page: Open, hub: Product) -> None:
    page = open_page("/list/", viewport=PHONE)
    for path in ("/list/", "/welcome/", "/settings/", "/settings/health/", "/servers/add/"):
        page.goto(f"{hub.url}{path}")
        expect(page.locator("h1")).to_be_visible()
        assert small(page) == [], path


SMALL = """() => [...document.querySelectorAll('button, a[href], summary, select, input:not([type=hidden])')]
  .filter(one => { const box = one.getBoundingClientRect(); const style = getComputedStyle(one)
    if (!box.width || style.visibility === 'hidden') return false
    if (one.closest('.sr, .skip, p:not(.acts):not(.links)')) return false
    const after = getComputedStyle(one, '::after')
    const grown = after.content !== 'none' && after.position === 'absolute' ? 24 : 0
    return box.height + grown < 39.5 && box.top >= 0 })
  .map(one => `${one.tagName} ${one.textContent.trim().slice(0, 30)} ${one.getBoundingClientRect().height}`)"""


def small(page: Page) -> list[str]:
    found: list[str] = page.evaluate(SMALL)
    return found


Axe = Callable[[Page], list[str]]


def test_the_palette_and_the_keys_break_no_rule_of_accessibility(open_page: Open, axe: Axe) -> None:
    page = open_page("/list/", theme="light")
    page.keyboard.press("ControlOrMeta+k")
    page.get_by_role("combobox").fill("a")
    expect(page.get_by_role("option").first).to_be_visible()
    page.wait_for_timeout(300)
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("dialog.keymap")).to_be_visible()
    assert axe(page) == []
