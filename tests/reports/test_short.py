"""The overview: the worst on its page, all of it in its files, and nothing of today told as of then."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.models import Incident, Rule
from core.clock import from_milliseconds, milliseconds, now
from ml.models import Forecast, ModelVersion, Watch
from reports.formats import letters, pdf
from reports.models import Run
from reports.services import files
from servers.models import Server
from tests.reports.conftest import HOUR, Past
from tests.reports.test_runs import made

FLEET = 12


@pytest.fixture
def client(past: Past, api: Callable[..., Client], person: Callable[..., User]) -> Client:
    end = milliseconds()
    past.ourselves(end - HOUR, end)
    for number in range(FLEET):
        row = past.server(f"web-{number:02}", end - HOUR)
        past.tell(row, end - HOUR, end, every=60_000, updates_security=float(number == FLEET - 1))
    return api(person("manager"))


def asked(client: Client, kind: str) -> tuple[str, Any]:
    run = made(client, kind=kind).json()
    assert run["state"] == "done", run
    return run["id"], client.get(f"/api/v1/report_runs/{run['id']}/document").json()


def test_the_overview_shows_the_worst_and_its_files_hold_all(client: Client, team: Team) -> None:
    at = milliseconds()
    rule = Rule.objects.create(team=team, name="Hot", metric="cpu_used_percent", critical=90)
    for number in range(FLEET):
        Incident.objects.create(
            team=team, key=str(number), title=f"Hot {number}", severity="warn" if number else "critical", rule=rule,
            opened_at=from_milliseconds(at - HOUR + number * 60_000), resolved_at=from_milliseconds(at),
        )  # fmt: skip
    uuid, document = asked(client, "overview")
    tables = {one["key"]: one["table"] for one in document["sections"] if one["table"]}
    for name in ("availability", "incidents", "capacity", "anomalies", "inventory"):
        assert len(tables[name]["rows"]) == FLEET, name
    assert tables["inventory"]["rows"][0][0]["value"] == f"web-{FLEET - 1}"
    assert tables["incidents"]["rows"][0][0]["value"].endswith("Hot 0")
    people = Client()
    people.force_login(User.objects.get(email__startswith="manager"))
    page = people.get(f"/reports/{uuid}/").content.decode()
    said = "10 of 12, the worst first. XLSX and CSV hold all, and so does the report “Capacity”."
    assert f'<a href="/reports/?kind=capacity">{said}</a>' in page
    assert page.count("10 of 12, the worst first") == 5
    part = page.partition('id="capacity"')[2].partition("</section>")[0]
    assert part.count("<tr>") == 11
    assert "more rows are in the files" not in page
    assert '<option value="capacity" selected>' in people.get("/reports/?kind=capacity").content.decode()
    text = client.get(f"/api/v1/report_runs/{uuid}/file?as=csv&section=capacity").content.decode()
    assert len(list(csv.reader(io.StringIO(text)))) == 1 + FLEET
    whole = list(csv.reader(io.StringIO(client.get(f"/api/v1/report_runs/{uuid}/file?as=csv").content.decode())))
    titles = [one["title"] for one in document["sections"] if one["table"]]
    assert [row[0] for row in whole if len(row) == 1] == titles, "each table below its title"
    assert whole.count([]) == len(titles) - 1
    assert sum(map(len, (one["rows"] for one in tables.values()))) == len(whole) - 3 * len(titles) + 1
    book = zipfile.ZipFile(io.BytesIO(b"".join(client.get(f"/api/v1/report_runs/{uuid}/file?as=xlsx"))))
    assert len(re.findall(r"<row ", book.read("xl/worksheets/sheet2.xml").decode())) == 1 + FLEET
    letters.prepare()
    kept = files.document(Run.objects.get(uuid=uuid))
    assert kept is not None
    story = pdf._story(kept, 700.0)
    assert said in [one.text.rpartition("</a>")[0].rpartition(">")[2] for one in story if hasattr(one, "text")]
    assert {len(one._cellvalues) for one in story if getattr(one, "repeatRows", 0) == 1} == {2, 11}


def test_forecasts_are_told_as_of_now(client: Client) -> None:
    note = "Forecasts and sizes are as they stand now; a past time does not change them."
    server = Server.objects.get(name="web-00")
    Forecast.objects.create(server=server, metric="disk_used_percent", state="growing", at=milliseconds())
    assert asked(client, "capacity")[1]["sentences"] == [
        "As it stands now, no server is forecast to run full within 30 days."
    ]
    Forecast.objects.update(seconds_left=864_000, seconds_low=700_000)
    document = asked(client, "overview")[1]
    assert "As it stands now, 1 server runs full within 30 days." in document["sentences"]
    assert next(one["note"] for one in document["sections"] if one["key"] == "capacity") == note


def test_who_is_still_learning_is_not_counted_as_learnt(client: Client) -> None:
    for place, server in enumerate(Server.objects.filter(internal=False).order_by("name")):
        version = ModelVersion.objects.create(
            server=server, number=1, state="current", why="", columns=[], schema="", span_from=0, span_to=0, rows=1,
            sha256="", blob=b"", made_at=now(),
        )  # fmt: skip
        Watch.objects.create(server=server, since=0, version=version, full_at=1 if place else None)
    sections = asked(client, "anomalies")[1]["sections"]
    stages = [row[1]["value"] for row in sections[1]["table"]["rows"]]
    assert stages.count("learning") == 1
    assert sections[0]["figures"][0]["cell"]["shown"] == "11 of 12"
