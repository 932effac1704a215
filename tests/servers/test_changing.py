"""Servers over the API: described, paused, removed, alone or many at once, by those who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Audit, Team, User
from alerts.judging import Judge
from alerts.models import Alert, Delivery, Incident, Notice
from servers import orders
from servers.auth import keyring
from servers.models import Change, Event, Server
from tests.conftest import Machine

Make = Callable[..., Machine]
Api = Callable[..., Client]
Person = Callable[..., User]
JSON = "application/json"


def address(server: Server, more: str = "") -> str:
    return f"/api/v1/servers/{server.uuid}{more}"


def test_a_server_is_described_and_every_change_is_audited(machine: Make, api: Api, person: Person) -> None:
    web, admin = machine(), person()
    asked = {"tags": ["db", " web ", "db"], "role": "shop", "site": "muc", "environment": "staging", "interval": 5}
    shown = api(admin).patch(address(web.server), asked, content_type=JSON).json()
    assert (shown["tags"], shown["role"], shown["site"]) == (["db", "web"], "shop", "muc")
    assert (shown["environment"], shown["interval"]) == ("staging", 5)
    assert web.report(cpu_used_percent=1.0).json()["interval"] == 10  # until the keys are read again, 2 s
    audit = Audit.objects.get(action="server.change")
    assert (audit.actor, audit.before["role"], audit.after["role"]) == (admin.email, "", "shop")
    api(admin).patch(address(web.server), asked, content_type=JSON)
    assert Audit.objects.filter(action="server.change").count() == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "db-1"},
        {"name": ""},
        {"tags": ["x" * 61]},
        {"tags": ["a\nb"]},
        {"tags": [str(n) for n in range(51)]},
        {"environment": ""},
        {"interval": 0},
        {"role": "x" * 61},
        {"name": "a\nSubject: b"},
        {"site": "a\u202eb"},
    ],
)
def test_what_cannot_be_said_of_a_server_is_refused(machine: Make, api: Api, asked: dict[str, Any]) -> None:
    web = machine()
    machine("db-1")
    assert api().patch(address(web.server), asked, content_type=JSON).status_code == 400
    web.server.refresh_from_db()
    assert (web.server.name, web.server.tags) == ("web-1", [])


VERBS = [
    ("get", ""), ("patch", ""), ("delete", ""), ("get", "/changes"), ("get", "/events"), ("get", "/keys"),
    ("post", "/rotate"), ("post", "/accept"), ("post", "/pause"), ("post", "/resume"),
    ("post", "/keys/0123456789abcdef/revoke"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "more"), VERBS)
def test_a_foreign_server_is_as_absent_as_none(
    machine: Make, api: Api, person: Person, other_team: Team, method: str, more: str
) -> None:
    web, stranger = machine(), api(person("admin", of=other_team))
    for place in (address(web.server, more), f"/api/v1/servers/{uuid4()}{more}"):
        assert getattr(stranger, method)(place, content_type=JSON).status_code == 404
    assert Server.objects.filter(pk=web.server.pk, paused=False).exists()


@pytest.mark.parametrize(("method", "more"), [verb for verb in VERBS if verb[0] != "get"])
@pytest.mark.parametrize("role", ["viewer", "operator", "manager"])
def test_only_those_who_manage_change_servers(
    machine: Make, api: Api, person: Person, method: str, more: str, role: str
) -> None:
    web = machine()
    assert getattr(api(person(role)), method)(address(web.server, more), content_type=JSON).status_code == 403
    assert Server.objects.filter(pk=web.server.pk, paused=False).exists()


def test_who_manages_another_team_only_looks_here(
    machine: Make, api: Api, person: Person, other_team: Team, team: Team
) -> None:
    web, both = machine(), person("admin", of=other_team)
    both.memberships.create(team=team, role="viewer")
    client = api(both)
    assert client.get(address(web.server)).status_code == 200
    assert client.delete(address(web.server)).status_code == 403
    asked = {"ids": [str(web.server.uuid)], "delete": True}
    assert client.post("/api/v1/servers/bulk", asked, content_type=JSON).status_code == 404


def test_ledger_and_events_are_paged_newest_first(machine: Make, api: Api) -> None:
    web = machine()
    for number in range(3):
        facts = {"hash": str(number), "document": {"os": {"version": str(number)}}}
        web.post({"boot": "b", "seq": number, "facts": facts})
        web.post({"boot": "c", "seq": number, "events": [{"t": 1795219340 + number, "kind": "k", "text": "t"}]})
    page = api().get(address(web.server, "/changes?size=1")).json()
    assert (page["count"], page["results"][0]["before"], page["results"][0]["after"]) == (2, "1", "2")
    page = api().get(address(web.server, "/events")).json()
    assert [one["kind"] for one in page["results"]] == ["k"] * 3
    assert page["results"][0]["at"] > page["results"][2]["at"]
    assert (Change.objects.count(), Event.objects.count()) == (2, 3)


def bulk(client: Client, **asked: Any) -> Any:
    return client.post("/api/v1/servers/bulk", asked, content_type=JSON)


def test_many_are_changed_by_a_selector_after_a_dry_run(
    machine: Make, api: Api, person: Person, other_team: Team
) -> None:
    names = ["web-1", "web-2", "db-1"]
    for name in names:
        machine(name)
    machine("web-3", of=other_team)
    Server.objects.filter(name="web-2").update(tags=["old"], environment="staging")
    client = api(person())
    for dry_run in (True, False):
        answer = bulk(
            client, selector="name:web-* and env:*", dry_run=dry_run, add_tags=["shop"], remove_tags=["old"]
        )
        assert answer.json() == {"matched": 2, "changed": 2, "dry_run": dry_run}
        assert Server.objects.filter(tags=["shop"]).count() == (0 if dry_run else 2)
    assert bulk(client, selector="name:web-*", add_tags=["shop"]).json()["matched"] == 1  # staging was not named
    assert bulk(client, selector="name:web-* and env:*", add_tags=["shop"]).json()["changed"] == 0
    one = str(Server.objects.get(name="db-1").uuid)
    assert bulk(client, ids=[one], paused=True, role="db", rotate_keys=True).json()["changed"] == 1
    assert Server.objects.get(name="db-1").paused
    assert Audit.objects.filter(action="server.rotate").count() == 1
    assert bulk(client, ids=[one], delete=True, dry_run=True).json()["changed"] == 1
    assert bulk(client, ids=[one], delete=True).json()["changed"] == 1
    assert set(Server.objects.values_list("name", flat=True)) == {"web-1", "web-2", "web-3"}
    stranger = str(Server.objects.get(name="web-3").uuid)
    assert bulk(client, ids=[stranger], delete=True).status_code == 404
    assert bulk(client, ids=[str(uuid4())], delete=True).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"add_tags": ["a"]},
        {"ids": [], "selector": "name:*", "add_tags": ["a"]},
        {"selector": "nonsense", "add_tags": ["a"]},
        {"selector": "", "delete": True},
        {"selector": "name:*"},
        {"selector": "name:*", "delete": True, "paused": True},
        {"selector": "name:*", "add_tags": ["x" * 61]},
        {"selector": "name:*", "environment": "a\nb"},
    ],
)
def test_a_bulk_wish_that_is_not_clear_changes_nothing(machine: Make, api: Api, asked: dict[str, Any]) -> None:
    machine()
    assert bulk(api(), **asked).status_code == 400
    assert Server.objects.filter(tags=[]).count() == 1


def test_a_removed_server_ends_its_alerts_and_its_posts_hurt_nobody(machine: Make, api: Api, person: Person) -> None:
    client = api(person())
    asked = {"name": "hook", "kind": "webhook", "config": {"url": "http://hook.example.org/"}}
    hook = client.post("/api/v1/channels", asked, content_type=JSON).json()["id"]
    rule = {"name": "hot", "metric": "cpu_used_percent", "critical": 90, "notify": [{"channel": hook}]}
    rule |= {"group_by": ["rule", "server"], "group_wait": 0}
    assert client.post("/api/v1/rules", rule, content_type=JSON).status_code == 201
    web, other = machine(), machine("db-1")
    judge = Judge()
    for one in (web, other):
        one.report(cpu_used_percent=99.0)
    while judge.step():
        pass
    assert Alert.objects.open().count() == 2
    orders.issue(web.server, "rotate_key")

    assert client.delete(address(web.server)).status_code == 204
    web.report(cpu_used_percent=99.0)  # on its way while the keys are read again
    keyring.refresh()
    assert web.report(cpu_used_percent=99.0).status_code == 401
    other.report(cpu_used_percent=98.0)
    while judge.step():
        pass

    (incident,) = Incident.objects.exclude(resolved_at=None)
    assert [notice.kind for notice in incident.notices.order_by("pk")] == ["firing", "resolved"]
    assert "no longer watched" in Notice.objects.get(incident=incident, kind="resolved").text
    assert Delivery.objects.filter(notice__incident=incident, notice__kind="resolved", state="waiting").count() == 1
    assert Alert.objects.open().get().server == other.server
    assert client.get(f"/api/v1/incidents/{incident.uuid}").status_code == 200
    judge.end()


def test_the_admin_pages_of_servers_use_the_same_verbs(machine: Make, person: Person) -> None:
    web = machine()
    client = Client()
    client.force_login(person("admin", is_staff=True, is_superuser=True))
    assert client.get(f"/admin/servers/server/{web.server.pk}/change/").status_code == 200
    fields = {"name": "web-1", "hostname": "web-1", "environment": "test", "interval": 9, "keys-TOTAL_FORMS": 0}
    form = {**fields, "keys-INITIAL_FORMS": 0}
    machine("db-1")
    place = f"/admin/servers/server/{web.server.pk}/change/"
    for wrong in ({"name": "db-1"}, {"interval": 0}, {"site": "a\u202eb"}):
        assert client.post(place, {**form, "tags": "[]", **wrong}).status_code == 200
    Server.objects.filter(name="db-1").delete()
    for tags, status in (('{"a": 1}', 200), ('["db"]', 302)):
        assert client.post(place, {**form, "tags": tags}).status_code == status
    assert Server.objects.get().words()["tag"] == ["db"]
    assert Audit.objects.get(action="server.change").after["environment"] == "test"
    chosen = {"action": "pause", "_selected_action": [web.server.pk]}
    client.post("/admin/servers/server/", chosen)
    web.server.refresh_from_db()
    assert web.server.paused
    client.post("/admin/servers/server/", {**chosen, "action": "delete_selected", "post": "yes"})
    assert not Server.objects.exists()
    told = Audit.objects.filter(action__startswith="server.").order_by("pk")
    assert list(told.values_list("action", flat=True)) == [
        "server.change",
        "server.change",
        "server.remove",
    ]
    assert client.get("/admin/accounts/audit/").status_code == 200


@pytest.mark.parametrize(
    ("method", "place", "asked"),
    [
        ("post", "/api/v1/servers/bulk", {"selector": "name:web-1", "dry_runn": True, "role": "zzz"}),
        ("patch", "", {"rolle": "x", "role": "zzz"}),
        ("post", "/api/v1/enrolments", {"name": "n", "reuseable": True}),
        ("post", "/api/v1/rules", {"name": "n", "metric": "load1", "critical": 1, "fore": 60}),
        ("post", "/api/v1/channels", {"name": "n", "kind": "webhook", "config": {}, "enable": False}),
    ],
)
def test_a_misspelt_key_is_refused_by_name_and_changes_nothing(
    machine: Make, api: Api, method: str, place: str, asked: dict[str, Any]
) -> None:
    web = machine()
    answer = getattr(api(), method)(place or address(web.server), asked, content_type=JSON)
    meant = {"dry_runn": "dry_run", "rolle": "role", "reuseable": "reusable", "fore": "for", "enable": "enabled"}
    (wrong,) = asked.keys() & meant.keys()
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {wrong}
    assert meant[wrong] in answer.json()["detail"].replace(".", "").replace(",", "").split()
    assert Server.objects.filter(pk=web.server.pk, role="").exists()
    assert not Audit.objects.filter(action="server.change").exists()
