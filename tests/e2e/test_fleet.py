"""The fleet page in a real browser: what it says, what it costs, and what stays when something fails."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESK, PHONE, Open, at_rest, between, soon
from tests.e2e.scenes import CRITICAL, DOWN, LATE, UP, WARN, Scene, Stage, incident
from tests.product import Product, room, slow

MANY = 1000
TROUBLE = {3: UP + CRITICAL, 17: DOWN, 40: UP + WARN, 77: LATE, 200: DOWN}
LOAD_MS, LIVE_MS, HEAP_MB, NODES, SHIFT = 700, 120, 40, 1200, 0.02
SLACK = 2.0
"""The bars are those of a quiet machine; CPU time on a busy one takes up to twice as long."""
SEEN = """
window.__seen = { cls: 0 }
new PerformanceObserver(list => { for (const one of list.getEntries()) window.__seen.cls += one.value })
  .observe({ type: 'layout-shift', buffered: true })
"""

Show = Callable[..., tuple[Page, Stage]]


@pytest.fixture
def show(open_page: Open, hub: Product) -> Show:
    def made(scene: Scene, path: str = "/", **more: Any) -> tuple[Page, Stage]:
        page = open_page("/healthz", **more)
        page.add_init_script(SEEN)
        stage = Stage(page, hub.url, scene)
        page.goto(f"{hub.url}{path}")
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("[data-live-text]")).to_have_text("Live")
        return page, stage

    return made


class Meter:
    """CPU of the page's main thread, milliseconds: what the time of a busy machine cannot tell."""

    def __init__(self, page: Page) -> None:
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def __call__(self, name: str = "TaskDuration") -> float:
        found = {one["name"]: one["value"] for one in self.cdp.send("Performance.getMetrics")["metrics"]}
        return float(found[name]) * (1000 if name == "TaskDuration" else 1)


def names(page: Page) -> list[str]:
    return page.locator(".tbl tbody tr .nm a").all_inner_texts()


def test_a_thousand_servers_fit_into_the_budgets(open_page: Open, hub: Product) -> None:
    page = open_page("/healthz")
    page.add_init_script(SEEN)
    meter, stage = Meter(page), Stage(page, hub.url, Scene(MANY, TROUBLE))
    before = meter()
    page.goto(f"{hub.url}/")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    page.wait_for_timeout(1500)
    loaded = meter() - before
    stage.play(2)
    start = meter()
    stage.play(5)
    alive = (meter() - start) / 5
    page.evaluate("history.replaceState(null, '', '/')")
    nodes, shift = page.evaluate("[document.querySelectorAll('*').length, window.__seen.cls]")
    for second in range(180):  # half an hour of reports, a tenth of a second each
        stage.tell(stage.scene.message(second))
    page.wait_for_timeout(500)
    meter.cdp.send("HeapProfiler.collectGarbage")
    heap = meter("JSHeapUsedSize") / 1e6
    sys.stdout.write(
        f"load {loaded:.0f} ms, live {alive:.0f} ms/s, heap {heap:.1f} MB, {nodes} nodes, shift {shift:.3f}\n"
    )
    assert loaded <= LOAD_MS * SLACK * slow()
    assert alive <= LIVE_MS * SLACK * slow()
    assert heap <= HEAP_MB
    assert nodes <= NODES
    assert shift <= SHIFT


def test_the_page_ranks_what_is_wrong_and_never_calls_silence_healthy(show: Show) -> None:
    page, _ = show(Scene(40, {3: UP + CRITICAL, 17: DOWN}, [incident(3, "CPU of srv-3 is high")]))
    expect(page.locator("h1")).to_have_text("2 things need you")
    expect(page.locator(".lede")).to_have_text("38 of 40 servers are healthy.")
    expect(page.locator(".att li .t").first).to_have_text("CPU of srv-3 is high")
    expect(page.locator(".att li").first.get_by_role("button", name=re.compile("^Acknowledge"))).to_be_visible()
    expect(page.locator(".att li .t").nth(1)).to_have_text("srv-17 stopped reporting")
    silent = page.get_by_role("row", name=re.compile("srv-17 "))
    expect(silent).to_contain_text("no data")
    expect(silent).not_to_contain_text(re.compile(r"\d\s?%"))
    expect(page.locator('[data-change="up"]')).to_contain_text("no history of a week yet")


