"""The pages about the unusual in a browser: the strip, the words, the answers, the slider, the card, the band."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team
from core.clock import milliseconds, now
from metrics.names import layout_hash
from ml import card, hours, pipeline
from ml.models import Card, Episode, Watch
from ml.versions import Made, store
from servers.auth import enrol
from servers.models import Change, Server
from servers.services import make_enrolment
from tests.e2e.conftest import PHONE, Open
from tests.ml.servers import COLUMNS, quiet
from tests.product import Product

Axe = Callable[[Page], list[str]]
NAMES = ("web-1", "web-2", "web-3", "web-4", "db-1")
COUNTED = ("cpu_used_percent", "load1", "disk_write_bytes_per_second", "anomaly_rate_percent", "anomaly_score")
TOP = [
    {"column": 'disk_write_bytes_per_second{device="sda"}', "share": 0.58, "z": 11, "low": 2e7, "high": 6e7,
     "value": 2.4e8},
    {"column": "cpu_iowait_percent", "share": 0.24, "z": 7, "low": 0, "high": 2, "value": 31},
    {"column": "load1", "share": 0.1, "z": 4, "low": 0.4, "high": 1.9, "value": 4.2},
]  # fmt: skip


def learnt() -> dict[str, tuple[str, str]]:
    """Servers with models, a card each, and a time that was not as usual; gives their ids and keys."""
    team = Team.objects.first()
    assert team is not None
    times, values = quiet(3.5)
    model = pipeline.fit(times, values, COLUMNS)
    counts = card.measure(card.judge_of(model, times[-1440:], 2.0), times[-1440:], values[-1440:], COLUMNS)
    made = {}
    for place, name in enumerate(NAMES):
        key = enrol(make_enrolment(team, name), name, f"print of {name}", {})
        Server.objects.filter(pk=key.server.pk).update(role=name.split("-")[0])
        at = milliseconds() // hours.HOUR
        maxima = hours.pack({at - back: 3.0 if back % 17 == place else 1.0 for back in range(1, 150)})
        Watch.objects.create(server=key.server, since=milliseconds() - 9 * 86_400_000, full_at=1, maxima=maxima)
        store(Made(key.server.pk, "day", model, short=False, figures={"alert_share": 0.004}))
        store(Made(key.server.pk, "weekly", model, short=False, figures={"alert_share": 0.003}))
        if place != 4:
            whole = card.read(counts)["all"]
            Card.objects.create(
                server=key.server, day=now().date(), version=2, measured_at=now(), span_from=0, span_to=1,
                threshold=2, counts=counts, f1=whole["f1"], fpr=whole["fpr"], may_page=whole["pages"],
            )  # fmt: skip
        made[name] = (str(key.server.uuid), key.key)
    _episodes(Server.objects.get(uuid=made["web-2"][0]), Server.objects.get(uuid=made["db-1"][0]))
    return made


def _episodes(one: Server, other: Server) -> None:
    began = now() - timedelta(hours=7)
    Episode.objects.create(
        server=one, began_at=began, last_at=now(), peak=2.6, peak_at=began, top=TOP, version=2, asked_at=now()
    )
    Change.objects.create(
        server=one, at=began - timedelta(seconds=50), section="services", key="backup.service", before="inactive",
        after="active",
    )  # fmt: skip
    ended = now() - timedelta(hours=20)
    Episode.objects.create(
        server=other, began_at=ended - timedelta(minutes=12), last_at=ended, ended_at=ended, peak=1.3, peak_at=ended,
        top=TOP[1:], version=2, answer="not_normal",
    )  # fmt: skip


def tell(hub: Product, key: str, odd: bool) -> None:
    """A day of numbers, the last hour of which is another on one of them."""
    end, dice = time.time() - 5, np.random.default_rng(len(key))
    rows = []
    for back in range(86_400, 0, -300):
        late = odd and back < 3600
        busy = 20 + dice.normal(0, 2) + (60 if late or odd else 0) * (1 if late else 0.9 if odd else 0)
        rows.append([end - back, busy, busy / 20, 3e7 * (8 if late else 1), 14.0 if late else abs(dice.normal(1, 1)),
                     2.2 if late else 0.3])  # fmt: skip
    columns = list(COUNTED)
    body = {"layout": layout_hash(columns), "columns": columns, "rows": rows}
    assert hub.request("POST", "/api/v1/ingest", body, headers={"Authorization": f"Bearer {key}"}).status == 200


@pytest.fixture(scope="module")
def fleet(hub: Product) -> dict[str, str]:
    made = hub.inside(learnt)
    for name, (_uuid, key) in made.items():
        tell(hub, key, name == "web-2")
    return {name: uuid for name, (uuid, _key) in made.items()}


def test_the_page_says_what_is_unusual_and_takes_answers(open_page: Open, fleet: dict[str, str], axe: Axe) -> None:
    page = open_page("/anomalies/")
    first = page.locator(".episode").first
    expect(first).to_contain_text("Disk write (device sda) is 240 MB/s: 6 times the usual for")
    expect(first).to_contain_text("It began with: Services: backup.service inactive → active.")
    expect(first).to_contain_text("Is this the new normal?")
    assert axe(page) == []
    first.get_by_role("button", name="Not normal").click()
    expect(page.locator(".message.success")).to_contain_text("It counts on the card.")
    expect(page.locator(".episode").first.locator(".pill.warn", has_text="Not normal")).to_be_visible()


def test_an_hour_of_the_strip_leads_to_what_moved(open_page: Open, fleet: dict[str, str]) -> None:
    page = open_page("/anomalies/")
    hours = page.locator(".strip a")
    expect(hours).to_have_count(24)
    hours.last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#moved")).to_contain_text("web-2")


def test_the_slider_says_what_last_week_would_have_been(open_page: Open, fleet: dict[str, str]) -> None:
    page = open_page("/anomalies/", theme="light")
    slider = page.locator("[data-slider]")
    told: Any = page.locator(".meant li:visible")
    expect(told).to_have_count(1)
    before = told.inner_text()
    assert "would have meant" in before
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert told.inner_text() != before
    page.locator(".slider").get_by_role("button", name="Save").click()
    expect(page.locator(".message.success")).to_contain_text("Saved.")
    expect(told).to_have_count(1)
    assert told.inner_text() != before


def test_the_card_fits_a_phone_and_an_earlier_version_judges_again(
    open_page: Open, fleet: dict[str, str], axe: Axe
) -> None:
    page = open_page("/models/", viewport=PHONE, theme="light")
    expect(page.locator(".figure")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe(page) == []
    page.get_by_role("link", name="web-3").click()
    # the hub may have learnt it anew meanwhile
    page.get_by_role("row", name="first day").get_by_role("button").click()
    expect(page.locator(".message.success")).to_contain_text("Version 1 judges again.")


def test_the_server_page_tells_the_story_and_looks_at_others(open_page: Open, fleet: dict[str, str]) -> None:
    page = open_page(f"/servers/{fleet['web-2']}/")
    expect(page.locator(".banner", has_text="6 times the usual for")).to_be_visible()
    page.locator(".chart .plot").first.focus()
    end = int(time.time())
    found = page.request.get(f"{page.url.split('/servers')[0]}/api/v1/moved?from={end - 3600}&to={end}").json()
    assert found["series"][0]["server"]["name"] == "web-2"


def test_a_chart_gets_its_band_from_the_hub(open_page: Open, fleet: dict[str, str]) -> None:
    page = open_page("/anomalies/")
    address = page.url.replace("/anomalies/", f"/servers/{fleet['web-1']}/")
    with page.expect_response(lambda answer: "/around" in answer.url) as found:
        page.goto(address)
    series = found.value.json()["usual"]["series"]
    assert "cpu_used_percent" in {line["metric"] for line in series}
