"""Reports asked for over the API and on the pages: what is in them, what is taken away, and who sees what."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from html import unescape
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import Audit, Membership, Team, User
from alerts.models import Incident, Notice, Rule
from checks.models import Check
from core.clock import from_milliseconds, milliseconds, now
from ml.models import Forecast, Sizing
from reports.models import CANCELLED, DONE, WAITING, Run, Schedule
from reports.services import asking, children, files, make
from servers.models import FactSheet, Server
from tests.reports.conftest import DAY, HOUR, MINUTE, Past

LATIN = "Balanço de ações às três, få æbler på øen Å"
EVIL = '=HYPERLINK("https://evil.example.org","x")'
Api = Callable[..., Client]


def made(client: Client, **body: Any) -> Any:
    today = now().date()
    asked = {"kind": "availability", "period": "custom", "first": str(today - timedelta(days=1)), "last": str(today)}
    return client.post("/api/v1/report_runs", asked | body, content_type="application/json")


@pytest.fixture
def fleet(past: Past) -> Past:
    end = milliseconds()
    past.ourselves(end - 3 * HOUR, end)
    web = past.server("web-1", end - 3 * HOUR, tags=["web"])
    past.tell(web, end - 3 * HOUR, end, [(end - 2 * HOUR, end - HOUR)])
    db = past.server(EVIL, end - 3 * HOUR, tags=["db"])
    past.tell(db, end - 3 * HOUR, end)
    return past


def test_a_report_is_made_read_and_taken_away(fleet: Past, api: Api, person: Callable[..., User]) -> None:
    Team.objects.update(name=LATIN)
    client = api(person("manager"))
    answer = made(client)
    assert answer.status_code == 201, answer.json()
    run = answer.json()
    assert (run["state"], run["progress"], run["servers"]) == ("done", 100, 2)
    document = client.get(f"/api/v1/report_runs/{run['id']}/document").json()
    servers = next(one for one in document["sections"] if one["key"] == "servers")
    row = next(row for row in servers["table"]["rows"] if row[0]["value"] == "web-1")
    assert row[2]["value"] == pytest.approx(66.7, abs=0.5)
    assert row[2]["href"].startswith("/servers/")
    assert "?from=" in row[2]["href"]
    outage = next(one for one in document["sections"] if one["key"] == "outages")["table"]["rows"][0]
    assert abs(outage[3]["value"] - 3600) <= 20

    table = client.get(f"/api/v1/report_runs/{run['id']}/file?as=csv&section=servers").content.decode()
    rows = list(csv.reader(io.StringIO(table)))
    assert rows[0][0] == "Server"
    assert [one[0] for one in rows[1:]] == ["web-1", f"'{EVIL}"]
    book = zipfile.ZipFile(io.BytesIO(b"".join(client.get(f"/api/v1/report_runs/{run['id']}/file?as=xlsx"))))
    sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert not any(b"<f>" in sheet or b"hyperlink" in sheet for sheet in sheets)
    texts = {unescape(text.decode()) for one in sheets for text in re.findall(rb"<t[^>]*>([^<]*)</t>", one)}
    assert EVIL in texts
    pdf = b"".join(client.get(f"/api/v1/report_runs/{run['id']}/file?as=pdf"))
    assert pdf.startswith(b"%PDF")
    assert b"DejaVuSans" in pdf  # fonts that it brings
    assert letters(pdf) >= set(LATIN)
    assert Audit.objects.filter(action="report.make", target_id=run["id"]).exists()


def letters(pdf: bytes) -> set[str]:
    """The letters that its fonts draw, by the tables that lead from glyphs back to text."""
    found: set[str] = set()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        with suppress(zlib.error):
            for code in re.findall(rb"<[0-9A-F]{2}> <([0-9A-F]{4})>", zlib.decompressobj().decompress(stream)):
                found.add(chr(int(code, 16)))
    return found


def test_figures_are_written_as_the_reader_writes_them(fleet: Past, api: Api, person: Callable[..., User]) -> None:
    run = made(api(person("manager")), language="pt-br", target=99.95).json()
    document = files.document(Run.objects.get(uuid=run["id"]))
    assert document is not None
    shown = [figure.title + figure.cell.shown for figure in document.sections[0].figures]
    assert any("99,95 %" in one for one in shown), shown


def test_managers_see_reports_without_seeing_more(
    fleet: Past, api: Api, team: Team, person: Callable[..., User]
) -> None:
    narrow = person("manager")
    Membership.objects.filter(user=narrow).update(selector="tag:web")
    client = api(narrow)
    run = made(client).json()
    text = client.get(f"/api/v1/report_runs/{run['id']}/document").content.decode()
    assert "web-1" in text
    assert "HYPERLINK" not in text
    assert made(client, selector="tag:db").status_code == 400
    other = api(person("manager"))
    assert other.get(f"/api/v1/report_runs/{run['id']}").status_code == 404
    assert made(api(person("viewer"))).status_code == 403


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"kind": "nonsense"}, "kind", "no kind of report"),
        ({"selector": "colour:red"}, "selector", "not known"),
        ({"selector": "tag:none"}, "selector", "No server"),
        ({"first": "2030-01-01", "last": "2030-02-01"}, "period", "not begun"),
        ({"first": "2026-02-01", "last": "2026-01-01"}, "period", "before the first"),
        ({"zone": "Mars/Olympus"}, "zone", "time zone"),
        ({"target": 0}, "target", ""),
        ({"colour": "red"}, "colour", "Nothing is known"),
    ],
)
def test_what_makes_no_report_is_refused_with_a_sentence(
    fleet: Past, api: Api, body: dict[str, Any], field: str, said: str
) -> None:
    answer = made(api(), **body)
    assert answer.status_code == 400
    assert said in str(answer.json()["fields"][field])


def test_a_large_report_waits_for_a_child_says_how_far_it_is_and_can_be_called_off(
    past: Past, api: Api, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LARGE", 2)
    monkeypatch.setattr(files, "_pdf", lambda _source, target: target.write_bytes(b"%PDF"))
    begin = milliseconds() - DAY
    for number in range(3):
        past.server(f"s{number}", begin)
    client = api()
    first, second = made(client).json(), made(client).json()
    assert first["state"] == second["state"] == WAITING
    assert client.get(f"/api/v1/report_runs/{first['id']}/document").status_code == 409
    assert client.post(f"/api/v1/report_runs/{second['id']}/cancel").json()["state"] == CANCELLED
    assert not make(Run.objects.get(uuid=second["id"]))
    call_command("make_report", first["id"])
    run = Run.objects.get(uuid=first["id"])
    assert (run.state, run.servers) == (DONE, 3)
    assert files.path(run, "pdf").exists()
    assert client.delete(f"/api/v1/report_runs/{first['id']}").status_code == 204
    assert not list(files.of(run))


def test_one_that_is_called_off_while_it_is_made_leaves_nothing(
    fleet: Past, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.services.making.EVERY", 0.0)
    user = person("manager")
    at = now()
    run = Run.objects.create(owner=user, kind="overview", period="custom", start=at - timedelta(days=1), end=at)

    def called_off(*_args: Any) -> int:
        Run.objects.filter(pk=run.pk).update(state=CANCELLED)
        return 0

    monkeypatch.setattr("reports.kinds.availability.Reader.away", called_off)
    assert not make(run)
    assert run.state == CANCELLED
    assert not list(files.of(run))


def test_what_died_is_told_or_made_again_and_one_is_made_at_a_time(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    user, at, started = person("manager"), now(), list[Run]()
    monkeypatch.setattr(children, "start", started.append)
    schedule = Schedule.objects.create(team=team, name="w", kind="noise", rhythm="week", next_at=at)
    asked, mailed, waits = (
        Run.objects.create(
            owner=user, kind="noise", period="week", start=at - timedelta(days=7), end=at, state=state, schedule=of
        )
        for state, of in (("running", None), ("running", schedule), ("waiting", None))
    )
    Run.objects.update(moved_at=at - timedelta(minutes=4), created_at=at - timedelta(minutes=9))
    children.sweep()
    states = dict(Run.objects.values_list("pk", "state"))
    assert states == {asked.pk: "failed", mailed.pk: "waiting", waits.pk: "waiting"}
    assert [run.pk for run in started] == [mailed.pk]
    Run.objects.filter(pk=mailed.pk).update(state="running", moved_at=at)
    children.sweep()
    assert len(started) == 1


def test_what_is_old_or_too_large_is_forgotten(person: Callable[..., User], monkeypatch: pytest.MonkeyPatch) -> None:
    user, at = person("manager"), now()
    runs = []
    for days in (100, 3, 2, 1):
        run = Run.objects.create(owner=user, kind="noise", period="week", start=at - timedelta(7), end=at, state=DONE)
        files.path(run, "json").parent.mkdir(exist_ok=True)
        files.path(run, "json").write_bytes(b"x" * 1000)
        Run.objects.filter(pk=run.pk).update(created_at=at - timedelta(days=days), bytes=1000)
        runs.append(run)
    (files.path(runs[0], "json").parent / "stray.json").write_bytes(b"x")
    monkeypatch.setattr(files, "MOST_BYTES", 2000)
    assert files.trim(at) == 2
    assert [run.pk for run in Run.objects.order_by("pk")] == [runs[2].pk, runs[3].pk]
    assert len(list(files.path(runs[0], "json").parent.iterdir())) == 2


def test_every_kind_tells_of_a_fleet_and_of_what_happened(
    fleet: Past, api: Api, team: Team, person: Callable[..., User]
) -> None:
    user, at = person("manager"), now()
    rule = Rule.objects.create(team=team, name="Hot", metric="cpu_used_percent", critical=90)
    for minutes, taken in ((90, 10), (60, None)):
        began = at - timedelta(minutes=minutes)
        row = Incident.objects.create(
            team=team, key=str(minutes), title="CPU is hot", severity="critical", opened_at=began, rule=rule,
            resolved_at=began + timedelta(minutes=30),
        )  # fmt: skip
        if taken:
            Notice.objects.create(incident=row, kind="acknowledged", at=began + timedelta(minutes=taken), text="-")
    server = Server.objects.get(name="web-1")
    document = {"os": {"kernel": "6.1"}, "cpu": {"cores": 4}, "updates": {"openssl": "3.0 to 3.1 (security)"}}
    FactSheet.objects.update_or_create(server=server, defaults={"digest": "d", "document": document, "at": at})
    Forecast.objects.create(
        server=server, metric="disk_used_percent", labels='{mount="/"}', state="growing", seconds_left=864_000,
        seconds_low=700_000, at=milliseconds(),
    )  # fmt: skip
    Sizing.objects.create(server=server, state="fits", at=milliseconds())
    client = api(user)
    found = {}
    for kind in ("incidents", "noise", "capacity", "anomalies", "inventory", "overview"):
        run = made(client, kind=kind).json()
        assert run["state"] == "done", run
        found[kind] = client.get(f"/api/v1/report_runs/{run['id']}/document").json()
    figures = {one["title"]: one["cell"]["value"] for one in found["incidents"]["sections"][0]["figures"]}
    assert (figures["Incidents"], figures["Critical"]) == (2, 2)
    assert figures["Mean time to acknowledge"] == 600
    assert figures["Mean time to resolve"] == 1800
    noisy = found["noise"]["sections"][1]["table"]["rows"][0]
    assert [cell["value"] for cell in noisy[:3]] == ["Hot", 2, 1]
    assert found["noise"]["sections"][0]["chart"]["bars"][0]["shown"] == "1 of 2", "its bar is two long"
    assert found["capacity"]["sections"][0]["figures"][0]["cell"]["value"] == pytest.approx(12.5)
    assert found["capacity"]["sentences"] == ["As it stands now, 1 server runs full within 30 days."]
    full = found["capacity"]["sections"][1]["table"]["rows"][0]
    assert [full[0]["value"], full[8]["value"], full[10]["value"]] == ["web-1", 864_000, "Disk used (mount /)"]
    assert full[12]["value"] == "runs full", "not that it fits its work, in a row that says when it is full"
    assert "Nothing is learnt" in found["anomalies"]["sentences"][0]
    assert "openssl" in str(found["inventory"]["sections"][2])
    assert len(found["overview"]["sections"]) == 6


def test_the_pages_make_show_and_delete_a_report(fleet: Past, person: Callable[..., User]) -> None:
    client = Client()
    client.force_login(person("manager"))
    assert b"Make a report" in client.get("/reports/").content
    last = now().date()
    first = last - timedelta(days=1)  # the outage of two hours ago was yesterday, soon after midnight
    sent = client.post(
        "/reports/", {"kind": "availability", "period": "custom", "first": first, "last": last, "target": "99.9"}
    )
    assert sent.status_code == 302, sent.content
    page = client.get(sent.headers["Location"])
    assert page.status_code == 200
    text = page.content.decode()
    assert "web-1" in text
    assert "<rect" in text
    assert "=HYPERLINK(&quot;" in text
    assert client.get(f"{sent.headers['Location']}csv/").headers["Content-Type"].startswith("text/csv")
    assert client.post(sent.headers["Location"], {"forget": "1"}).headers["Location"] == "/reports/"
    empty = client.post("/reports/", {"kind": "availability", "period": "custom", "target": "99.9"})
    assert b"Give the first and the last day" in empty.content
    for wrong in ("-5", "101", "much", ""):
        text = client.post("/reports/", {"kind": "availability", "period": "week", "target": wrong}).content.decode()
        assert text.count("A number above 0 and at most 100, such as 99.9.") == 1, wrong
    assert b'<option value="da" selected>' in client.get("/reports/", headers={"accept-language": "da"}).content
    chosen = {"kind": "inventory", "period": "custom", "first": first, "last": last, "target": "99.9"}
    sent = client.post("/reports/", {**chosen, "language": "pt-br"})
    assert "Servidores" in client.get(sent.headers["Location"]).content.decode(), "in the language that was chosen"


def test_own_days_are_filled_in_whatever_the_language(person: Callable[..., User]) -> None:
    client = Client()
    client.force_login(person("manager"))
    for language in ("en", "da", "pt-br"):
        text = client.get("/reports/", headers={"accept-language": language}).content.decode()
        found = re.findall(r'<input type="date"[^>]*value="([^"]*)"', text)
        assert len(found) == 2, language
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", one) for one in found), (language, found)


def test_a_check_is_up_down_planned_or_not_looked_at(past: Past, api: Api, team: Team) -> None:
    end = milliseconds() // 60_000 * 60_000
    begin = end - 3 * HOUR
    row = past.server("web-1", begin)
    past.tell(row, begin, end)
    check = Check.objects.create(team=team, server=row, name="Shop", label="shop", kind="http", interval=60)
    Check.objects.update(created_at=from_milliseconds(begin))
    times = np.arange(begin, end, 60_000)
    times = times[(times < begin + HOUR) | (times >= begin + HOUR + 20 * MINUTE)]
    failed = (times >= begin + 2 * HOUR) & (times < begin + 2 * HOUR + 30 * MINUTE)
    past.write(row, (check.column("check_up"),), times, np.where(failed, 0.0, 1.0)[:, None])
    client = api()
    run = made(client).json()
    document = client.get(f"/api/v1/report_runs/{run['id']}/document").json()
    [found] = next(one for one in document["sections"] if one["key"] == "checks")["table"]["rows"]
    assert [found[0]["value"], found[1]["value"]] == ["Shop", "web-1"]
    assert found[2]["value"] == pytest.approx(100 * (1 - 30 / (180 - 16)), abs=0.7)
    assert abs(found[3]["value"] - 1800) <= 60
    assert (
        abs(found[8]["value"] - 18.5 * 60) <= 60
    )  # twenty minutes, less what the last result stands for: two intervals and a half
