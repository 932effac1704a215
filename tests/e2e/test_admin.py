"""The admin in a browser: our look at both widths, no complaint of the content policy, axe silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DESK, PHONE, Open
from tests.product import Product

PAGES = (
    "/admin/", "/admin/accounts/user/", "/admin/accounts/user/1/change/", "/admin/accounts/invitation/add/",
    "/admin/servers/server/", "/admin/alerts/rule/add/", "/admin/accounts/audit/", "/admin/accounts/user/1/history/",
)  # fmt: skip


@pytest.mark.parametrize(("width", "theme"), [(DESK, "dark"), (PHONE, "light")], ids=["desk-dark", "phone-light"])
def test_the_admin_fits_and_the_content_policy_holds(open_page: Open, hub: Product, width: Any, theme: str) -> None:
    page = open_page("/admin/", viewport=width, theme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    for path in PAGES:
        page.goto(f"{hub.url}{path}")
        expect(page.locator("h1").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"


def test_the_admin_can_be_heard_and_read(
    hub: Product, browser: Browser, session: Any, axe: Callable[[Page], list[str]]
) -> None:
    """Without the policy: the checker measures colours by styles of its own."""
    with browser.new_context(storage_state=session, bypass_csp=True, viewport=DESK) as context:
        page = context.new_page()
        for path in PAGES:
            page.goto(f"{hub.url}{path}")
            expect(page.locator(".select2-selection[aria-labelledby]")).to_have_count(0)
            assert not axe(page), path
