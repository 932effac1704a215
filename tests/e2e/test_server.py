"""The page of one server in a browser: time, causes, everything it measures, and what still works when parts fail."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from metrics.names import layout_hash
from tests.e2e.conftest import DESK, PHONE, Open, at_rest, between
from tests.product import Product

HOUR = 3600
BUMP = (2.0 * HOUR, 1.5 * HOUR)  # ago
STARTED = "backup.service started <img src=x>"
COLUMNS = [
    "cpu_used_percent", "cpu_iowait_percent", "memory_used_percent", "load1",
    'net_received_bytes_per_second{nic="eth0"}',
    'disk_used_percent{mount="/"}', 'disk_used_bytes{mount="/"}', 'disk_total_bytes{mount="/"}', "uptime_seconds",
    'top_process_cpu_percent{process="postgres"}', 'top_process_cpu_percent{process="backup"}', "own_queue",
    *(f'cpu_core_used_percent{{core="{core}"}}' for core in range(6)),
]  # fmt: skip


def row(at: float, end: float) -> list[float | None]:
    """Six hours of a calm machine; half an hour of them a backup runs, and forty minutes of them nothing is told."""
    ago = end - at
    hot = BUMP[1] < ago < BUMP[0]
    wave = math.sin(at / 900)
    cpu = 20 + 4 * wave + (60 if hot else 0)
    return [
        at, cpu, 1 + (20 if hot else 0), 50 + wave, 1 + wave / 4 + (6 if hot else 0), 2e6 + 1e5 * wave, 70, 7e10,
        1e11, 9e5 - ago, 10 + wave, (80 if hot else None), 30 + wave, *([cpu + core for core in range(6)]),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def machines(hub: Product) -> dict[str, str]:
    """Two machines with a history, and one that never said a word."""
    found = {}
    end = time.time() - 2
    for name in ("db-1", "db-2", "young-1"):
        server, key = hub.enrol(name)
        found[name] = server
        if name == "young-1":
            continue
        times = [end - ago for ago in range(6 * HOUR, 0, -60) if not 4 * HOUR < ago < 4.7 * HOUR]
        body = {
            "boot": "b", "seq": 1, "layout": layout_hash(COLUMNS), "columns": COLUMNS,
            "rows": [row(at, end) for at in times],
            "events": [{"t": end - BUMP[0] - 90, "kind": "job", "text": STARTED, "fields": {}}],
        }  # fmt: skip
        reply = hub.request("POST", "/api/v1/ingest", body, headers={"Authorization": f"Bearer {key}"})
        assert reply.status == 200, reply.body
    return found


@pytest.fixture
def shown(open_page: Open, hub: Product, machines: dict[str, str]) -> Callable[..., Page]:
    def show(name: str = "db-1", query: str = "?range=6h", **options: Any) -> Page:
        page = open_page(f"/servers/{machines[name]}/{query}", **options)
        expect(page.locator("h1")).to_have_text(name)
        return page

    return show


def value(page: Page, chart: str = "cpu") -> Any:
    return page.locator(f"#chart-{chart} .v")


def drag(page: Page, first: float, last: float, *, shift: bool = False) -> None:
    box = page.locator("#chart-cpu .plot").bounding_box()
    assert box
    left, width = box["x"] + 62, box["width"] - 78
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(left + width * first, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(left + width * (first + last) / 2, box["y"] + 60)
    page.mouse.move(left + width * last, box["y"] + 60)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


def test_a_range_a_zoom_and_a_comparison_stand_in_the_address_and_back_undoes_them(
    shown: Callable[..., Page], machines: dict[str, str]
) -> None:
    page = shown()
    expect(value(page)).to_contain_text("%")
    page.get_by_role("button", name="24 h", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?range=24h$"))
    page.get_by_label("Compare with").select_option(f"server:{machines['db-2']}")
    expect(page).to_have_url(re.compile(rf"compare=server:{machines['db-2']}"))
    expect(page.locator("#chart-cpu .note-r")).to_contain_text("vs db-2")
    drag(page, 0.85, 0.95)
    expect(page).to_have_url(re.compile(r"\?from=\d+&to=\d+&compare="))
    expect(page.get_by_role("button", name="Back to live")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Back to live")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?range=24h&compare="))
    expect(page.get_by_role("button", name="24 h", exact=True)).to_have_attribute("aria-pressed", "true")
    page.go_back()
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?range=6h$"))


def test_the_keyboard_steps_zooms_and_asks_what_else_moved(shown: Callable[..., Page]) -> None:
    page = shown()
    expect(value(page)).to_contain_text("%")
    at_rest(page)
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile("from="))
    page.keyboard.press("-")
    page.keyboard.press("+")
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile("range=6h"))
    page.locator("#chart-cpu .plot").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#chart-cpu .sr")).to_contain_text(re.compile(r"CPU .* at "))
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#chart-cpu .sr")).to_contain_text("Enter zooms")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="What else moved?")).to_be_focused()


def test_dragging_over_a_bump_with_shift_ranks_what_else_moved(shown: Callable[..., Page]) -> None:
    page = shown()
    expect(value(page)).to_contain_text("%")
    drag(page, 1 - BUMP[0] / (6 * HOUR), 1 - BUMP[1] / (6 * HOUR), shift=True)
    ranked = page.locator(".ranked li")
    expect(ranked.first).to_be_visible()
    titles = page.locator(".ranked b").all_inner_texts()
    assert "Load over 1 minute" in titles
    assert "Memory used" not in titles
    expect(page.locator(".moved .verdict")).to_contain_text("backup.service started <img src=x>")
    expect(page).to_have_url(re.compile(r"range=6h$"))
    page.get_by_role("button", name="Close").click()
    expect(ranked).to_have_count(0)


def test_every_series_is_found_in_its_section_and_by_a_word(shown: Callable[..., Page]) -> None:
    page = shown()
    fold = page.locator(".fold", has_text="Processor")
    fold.locator("summary").first.click()
    expect(fold.locator(".chart h2").first).to_contain_text("CPU core used")
    expect(fold.locator(".chart")).to_have_count(2)  # six cores, four on a chart
    page.get_by_label("Filter series").fill("queue")
    expect(page.locator(".fold")).to_have_count(1)
    expect(page.locator(".fold .chart h2")).to_contain_text("queue")
    page.get_by_label("Filter series").fill("no such thing")
    expect(page.get_by_text("No series fits these words.")).to_be_visible()


def test_a_chart_is_had_as_a_table_a_file_and_a_link(shown: Callable[..., Page]) -> None:
    page = shown()
    expect(value(page)).to_contain_text("%")
    menu = page.locator("#chart-cpu .doing summary")
    menu.click()
    page.get_by_role("button", name="View as table").click()
    expect(page.locator("dialog tbody tr").first).to_contain_text("%")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    menu.click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download as CSV").click()
    text = started.value.path().read_text()
    assert text.startswith("time,cpu_iowait_percent,cpu_used_percent")
    assert text.count("\n") > 300
    menu.click()
    page.get_by_role("button", name="Copy link").click()
    expect(page).to_have_url(re.compile("chart=cpu"))
    expect(page.locator(".toast")).to_be_visible()
    page.reload()
    expect(page.locator("#chart-cpu .plot")).to_be_focused()


def test_processes_of_a_past_moment_are_told_where_the_cursor_stands(shown: Callable[..., Page]) -> None:
    page = shown()
    card = page.get_by_role("region", name="Top processes")
    expect(card).to_contain_text("postgres")
    expect(card).not_to_contain_text("backup")
    box = page.locator("#chart-cpu .plot").bounding_box()
    assert box
    middle = 1 - (BUMP[0] + BUMP[1]) / 2 / (6 * HOUR)
    page.mouse.move(box["x"] + 62 + (box["width"] - 78) * middle, box["y"] + 60)
    expect(card).to_contain_text("backup")
    expect(page.get_by_role("region", name="Disks")).to_contain_text("70.0 % · 70.0 GB of 100 GB")
    expect(page.get_by_role("region", name="What changed")).to_contain_text("backup.service started <img src=x>")
    assert page.locator("img[src=x]").count() == 0


def test_a_range_nobody_knows_is_the_last_hour_and_says_so(shown: Callable[..., Page]) -> None:
    page = shown(query="?range=banana&compare=moon")
    expect(page.get_by_text("That time is not known here.")).to_be_visible()
    expect(page.get_by_role("button", name="1 h", exact=True)).to_have_attribute("aria-pressed", "true")


def failing(page: Page, pattern: str) -> list[int]:
    left = [1]

    def answer(route: Route) -> None:
        if left[0]:
            route.fulfill(status=500, json={"error": "failed", "detail": "The store is resting."})
        else:
            route.continue_()

    between(page, pattern, answer)
    return left


def test_when_history_fails_the_page_says_what_failed_and_tries_again(shown: Callable[..., Page]) -> None:
    page = shown("db-1", "?range=1h")
    left = failing(page, "**/api/v1/series?*")
    page.get_by_role("button", name="6 h", exact=True).click()
    note = page.get_by_role("alert").filter(has_text="The store is resting.")
    expect(note).to_be_visible()
    expect(page.get_by_role("region", name="About this machine")).to_be_visible()
    left[0] = 0
    note.get_by_role("button", name="Try again").click()
    expect(note).to_have_count(0)
    expect(value(page)).to_contain_text("%")


def test_when_only_what_stands_around_fails_the_charts_are_drawn(shown: Callable[..., Page]) -> None:
    page = shown("db-1", "?range=1h")
    failing(page, "**/around?*")
    failing(page, "**/catalogue?*")
    failing(page, "**/moved?*")
    page.get_by_role("button", name="6 h", exact=True).click()
    expect(page.get_by_text("The charts are complete. What stands around them is not")).to_be_visible()
    expect(page.get_by_text("The list of series could not be loaded")).to_be_visible()
    expect(value(page)).to_contain_text("%")
    page.get_by_role("button", name="What else moved?").first.click()
    expect(page.locator(".moved [role=alert]")).to_contain_text("The store is resting.")


def test_a_server_that_never_spoke_and_one_that_is_not_there(
    shown: Callable[..., Page], open_page: Open, hub: Product
) -> None:
    page = shown("young-1", "")
    expect(page.get_by_text("young-1 has not reported yet.")).to_be_visible()
    expect(page.locator(".chart .v").first).to_have_text("no data")
    page.goto(f"{hub.url}/servers/00000000-0000-4000-8000-000000000000/")
    expect(page.locator("h1")).to_be_visible()
    assert "db-1" not in page.content()


@pytest.mark.parametrize(("viewport", "theme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
def test_the_whole_page_opened_breaks_no_rule_of_accessibility(
    shown: Callable[..., Page], axe: Callable[[Page], list[str]], viewport: Any, theme: str
) -> None:
    page = shown("db-1", "?range=6h&compare=day", viewport=viewport, theme=theme)
    expect(value(page)).to_contain_text("%")
    page.locator(".fold", has_text="Processor").locator("summary").first.click()
    page.get_by_role("button", name="What else moved?").first.click()
    expect(page.locator(".moved .verdict")).not_to_be_empty()
    expect(page.get_by_role("region", name="Top processes")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_a_long_press_moves_the_cursor(shown: Callable[..., Page]) -> None:
    page = shown("db-1", "?range=6h", viewport=PHONE)
    expect(value(page)).to_contain_text("%")
    plot = page.locator("#chart-cpu .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    before = value(page).inner_text()
    x = box["x"] + 62 + (box["width"] - 78) * (1 - (BUMP[0] + BUMP[1]) / 2 / (6 * HOUR))
    touch = {"pointerType": "touch", "clientX": x, "clientY": box["y"] + 60, "bubbles": True, "pointerId": 7}
    plot.dispatch_event("pointerdown", touch)
    page.wait_for_timeout(500)
    expect(value(page)).not_to_have_text(before)


def test_a_page_asks_a_handful_of_questions_however_much_is_shown(shown: Callable[..., Page]) -> None:
    page = shown("db-1", "?range=1h")
    expect(page.locator(".fold").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/api/v1/" in request.url:
            asked.append(request.url)

    page.on("request", note)
    page.get_by_role("button", name="6 h", exact=True).click()
    page.wait_for_timeout(600)
    expect(page.locator(".charts.busy")).to_have_count(0)
    assert len(asked) <= 6, asked
