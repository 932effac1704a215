"""The fleet page's data: small, constant in questions, true history, what was handled, and saved views."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Audit, Membership, Team, User
from alerts.models import Channel, Incident
from core.clock import milliseconds, now
from dashboards.fleet import history, packed
from servers.models import Server
from tests.conftest import Machine

pytestmark = pytest.mark.django_db

Person = Callable[..., User]


def page(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/", headers={"Accept": "application/json"}).json()
    return found


def some(team: Team, count: int, first: int = 100) -> None:
    Server.objects.bulk_create(
        Server(team=team, number=first + n, name=f"s{first + n}", hostname="h", fingerprint=f"f{first + n}",
               os="Debian 12", role="web", site="Berlin", tags=["db", "eu"])
        for n in range(count)
    )  # fmt: skip


def test_many_servers_cost_no_more_questions_and_about_a_hundred_bytes_each(
    team: Team, person: Person, client: Client, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection

    client.force_login(person("admin"))
    some(team, 2)
    page(client)
    history.lately.kept.clear()  # both ask the store: the other fleet is a new one
    with CaptureQueriesContext(connection) as few:
        page(client)
    some(team, 400, first=500)
    with CaptureQueriesContext(connection) as many:
        found = page(client)
    assert len(many) <= len(few) + 1  # a session may be touched meanwhile
    assert len(found["fleet"]["rows"]) == 402
    assert len(json.dumps(found["fleet"], separators=(",", ":"))) < 402 * 120
    assert found["fleet"]["tags"] == [["db", "eu"]]


def test_a_row_says_what_the_api_says(machine: Callable[..., Machine], person: Person, client: Client) -> None:
    told = machine("told")
    told.report(cpu_used_percent=12.34)
    client.force_login(person("viewer"))
    shown = page(client)["fleet"]
    (row,) = shown["rows"]
    assert row[0] == str(told.server.uuid)
    reach, health = packed.REACHES[row[10] // 3], packed.HEALTHS[row[10] % 3]
    assert (reach, health, row[12]) == ("up", "ok", 12.3)
    assert abs(shown["base"] + row[11] - now().timestamp()) < 5


def test_a_stranger_to_the_team_sees_none_of_it(
    machine: Callable[..., Machine], other_team: Team, person: Person, client: Client
) -> None:
    theirs = machine("theirs", other_team)
    theirs.report(cpu_used_percent=50)
    client.force_login(person("viewer"))
    assert page(client)["fleet"]["rows"] == []
    assert client.get(f"/api/v1/fleet/sparks?ids={theirs.server.uuid}").json()["cpu"] == {}
    assert set(client.get("/api/v1/fleet/today").json()["lines"]["cpu"]) == {None}


def test_history_is_the_stores_and_without_a_week_nothing_is_compared(
    machine: Callable[..., Machine], person: Person, client: Client
) -> None:
    for name, percent in (("a", 10), ("b", 30)):
        machine(name).report(cpu_used_percent=percent)
    client.force_login(person("viewer"))
    found = client.get("/api/v1/fleet/today").json()
    assert found["lines"]["cpu"][-1] == 20
    assert found["lines"]["up"][-1] == 2
    assert found["lines"]["up"][0] is None, "nobody spoke then: unknown, not zero"
    assert found["before"] is None
    assert history.BACK // history.STEP <= len(found["lines"]["cpu"]) <= history.BACK // history.STEP + 1
    assert milliseconds() // 1000 - found["t"] <= history.BACK // 1000 + 300


def test_what_ended_by_itself_and_what_was_folded_is_told(team: Team, person: Person, client: Client) -> None:
    at = now()
    cause = Incident.objects.create(team=team, key="c", title="Switch down", severity="critical", opened_at=at)
    for number in range(3):
        Incident.objects.create(
            team=team, key=f"f{number}", title="x", severity="warn", opened_at=at, parent=cause
        )  # fmt: skip
    past = {"opened_at": at - timedelta(minutes=9), "resolved_at": at - timedelta(minutes=4)}
    Incident.objects.create(team=team, key="e", title="web-1 does not report.", severity="warn", **past)
    taken = {**past, "acknowledged_at": at - timedelta(minutes=5)}
    Incident.objects.create(team=team, key="t", title="Taken", severity="warn", **taken)
    client.force_login(person("viewer"))
    lines = client.get("/api/v1/fleet/today").json()["handled"]
    told = {(line["kind"], line["title"]): line for line in lines}
    assert set(told) == {("folded", "Switch down"), ("ended", "web-1 does not report")}
    assert told["folded", "Switch down"]["n"] == 3
    assert told["ended", "web-1 does not report"]["lasted"] == 300


def test_views_are_ones_own_or_a_teams_and_leave_a_trail(
    team: Team, other_team: Team, person: Person, api: Callable[..., Client]
) -> None:
    manager, viewer = person("manager"), person("viewer")
    boss, looker = api(manager), api(viewer)

    def make(client: Client, **body: Any) -> Any:
        return client.post("/api/v1/views", body, content_type="application/json")

    query = "q=tag%3Adb&sort=-cpu&evil=1"
    made = make(boss, name="Hot", team=team.name, query=query)
    assert (made.status_code, made.json()["query"]) == (201, "q=tag%3Adb&sort=-cpu")
    assert make(looker, name="Mine", query="q=x").status_code == 201
    assert make(looker, name="Ours", team=team.name).status_code == 400, "a viewer keeps nothing for the team"
    assert make(boss, name="Hot", team=team.name).status_code == 400
    assert [one["name"] for one in looker.get("/api/v1/views").json()["results"]] == ["Hot", "Mine"]
    assert [one["name"] for one in boss.get("/api/v1/views").json()["results"]] == ["Hot"]
    hot = f"/api/v1/views/{made.json()['id']}"
    assert looker.delete(hot).status_code == 404
    assert boss.patch(hot, {"name": "Warm"}, content_type="application/json").status_code == 200
    assert boss.delete(hot).status_code == 204
    assert list(Audit.objects.filter(action__startswith="view.").values_list("action", flat=True).order_by("pk")) == [
        "view.make", "view.make", "view.change", "view.remove",
    ]  # fmt: skip
    assert Membership.objects.filter(team=other_team).count() == 0


def test_first_steps_stand_above_the_fleet_until_put_away(team: Team, person: Person, client: Client) -> None:
    def strip(said: str) -> bool:
        before = client.get("/").content.decode().partition('data-island="fleet"')[0]
        return said in before and 'value="put-away"' in before

    client.force_login(person("viewer"))
    assert not strip("Nobody is told of alerts yet."), "it is not theirs to do"
    client.force_login(person("admin"))
    some(team, 1)
    assert strip("Nobody is told of alerts yet.")
    Channel.objects.create(team=team, name="hook", kind="webhook")
    assert strip("Only one server is watched so far.")
    client.post("/welcome/", {"do": "put-away"})
    assert not strip("")
    del client.cookies["welcome"]
    assert strip("")
    some(team, 1, first=200)
    assert not strip("")
