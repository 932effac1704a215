"""From samples, a check, an incident and a planned window to a report: in a browser, as files, and by mail.

A machine and the hub's own sign of life tell through the door what happened in the last week. Each figure of the
report is then counted once more, in another way, from the rows that the hub answers with.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from alerts.models import Silence
from core import tokens
from metrics.names import layout_hash
from reports.models import Schedule
from servers.models import AgentKey, Server
from tests.checks.pages import Pages
from tests.product import EMAIL, MailSink, Product, until

MINUTE, HOUR, DAY = 60, 3600, 86_400
EVERY, OURS = 10, 15
REACH, DRAIN = 60, 90  # when silence begins to count, and how long machines may be late after we were away
PASSWORD = "a long password 1"
SIGNS = {"server": "cpu_used_percent", "hub": "canary"}
Call = Callable[..., Any]
Span = tuple[int, int]


@dataclass(frozen=True)
class Week:
    """The last evening of the last whole week, in seconds, with what went wrong in it."""

    begin: int
    end: int

    @property
    def down(self) -> Span:
        return self.begin + HOUR, self.begin + HOUR + 20 * MINUTE

    @property
    def planned(self) -> Span:
        return self.begin + 2 * HOUR, self.begin + 2 * HOUR + 30 * MINUTE

    @property
    def away(self) -> Span:
        return self.begin + 4 * HOUR, self.begin + 4 * HOUR + 10 * MINUTE


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


@pytest.fixture
def product(tmp_path: Path, mail: MailSink) -> Iterator[Product]:
    more: Any = {"WATCHKEEPER_OUTGOING_ALLOW": "127.0.0.0/8", "WATCHKEEPER_ADMIN_PASSWORD": PASSWORD}
    with Product(tmp_path / "data", EMAIL_URL=mail.url, WATCHKEEPER_KEEP_RAW_DAYS="16", **more) as running:
        yield running


@pytest.fixture
def call(product: Product) -> Call:
    token = product.api_token()

    def ask(method: str, path: str, body: Any = None) -> Any:
        reply = product.request(method, path, body, token=token)
        assert reply.status < 300, (path, reply.body)
        return json.loads(reply.body) if reply.body else None

    return ask


@pytest.fixture
def signed_in(product: Product, chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(locale="en-GB", timezone_id="UTC")
        page.goto(f"{product.url}/")
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{product.url}/")
        yield page
        browser.close()


def test_what_happened_becomes_a_report_that_is_seen_taken_away_and_mailed(
    product: Product, call: Call, mail: MailSink, signed_in: Page, tmp_path: Path
) -> None:
    week = last_week()
    server = a_machine_with_a_past(product, call, week)
    with Pages() as pages:
        looked = a_check_that_fails_and_recovers(call, pages, server)
    counted = recounted(product, call, server, week)
    assert all(counted[part] > 0 for part in ("up", "down", "planned", "unknown"))

    run = mailed(product, call, mail, counted)
    files = seen_and_taken_away(product, signed_in, run, counted, tmp_path)
    assert files["csv"] == counted
    the_check_and_its_incident_are_in_the_report_of_today(call, looked, server)


def last_week() -> Week:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = int((today - timedelta(days=today.weekday())).timestamp())
    return Week(end - 6 * HOUR, end)


def a_machine_with_a_past(product: Product, call: Call, week: Week) -> str:
    """Clocks are turned back in the rows alone; what was measured comes through the door, as from an agent."""
    server, key = product.enrol("shop-1")
    soon = time.time() + HOUR
    window = {"selector": "name:shop-1", "reason": "New disks", "starts_at": soon, "ends_at": soon + HOUR}
    silence = call("POST", "/api/v1/silences", window)["id"]
    until(lambda: product.inside(lambda: Server.objects.filter(fingerprint="itself").exists()), 30, "a canary")

    def turn_back() -> str:
        Server.objects.filter(uuid=server).update(created_at=at(week.begin))
        start, end = week.planned
        Silence.objects.filter(uuid=silence).update(
            created_at=at(start - HOUR), starts_at=at(start - MINUTE), ends_at=at(end + MINUTE)
        )
        ours = tokens.make("wka")
        itself = Server.objects.get(fingerprint="itself")
        AgentKey.objects.create(server=itself, key=ours.key, digest=ours.digest)
        return ours.clear

    hub = product.inside(turn_back)
    holes = [week.down, week.planned, (week.away[0] - 5, week.away[1] + 45)]
    tell(product, key, SIGNS["server"], times(week, EVERY, holes))
    tell(product, hub, SIGNS["hub"], times(week, OURS, [week.away], before=HOUR))
    return server


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def times(week: Week, every: int, holes: list[Span], before: int = 0) -> list[int]:
    return [
        moment for moment in range(week.begin - before, week.end + HOUR * bool(before), every)
        if not any(start <= moment < end for start, end in holes)
    ]  # fmt: skip


def tell(product: Product, key: str, column: str, moments: list[int]) -> None:
    body = {
        "agent": "test", "boot": f"boot-{column}", "seq": 1, "layout": layout_hash([column]), "columns": [column],
        "rows": [[moment, 12.5] for moment in moments],
    }  # fmt: skip
    reply = until(lambda: _taken(product.request("POST", "/api/v1/ingest", body, token=key)), 20, "it was taken")
    assert reply.json()["accepted"] == len(moments), reply.body


def _taken(reply: Any) -> Any:
    return reply if reply.status == 200 else None


def a_check_that_fails_and_recovers(call: Call, pages: Pages, server: str) -> dict[str, Any]:
    call("PATCH", f"/api/v1/rules/{_rule(call)}", {"group_wait": 0})
    made: dict[str, Any] = call(
        "POST", "/api/v1/checks",
        {"name": "Shop", "kind": "http", "target": pages.url("/"), "retries": 0, "interval": 10, "server": server},
    )  # fmt: skip
    place = f"/api/v1/checks/{made['id']}"
    until(lambda: call("GET", place)["run"]["state"] == "up", 15, "up")
    pages.status = 500
    call("PATCH", place, {"interval": 11})  # asked again at once
    incident = until(lambda: _of_check(call), 25, "an incident")
    call("POST", f"/api/v1/incidents/{incident['id']}/acknowledge", {"reason": "I look"})
    pages.status = 200
    call("PATCH", place, {"interval": 10})
    until(lambda: _of_check(call)["state"] == "resolved", 25, "its end")
    call("POST", f"{place}/pause")  # the page goes: it is not looked at any more
    return made


def _rule(call: Call) -> str:
    rules = {one["name"]: one["id"] for one in call("GET", "/api/v1/rules?limit=200")["results"]}
    return str(rules["Check down"])


def _of_check(call: Call) -> Any:
    return next(iter(call("GET", f"/api/v1/incidents?rule={_rule(call)}")["results"]), None)


def recounted(product: Product, call: Call, server: str, week: Week) -> dict[str, int]:
    """Second by second from the rows that are kept: was it heard, was it planned, were we there?"""
    query = f"server={server}&metric={SIGNS['server']}&start={week.begin}&end={week.end}"
    heard = [round(one) for one in call("GET", f"/api/v1/series?{query}")["t"]]
    assert heard == times(week, EVERY, [week.down, week.planned, (week.away[0] - 5, week.away[1] + 45)])
    away = [(start - OURS, end + DRAIN) for start, end in [week.away]]
    found = dict.fromkeys(("up", "down", "planned", "unknown"), 0)
    for before, after in pairwise([*heard, week.end]):
        if after - before <= REACH:
            found["up"] += after - before
            continue
        found["up"] += EVERY
        for second in range(before + EVERY, after):
            planned = week.planned[0] - MINUTE <= second < week.planned[1] + MINUTE
            gone = any(start <= second < end for start, end in away)
            found["planned" if planned else "unknown" if gone else "down"] += 1
    return found


def mailed(product: Product, call: Call, mail: MailSink, counted: dict[str, int]) -> str:
    """The report of the last week, sent when it was due to a real mail server; gives the run."""
    schedule = call(
        "POST", "/api/v1/report_schedules",
        {
            "name": "Shop weekly", "kind": "availability", "rhythm": "week", "zone": "UTC", "language": "en",
            "formats": ["pdf", "xlsx", "csv"], "addresses": ["boss@example.org"],
        },
    )  # fmt: skip
    product.inside(lambda: Schedule.objects.filter(uuid=schedule["id"]).update(next_at=at(time.time())))
    [letter] = mail.wait(1, 60)
    assert (letter["To"], letter["Subject"].split(":")[0]) == ("boss@example.org", "Shop weekly")
    files = {str(part.get_filename()).rpartition(".")[2]: part.get_content() for part in letter.iter_attachments()}
    assert set(files) == {"pdf", "xlsx", "csv"}
    assert files["pdf"].startswith(b"%PDF")
    text = letter.get_body(("plain",))
    assert text is not None
    assert shown(counted) in text.get_content()
    found = re.search(r"/reports/([0-9a-f-]{36})/", text.get_content())
    assert found is not None
    return found[1]


def shown(counted: dict[str, int]) -> str:
    """The share of time up as the report writes it: of five hours one sample is more than the second place."""
    return f"{100 * counted['up'] / (counted['up'] + counted['down']):.1f} %"


def seen_and_taken_away(
    product: Product, page: Page, run: str, counted: dict[str, int], folder: Path
) -> dict[str, Any]:
    page.goto(f"{product.url}/reports/{run}/")
    assert page.get_by_role("heading", level=1).inner_text() == "Shop weekly"
    assert shown(counted) in page.locator("#whole dl").inner_text()
    assert page.locator("#whole figure.bars rect.crit").count() >= 1  # drawn, not told alone
    row = page.locator("#servers tbody tr").filter(has_text="shop-1")
    assert shown(counted) in row.inner_text()
    assert "20 min" in row.inner_text()
    taken: dict[str, Any] = {}
    for form in ("PDF", "XLSX", "CSV"):
        with page.expect_download(timeout=60_000) as waiting:
            page.locator(".hero").get_by_role("link", name=form).click()
        waiting.value.save_as(folder / form.lower())
        taken[form.lower()] = (folder / form.lower()).read_bytes()
    assert taken["pdf"].startswith(b"%PDF")
    with zipfile.ZipFile(io.BytesIO(taken["xlsx"])) as book:
        assert any(b"shop-1" in book.read(name) for name in book.namelist() if name.endswith(".xml"))
    tables = (table.partition("\r\n")[2] for table in taken["csv"].decode().split("\r\n\r\n"))  # each below its title
    servers = next(csv.DictReader(io.StringIO(table)) for table in tables if table.startswith("Server,"))
    [mine] = [one for one in servers if one["Server"] == "shop-1"]
    whole = {name: round(float(mine[f"{name.capitalize()} (s)"])) for name in ("down", "planned", "unknown")}
    watched = round(float(mine["Watched (s)"]))
    return {"csv": {"up": watched - sum(whole.values()), **whole}}


def the_check_and_its_incident_are_in_the_report_of_today(call: Call, looked: dict[str, Any], server: str) -> None:
    began = datetime.fromisoformat(looked["created_at"])
    asked = {
        "kind": "overview", "period": "custom", "zone": "UTC", "language": "en",
        "first": f"{began:%Y-%m-%d}", "last": f"{datetime.now(UTC):%Y-%m-%d}",
    }  # fmt: skip
    run = call("POST", "/api/v1/report_runs", asked)
    assert run["state"] == "done"
    document = call("GET", f"/api/v1/report_runs/{run['id']}/document")
    sections = {one["key"]: one for one in document["sections"]}
    incident = _of_check(call)
    opened, taken, over = (_moment(incident, name) for name in ("opened_at", "acknowledged_at", "resolved_at"))
    figures = {one["title"]: one["cell"]["value"] for one in sections["incidents"]["figures"]}
    ended = [one for one in call("GET", "/api/v1/incidents")["results"] if one["resolved_at"]]
    ends = [(_moment(one, "resolved_at") - _moment(one, "opened_at")).total_seconds() for one in ended]
    assert (over - opened).total_seconds() in ends
    assert figures["Mean time to acknowledge"] == pytest.approx((taken - opened).total_seconds(), abs=0.5)
    assert figures["Mean time to resolve"] == pytest.approx(mean(ends), abs=0.5)
    the_check_was_down_as_long_as_its_rows_say(call, asked, server)


def the_check_was_down_as_long_as_its_rows_say(call: Call, asked: dict[str, Any], server: str) -> None:
    run = call("POST", "/api/v1/report_runs", {**asked, "kind": "availability"})
    document = call("GET", f"/api/v1/report_runs/{run['id']}/document")
    [table] = [one["table"] for one in document["sections"] if one["key"] == "checks"]
    down = [one["key"] for one in table["columns"]].index("down")
    [row] = [one for one in table["rows"] if one[0]["value"] == "Shop"]
    found = call("GET", f"/api/v1/series?server={server}&metric=check_up")
    rows = list(zip(found["t"], found["series"][0]["v"], strict=True))
    told = [(moment, value) for moment, value in rows if value is not None]
    counted = sum(after[0] - before[0] for before, after in pairwise(told) if before[1] == 0)
    assert row[down]["value"] == pytest.approx(counted, abs=0.1)
    assert counted > 0


def _moment(one: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(one[name])
