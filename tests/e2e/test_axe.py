"""Every page by the rules of accessibility: themes, widths, and whether it is filled, empty or failing.

The everyday suite looks at pairs, `check --full` at the whole matrix. No page scrolls sideways or breaks the policy.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, product
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from core.clock import now
from tests.e2e.conftest import DESK, PHONE, signed_in
from tests.product import Product, until

Axe = Callable[[Page], list[str]]
Way = tuple[str, Any, int, str]
STATES = ("filled", "empty", "error")
PLACES = (
    "/", "/alerts/", "/rules/", "/rules/new/", "/rules/file/", "/silences/", "/on-call/", "/channels/", "/record/",
    "/anomalies/", "/models/", "/capacity/", "model", "/checks/", "/checks/new/", "check", "heartbeat", "edit check",
    "/reports/", "report", "/reports/schedules/new/",
    "/servers/add/", "/servers/invitations/", "/list/", "/welcome/", "/settings/", "/settings/health/", "/teams/",
    "/me/", "/me/notifications/", "/me/tokens/", "/me/sessions/", "/audit/", "/people/", "server", "incident", "team",
    "/offline/", "/nowhere/",
)  # fmt: skip
WAYS = list(product(("dark", "light"), (1440, 375), STATES))
# Every two of theme, width and state meet on some page, and every page is seen in one of them.
PAIRS = [(place, *WAYS[(5 * number) % len(WAYS)]) for number, place in enumerate(PLACES)]
WHOLE = [(place, *way) for place in PLACES for way in WAYS]
UNSETTLED = "[data-island]:not([data-shown])"
# What islands ask for beyond the page itself, failing: the page must say so and go on.
ASKED = ("**/api/v1/**", "**/ws/live")


@pytest.fixture(scope="module")
def places(hub: Product) -> dict[str, str]:
    """The addresses of a server, a team, a trouble, checks and a report."""
    token = hub.api_token()
    rule = {
        "name": "Something is up", "kind": "threshold", "metric": "memory_used_percent", "op": "above", "warn": 0.01,
        "critical": 0.02, "selector": "", "for": 0, "notify": [],
    }  # fmt: skip
    assert hub.request("POST", "/api/v1/rules", rule, token=token).status == 201

    def first(path: str) -> Any:
        rows = hub.request("GET", f"/api/v1/{path}", token=token).json()["results"]
        return rows[0]["id"] if rows else None

    def make(path: str, body: dict[str, Any]) -> Any:
        made = hub.request("POST", f"/api/v1/{path}", body, token=token)
        assert made.status in {200, 201, 202}, made.body
        return made.json()["id"]

    check = make("checks", {"name": "Our name", "kind": "dns", "target": "localhost"})
    heartbeat = make("checks", {"name": "Nightly copy", "kind": "heartbeat", "config": {"period": 86400}})
    today = now().date().isoformat()
    report = make("report_runs", {"kind": "overview", "period": "custom", "first": today, "last": today})
    incident = until(lambda: first("incidents"), 40, "an incident")
    server = first("servers")
    return {
        "server": f"/servers/{server}/", "model": f"/servers/{server}/model/", "team": f"/teams/{first('teams')}/",
        "incident": f"/incidents/{incident}/", "check": f"/checks/{check}/", "heartbeat": f"/checks/{heartbeat}/",
        "edit check": f"/checks/{check}/edit/", "report": f"/reports/{report}/",
    }  # fmt: skip


@pytest.fixture(scope="module")
def nobody(hub: Product, browser: Browser) -> Any:
    """Somebody new, in a team that has nothing yet."""
    from accounts.models import Membership, Team, User
    from accounts.services import begin_team

    def make() -> None:
        team = Team.objects.create(name="Empty")
        begin_team(team)
        user = User.objects.create_user("new@example.org", "a long password 1")
        Membership.objects.create(team=team, user=user, role="admin")

    hub.inside(make)
    return signed_in(hub, browser, "new@example.org", "a long password 1")


def look(page: Page, axe: Axe) -> list[str]:
    """What is wrong with the page as it stands."""
    expect(page.locator("h1").first).to_be_visible()
    # Asked by selector: a text to evaluate again and again is what the policy of the page forbids.
    expect(page.locator(UNSETTLED)).to_have_count(0)
    page.wait_for_timeout(400)  # charts and the live badge have settled
    found = axe(page)
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        found.append("scrolls sideways")
    return found


@pytest.fixture
def seen(
    browser: Browser, hub: Product, session: Any, nobody: Any, places: dict[str, str], axe: Axe
) -> Callable[[list[Way]], dict[str, list[str]]]:
    """Look at pages in their ways; only faults come back, the complaints of the console among them."""

    def alike(way: Way) -> tuple[Any, ...]:
        place, theme, width, state = way
        return theme, width, state, state == "empty" and place not in places

    def all_of(ways: list[Way]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        # A fresh browser for each page costs as much as many a page.
        for (theme, width, state, new), some in groupby(sorted(ways, key=alike), alike):
            size = DESK if width == 1440 else PHONE
            with browser.new_context(
                viewport=size, color_scheme=theme, storage_state=nobody if new else session, service_workers="block"
            ) as context:
                page = context.new_page()
                complaints = heard(page)
                if state == "error":
                    fail(page)
                for way in some:
                    page.goto(f"{hub.url}{places.get(way[0], way[0])}")
                    found[" ".join(map(str, way))] = [*look(page, axe), *complaints]
                    complaints.clear()
        return {way: faults for way, faults in found.items() if faults}

    return all_of


def heard(page: Page) -> list[str]:
    """What the console will complain about."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "Content Security" in message.text else None,
    )
    return complaints


def fail(page: Page) -> None:
    for pattern in ASKED:
        page.route(pattern, lambda route: route.fulfill(status=500, json={"error": "internal", "detail": "Broken."}))
    page.route_web_socket("**/ws/live", lambda socket: socket.close())


@pytest.mark.parametrize("part", range(3))
def test_every_page_keeps_the_rules_in_one_of_its_ways(seen: Any, part: int) -> None:
    assert seen(PAIRS[part::3]) == {}


@pytest.mark.full
@pytest.mark.parametrize("place", PLACES)
def test_every_page_keeps_the_rules_in_all_its_ways(seen: Any, place: str) -> None:
    assert seen([way for way in WHOLE if way[0] == place]) == {}


def test_the_pairs_meet_and_no_page_is_left_out() -> None:
    for one, other in ((1, 2), (1, 3), (2, 3)):
        met = {(way[one], way[other]) for way in PAIRS}
        assert met == {(way[one], way[other]) for way in WHOLE}
    assert {way[0] for way in PAIRS} == set(PLACES)