def test_the_map_is_walked_by_keys_and_grouped(show: Show) -> None:
    page, _ = show(Scene(MANY, TROUBLE))
    spoken = page.locator(".map .sr")
    at_rest(page)
    page.keyboard.press("n")
    expect(spoken).to_contain_text(re.compile("srv-(3|17|40|77|200), "))
    first = spoken.inner_text()
    page.keyboard.press("n")
    expect(spoken).not_to_have_text(first)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".map .tip")).to_be_visible()
    chart = page.get_by_role("region", name="Map")
    chart.get_by_role("button", name="Site", exact=True).click()
    chart.get_by_role("button", name="Memory", exact=True).click()
    expect(page).to_have_url(re.compile(r"by=memory"))
    expect(page).to_have_url(re.compile(r"group=site"))
    page.reload()
    expect(chart.get_by_role("button", name="Memory", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_table_is_filtered_sorted_and_shared_by_its_address(show: Show) -> None:
    page, _ = show(Scene(MANY, TROUBLE), "/?q=tag%3Adb+and+site%3Alima&sort=-name")
    table = page.get_by_role("table", name="Servers")
    expect(table).to_have_attribute("aria-rowcount", "51")
    assert names(page)[:2] == ["srv-981", "srv-961"]
    page.get_by_label("Filter servers").fill("tag:db and (")
    expect(page.get_by_role("alert")).to_contain_text("cannot be read yet")
    page.get_by_label("Filter servers").fill("srv-99")
    expect(table).to_have_attribute("aria-rowcount", "12")
    page.get_by_role("button", name="CPU", exact=True).last.click()
    expect(page).to_have_url(re.compile("sort=-cpu"))
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Site", exact=True).check()
    expect(page).to_have_url(re.compile("cols=[^&]*site"))
    expect(table.get_by_role("columnheader", name="Site")).to_be_visible()
    assert page.locator(".tbl tbody tr").count() < 30


def test_a_view_is_saved_for_oneself_and_opened_again(show: Show) -> None:
    page, _ = show(Scene(40), "/?q=srv-1&sort=name")
    page.locator("summary", has_text="Views").click()
    page.get_by_label("Save this view as").fill("Ones")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Saved: Ones")
    page.goto(page.url.split("?")[0])
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name=re.compile("^Ones")).click()
    expect(page.get_by_label("Filter servers")).to_have_value("srv-1")
    page.locator("summary", has_text="Views").click()
    page.get_by_role("button", name="Remove Ones").click()
    expect(page.locator(".toast").last).to_contain_text("Removed: Ones")


def test_many_are_changed_at_once_tried_first_and_taken_back(open_page: Open, hub: Product) -> None:
    made = [hub.enrol(f"bulk-{number}") for number in range(12)]
    token = hub.api_token()
    page = open_page("/?q=bulk")
    page.get_by_label("Choose all that match").check()
    expect(page.get_by_text("12 servers chosen")).to_be_visible()
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Tag", exact=True).fill("batch")
    expect(page.get_by_text("Would change 12 of 12.")).to_be_visible()
    page.locator("dialog").get_by_role("button", name="Add tag").click()
    expect(page.locator(".toast")).to_contain_text("12 servers changed")

    def tags() -> Any:
        return hub.request("GET", f"/api/v1/servers/{made[0][0]}", token=token).json()["tags"]

    assert tags() == ["batch"]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("Taken back.")
    assert tags() == []


def test_a_gap_fetches_only_what_was_missed(show: Show) -> None:
    page, stage = show(Scene(40))
    asked: list[str] = []

    def catch(route: Any) -> None:
        asked.append(route.request.url)
        missed = [json.loads(text) for text in stage_missed]
        route.fulfill(json={"messages": missed, "seq": {"fleet": stage.scene.seq, "incidents": 0}, "reset": []})

    between(page, "**/api/v1/live?**", catch)
    stage.tell(stage.scene.message(0))
    stage_missed = [stage.scene.message(1), stage.scene.message(2)]
    stage_missed.append(stage.scene.message(3))
    stage.tell(stage_missed[-1])
    soon(page, lambda: bool(asked), "the question for what was missed")
    page.wait_for_timeout(600)
    assert len(asked) == 1
    assert "fleet%3A1" in asked[0] or "fleet:1" in asked[0]
    assert stage.asked == 0, "the whole page was not loaded again"


def test_ten_thousand_servers_stay_usable(show: Show) -> None:
    page, stage = show(Scene(10_000, {9_001: DOWN}))
    meter = Meter(page)
    expect(page.locator(".lede")).to_contain_text("9,999 of 10,000")
    page.get_by_label("Filter servers").fill("srv-9001")
    expect(page.get_by_role("table", name="Servers")).to_have_attribute("aria-rowcount", "2")
    start = meter()
    stage.play(3)
    sys.stdout.write(f"live with 10,000: {(meter() - start) / 3:.0f} ms/s\n")
    assert (meter() - start) / 3 < 500 * slow()
    page.keyboard.press("Escape")


@pytest.mark.parametrize(("viewport", "theme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_it_is_accessible_and_fits(show: Show, axe: Callable[[Page], list[str]], viewport: Any, theme: str) -> None:
    page, _ = show(Scene(60, TROUBLE, [incident(3, "<b>CPU</b> is high")]), viewport=viewport, theme=theme)
    expect(page.locator(".att")).to_contain_text("<b>CPU</b> is high")
    if viewport is DESK:
        page.get_by_label("Choose srv-17").check()
        expect(page.get_by_text("1 server chosen")).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe(page) == []


def test_a_stored_sample_is_on_the_page_within_half_a_second(open_page: Open, hub: Product) -> None:
    server, key = hub.enrol("quick")
    page = open_page(f"/servers/{server}/")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    shown = r"v => new RegExp(`^${v}[.]0\\s%`).test(document.querySelector('.chart .v').textContent)"
    took = []
    for percent in (11, 22, 33, 44, 55, 66):
        at = time.time()
        body = {"samples": [{"t": at, "m": {"cpu_used_percent": percent}}]}
        assert hub.request("POST", "/api/v1/ingest", body, headers={"Authorization": f"Bearer {key}"}).status == 200
        stored = time.time()
        # As often as the page draws: what waits longer between its looks would measure its own waiting.
        page.wait_for_function(shown, arg=percent, polling="raf")
        took.append(time.time() - stored)
        page.wait_for_timeout(150)
    took.sort()
    sys.stdout.write(f"stored to pixel: median {took[3] * 1000:.0f} ms, most {took[-1] * 1000:.0f} ms\n")
    # `bench pixel` gives its spread; here the middle one, with room for a computer that does other things as well.
    assert took[3] <= 0.5 * room()
