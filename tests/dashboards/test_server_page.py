"""What the page of a server asks for: what moved, limits, alerts and marks around its charts, all series, tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from alerts.messages.advice import CPU
from alerts.models import Alert, Incident, Rule, Silence
from core.clock import now
from dashboards.server import moving
from dashboards.server.catalogue import section_of
from metrics.models import Series
from metrics.names import layout_hash
from servers.models import Change, Event
from tests.conftest import Machine
from tests.product import slow

Make = Callable[..., Machine]
Api = Callable[..., Client]
INSIDE = np.arange(300) >= 240


def series(before: float, during: float, noise: float = 1.0, seed: int = 1) -> Any:
    values = np.random.default_rng(seed).normal(before, noise, 300)
    values[INSIDE] += during - before
    return values


def test_what_moved_most_stands_first_and_what_stayed_is_left_out() -> None:
    given = [series(20, 20), series(20, 90), series(20, 26), series(50, 50, seed=4), series(5, 1, 0.2)]
    assert [(one.place, one.kind) for one in moving.rank(given, INSIDE)] == [(1, "up"), (4, "down"), (2, "up")]


def test_one_peak_is_no_move_and_a_constant_is_none() -> None:
    peak = series(20, 20)
    peak[260] = 5000
    assert moving.rank([peak, np.full(300, 7.0), series(1000, 1001, 0.1)], INSIDE) == []


def test_a_series_that_began_stopped_or_became_restless_is_told_as_that() -> None:
    began, stopped, restless = series(9, 9), series(9, 9), series(20, 20, 0.5)
    began[~INSIDE] = np.nan
    stopped[INSIDE] = np.nan
    restless[INSIDE] += np.where(np.arange(60) % 2, 15, -15)
    found = {one.place: one.kind for one in moving.rank([began, stopped, restless], INSIDE)}
    assert found == {0: "began", 1: "stopped", 2: "restless"}


def test_five_hundred_series_are_ranked_in_a_fifth_of_a_second() -> None:
    given = [series(20, 20 + number % 7, seed=number) for number in range(500)]
    started = time.process_time()
    moving.rank(given, INSIDE)
    assert time.process_time() - started < 0.2 * slow()


def bump(one: Machine, *, rows: int = 60) -> tuple[float, float]:
    """A history of ten minutes, whose last two are unlike the others."""
    columns = ["cpu_used_percent", "memory_used_percent", 'own_queue{name="=cmd"}']
    end = time.time() - 5
    table = []
    for number in range(rows):
        late = number >= rows * 0.8
        row = [10.0 + number % 3, 40.0 + number % 2, 500.0 + number % 5]
        table.append([end - (rows - number) * 10, row[0] + 70 * late, row[1], row[2] * (3 if late else 1)])
    body = {"boot": "b", "seq": 1, "layout": layout_hash(columns), "columns": columns, "rows": table}
    assert one.post(body).status_code == 200
    return end - 120, end


def test_what_else_moved_ranks_series_and_names_what_changed_before(machine: Make, api: Api) -> None:
    one = machine()
    start, end = bump(one)
    at = datetime.fromtimestamp(start - 60, UTC)
    Change.objects.create(server=one.server, at=at, section="packages", key="nginx", before="1", after="2")
    found = api().get(f"/api/v1/servers/{one.server.uuid}/moved?from={start}&to={end}").json()
    assert {line["metric"] for line in found["series"]} == {"cpu_used_percent", "own_queue"}
    assert found["looked"] == 3
    assert "nginx 1 → 2" in found["sentence"]
    assert any(mark["kind"] == "packages" for mark in found["changes"])
    assert len(found["t"]) == len(found["series"][0]["v"])


@pytest.mark.parametrize(
    "query", ["", "from=5&to=1", "from=x&to=2", "from=1&to=2", "from=1e9&to=nan", "from=-1&to=9"]
)
def test_a_time_that_cannot_be_compared_is_refused_in_words(machine: Make, api: Api, query: str) -> None:
    reply = api().get(f"/api/v1/servers/{machine().server.uuid}/moved?{query}")
    assert reply.status_code == 400
    assert reply.json()["detail"]


@pytest.mark.parametrize("path", ["around", "catalogue", "moved?from=1&to=99", "series.csv?metric=load1"])
def test_a_strangers_server_is_one_that_is_not_there(
    machine: Make, api: Api, person: Callable[..., User], other_team: Team, path: str
) -> None:
    stranger = api(person(of=other_team))
    assert stranger.get(f"/api/v1/servers/{machine().server.uuid}/{path}").status_code == 404


def test_limits_of_the_rules_that_watch_it_are_told_for_its_label_sets(machine: Make, api: Api, team: Team) -> None:
    one = machine()
    columns = ['disk_used_percent{mount="/"}', 'disk_used_percent{mount="/data"}', "load5"]
    rows = [[time.time(), 10, 20, 1]]
    facts = {"hash": "h", "document": {"cpu": {"cores": 4}}}
    body = {"layout": layout_hash(columns), "columns": columns, "rows": rows, "facts": facts}
    assert one.post(body).status_code == 200
    Rule.objects.create(team=team, name="Full", metric="disk_used_percent", labels={"mount": "/d*"}, warn=80)
    Rule.objects.create(team=team, name="Busy", metric="load5", params={"per": "cores"}, critical=2)
    Rule.objects.create(team=team, name="Other", metric="load5", selector="name:db-*", critical=3)
    Rule.objects.create(team=team, name="Off", metric="load5", enabled=False, critical=3)
    found = {one["rule"]: one for one in api().get(f"/api/v1/servers/{one.server.uuid}/around").json()["limits"]}
    assert found.keys() == {"Full", "Busy"}
    assert found["Full"]["sets"] == [{"mount": "/data"}]
    assert found["Busy"]["critical"] == 8


def alert_on(one: Machine, team: Team, rule: Rule, begin: float, end: float | None = None) -> Alert:
    incident = Incident.objects.create(
        team=team, key=str(begin), title="CPU of web-1", severity="critical", opened_at=now(), rule=rule
    )
    series = Series.objects.get(metric="cpu_used_percent")
    return Alert.objects.create(
        rule=rule, server=one.server, series=series, incident=incident, state="firing", severity="critical", value=97,
        limit=95, since=int(begin * 1000), judged=int(begin * 1000),
        resolved_at=datetime.fromtimestamp(end, UTC) if end else None,
    )  # fmt: skip


def test_alerts_and_marks_of_the_time_are_told_and_no_others(machine: Make, api: Api, team: Team) -> None:
    one = machine()
    one.report(cpu_used_percent=1, uptime_seconds=9000)
    at = time.time()
    rule = Rule.objects.create(team=team, name="CPU", metric="cpu_used_percent", critical=95)
    alert_on(one, team, rule, at - 60)
    alert_on(one, team, rule, at - 90_000, at - 80_000)
    Event.objects.create(server=one.server, at=now(), kind="service", text="Service <b>x</b> has failed.")
    found = api().get(f"/api/v1/servers/{one.server.uuid}/around").json()
    assert [span["metric"] for span in found["alerts"]] == ["cpu_used_percent"]
    assert {"enrolled", "event"} <= {mark["kind"] for mark in found["marks"]}
    assert found["unusual"] == []
    assert [mark["at"] for mark in found["marks"]] == sorted(mark["at"] for mark in found["marks"])


def test_an_uptime_that_began_anew_is_a_restart(machine: Make, api: Api) -> None:
    one = machine()
    at = time.time()
    for back, up in ((300, 90_000), (290, 90_010), (100, 60), (90, 70)):
        one.report(at - back, uptime_seconds=up)
    marks = api().get(f"/api/v1/servers/{one.server.uuid}/around").json()["marks"]
    (restart,) = [mark for mark in marks if mark["kind"] == "reboot"]
    assert abs(restart["at"] - (at - 160)) < 30


def test_the_banner_says_what_is_wrong_what_to_do_and_what_is_silenced(
    machine: Make, person: Callable[..., User], team: Team
) -> None:
    one = machine()
    one.report(cpu_used_percent=99)
    rule = Rule.objects.create(team=team, name="CPU", metric="cpu_used_percent", critical=95, runbook="Look at top.")
    alert_on(one, team, rule, time.time() - 60)
    hour = timedelta(hours=1)
    Silence.objects.create(
        team=team, selector="name:web-*", starts_at=now() - hour, ends_at=now() + hour, reason="move"
    )
    Silence.objects.create(team=team, selector="name:db-*", starts_at=now() - hour, ends_at=now() + hour, reason="no")
    client = Client()
    client.force_login(person())
    page = client.get(f"/servers/{one.server.uuid}/", headers={"accept": "application/json"}).json()
    (trouble,) = page["story"]["troubles"]
    assert (trouble["todo"], trouble["value"]) == ("Look at top.", "97 %")
    assert [one["reason"] for one in page["story"]["silences"]] == ["move"]
    Rule.objects.filter(pk=rule.pk).update(runbook="")
    page = client.get(f"/servers/{one.server.uuid}/", headers={"accept": "application/json"}).json()
    assert page["story"]["troubles"][0]["todo"] == str(CPU)  # as the mail says it


def test_everything_a_server_tells_is_found_in_a_section(machine: Make, api: Api) -> None:
    one = machine()
    columns = [f'cpu_core_used_percent{{core="{core}"}}' for core in range(12)] + ['own_queue{name="a"}', "load1"]
    body = {"layout": layout_hash(columns), "columns": columns, "rows": [[time.time(), *range(len(columns))]]}
    assert one.post(body).status_code == 200
    found = api().get(f"/api/v1/servers/{one.server.uuid}/catalogue").json()["sections"]
    assert {section["id"]: section["series"] for section in found} == {"cpu": 13, "own": 1}
    (cores,) = [chart for chart in found[0]["charts"] if chart["metric"] == "cpu_core_used_percent"]
    assert [one["name"] for one in cores["sets"]] == [str(core) for core in range(12)]
    assert section_of("top_process_cpu_percent") == "processes"
    assert section_of("cpu_of_my_own") == "own"


def test_a_table_keeps_names_from_being_formulas_and_holes_empty(machine: Make, api: Api) -> None:
    one = machine()
    bump(one)
    one.report(time.time() - 3, load1=2)
    base = f"/api/v1/servers/{one.server.uuid}/series.csv"
    reply = api().get(f"{base}?metric=own_queue&metric=load1")
    assert reply["Content-Type"].startswith("text/csv")
    assert "attachment" in reply["Content-Disposition"]
    head, *lines = b"".join(reply).decode().splitlines()
    assert head == 'time,load1,"own_queue{name=""=cmd""}"'
    assert lines[-1].endswith(",2,")
    assert len(lines) == 61
    assert api().get(base).status_code == 400


def test_the_page_and_what_it_asks_for_cost_a_constant_number_of_questions(
    machine: Make, person: Callable[..., User], team: Team
) -> None:
    one = machine()
    bump(one)
    client = Client()
    client.force_login(person())
    rule = Rule.objects.create(team=team, name="CPU", metric="cpu_used_percent", critical=95)
    paths = [f"/servers/{one.server.uuid}/"] + [
        f"/api/v1/servers/{one.server.uuid}/{what}" for what in ("around", "catalogue")
    ]
    asked = []
    for number in range(4):
        alert = alert_on(one, team, rule, time.time() - 100 - number, None if number == 0 else time.time())
        Event.objects.create(server=one.server, at=now(), kind="service", text=f"{alert.pk}")
        Rule.objects.create(team=team, name=f"Mem {number}", metric="memory_used_percent", warn=number)
        counts = []
        for path in paths:
            with CaptureQueriesContext(connection) as seen:
                assert client.get(path).status_code == 200
            counts.append(len(seen))
        asked.append(counts)
    # What the clock renews, such as when a session was seen, may ask once more: rows may not.
    assert all(last <= first + 1 for first, last in zip(asked[1], asked[3], strict=True)), asked
