"""Invitations and agent keys: made, rotated, revoked; machines that are not who they seem."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Audit, Team, User
from core.clock import now
from core.errors import Unauthorized
from metrics import journal
from servers import auth, clones, versions
from servers.auth import Mismatch, enrol, tend
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Server
from servers.services import make_enrolment, remove, set_facts
from tests.conftest import Machine

Make = Callable[..., Machine]
Api = Callable[..., Client]
Person = Callable[..., User]
JSON = "application/json"


def speaks(machine: Machine, key: str) -> bool:
    machine.client = Client(headers={"authorization": f"Bearer {key}"})
    return bool(machine.report(cpu_used_percent=1.0).status_code == 200)


def test_a_key_is_rotated_over_its_own_door_and_ends_when_the_new_one_was_used(machine: Make, api: Api) -> None:
    web = machine()
    old = web.key
    assert api().post(f"/api/v1/servers/{web.server.uuid}/rotate").status_code == 202
    new = web.client.post("/api/v1/agent/key").json()["key"]
    tend()
    assert speaks(web, old)  # it may not have saved the new one
    assert speaks(web, new)
    tend()
    assert not speaks(web, old)
    assert speaks(web, new)
    assert Event.objects.get(server=web.server).kind == "key_rotated"
    listed = api().get(f"/api/v1/servers/{web.server.uuid}/keys").json()["results"]
    assert [key["state"] for key in listed] == ["live", "revoked"]
    assert not {"digest", "secret"} & set(listed[0])


def test_asking_again_before_the_new_key_was_used_never_locks_a_machine_out(machine: Make) -> None:
    web = machine()
    lost = [web.client.post("/api/v1/agent/key").json()["key"] for _ in range(3)]
    tend()
    assert not speaks(web, lost[0])
    assert speaks(web, lost[2])
    assert AgentKey.objects.filter(server=web.server).count() == 2


def test_a_machine_that_lost_its_new_key_is_not_locked_out_by_a_clock(machine: Make) -> None:
    web = machine()
    old = web.key
    web.client.post("/api/v1/agent/key")
    AgentKey.objects.exclude(replaced_at=None).update(replaced_at=datetime(2020, 1, 1, tzinfo=UTC), changed_at=now())
    tend()
    assert speaks(web, old)
    new = web.client.post("/api/v1/agent/key").json()["key"]
    tend()
    assert speaks(web, new)
    tend()
    assert not speaks(web, old)


def test_an_agent_whose_server_was_just_removed_gets_no_key(machine: Make) -> None:
    web = machine()
    assert web.report(cpu_used_percent=1.0).status_code == 200
    remove([web.server])
    assert web.client.post("/api/v1/agent/key").status_code == 401


def test_a_key_that_is_revoked_while_versions_are_kept_stays_revoked(machine: Make) -> None:
    web = machine()
    ring = auth.Keyring()
    ring.refresh()
    agent = ring.find(web.key)
    assert agent
    ring.hear(agent, "9.9.9")
    with ring.lock:  # somebody reads the table just now
        keeping = threading.Thread(target=_keep_versions, args=(ring,))
        keeping.start()
        ring.agents = {}
    keeping.join(5)
    assert ring.find(web.key) is None


def _keep_versions(ring: auth.Keyring) -> None:
    ring.keep_versions()
    connections.close_all()


def test_a_revoked_key_is_refused_at_once_and_says_who_did_it(machine: Make, api: Api, person: Person) -> None:
    web = machine()
    key = AgentKey.objects.get(server=web.server)
    assert speaks(web, web.key)
    answer = api(person()).post(f"/api/v1/servers/{web.server.uuid}/keys/{key.key}/revoke")
    assert answer.json()["state"] == "revoked"
    tend()
    assert not speaks(web, web.key)
    assert Audit.objects.get(action="key.revoke").before == {"key": key.key}


def test_invitations_are_made_listed_and_revoked_by_who_manages(
    api: Api, person: Person, team: Team, other_team: Team, transactional_db: None
) -> None:
    client = api(person())
    made = client.post("/api/v1/enrolments", {"name": "rack 1", "reusable": True, "hours": 2}, content_type=JSON)
    assert made.status_code == 201
    token = made.json()["token"]
    assert enrol(token, "web-1", "a", {}).server.team == team
    (listed,) = client.get("/api/v1/enrolments").json()["results"]
    assert (listed["name"], "token" in listed) == ("rack 1", False)
    assert api(person("operator")).get("/api/v1/enrolments").status_code == 403
    stranger = api(person("admin", of=other_team))
    assert stranger.get("/api/v1/enrolments").json()["results"] == []
    place = f"/api/v1/enrolments/{listed['id']}"
    assert stranger.delete(place).status_code == 404
    asked = {"name": "x", "team": other_team.name}
    assert client.post("/api/v1/enrolments", asked, content_type=JSON).status_code == 400
    assert client.delete(place).status_code == 204
    with pytest.raises(Unauthorized):
        enrol(token, "web-2", "b", {})
    assert Enrolment.objects.get().revoked_at


def test_enrolling_again_keeps_the_facts_it_does_not_name(team: Team, transactional_db: None) -> None:
    def again(facts: dict[str, dict[str, object]]) -> Server:
        return enrol(make_enrolment(team, "n"), "web-1", "print", facts).server

    full: dict[str, dict[str, object]] = {"os": {"name": "Debian", "kernel": "6.1"}, "packages": {"bash": "5.2"}}
    server = again({"os": {"name": "Debian"}})
    set_facts(server, full, now())
    Change.objects.all().delete()
    assert again({"os": {"name": "Debian"}}) == server
    assert not Change.objects.exists()
    again({"os": {"name": "Ubuntu"}, "agent": {"version": "2"}})
    assert [(one.key, one.before, one.after) for one in Change.objects.all()] == [("name", "Debian", "Ubuntu")]
    kept = {**full, "os": {"name": "Ubuntu", "kernel": "6.1"}, "agent": {"version": "2"}}
    assert FactSheet.objects.get(server=server).document == kept
    set_facts(server, {"os": {"name": "Ubuntu"}}, now())
    told = {**kept, "os": {"name": "Ubuntu"}}
    assert FactSheet.objects.get(server=server).document == told, "a section of a whole document is whole"


def test_a_section_that_is_not_told_yet_is_no_change_and_one_told_empty_is(
    team: Team, transactional_db: None
) -> None:
    users: dict[str, dict[str, object]] = {"users": {"root": "uid 0"}}
    system: dict[str, dict[str, object]] = {"os": {"name": "Debian"}}
    server = enrol(make_enrolment(team, "n"), "web-1", "print", {}).server
    set_facts(server, {**system, **users}, now())
    assert enrol(make_enrolment(team, "n"), "web-1", "print", system).server == server
    set_facts(server, system, now())
    assert FactSheet.objects.get(server=server).document == {**system, **users}
    set_facts(server, {**system, **users}, now())
    assert not Change.objects.exists(), "a new agent that has not looked at everything yet"
    for told in ({}, users["users"]):
        set_facts(server, {**system, "users": told}, now())
    changes = Change.objects.order_by("pk").values_list("section", "key", "before", "after")
    assert list(changes) == [("users", "root", "uid 0", None), ("users", "root", None, "uid 0")]


def test_sections_without_end_are_not_kept(
    team: Team, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    monkeypatch.setattr("servers.services.MOST_FACTS", 4)
    server = enrol(make_enrolment(team, "n"), "web-1", "print", {}).server
    for section in "abc":
        set_facts(server, {section: {"x": 1}}, now())
    assert FactSheet.objects.get(server=server).document == {"c": {"x": 1}}


def test_a_machine_with_a_taken_name_is_refused_told_once_and_can_be_accepted(
    machine: Make, api: Api, team: Team
) -> None:
    web = machine()
    token = make_enrolment(team, "again", reusable=True)
    for _ in range(2):
        with pytest.raises(Mismatch):
            enrol(token, "web-1", "another print", {})
    event = Event.objects.get()
    assert (event.kind, event.fields) == ("fingerprint_mismatch", {"fingerprint": "another print"})
    assert api().get(f"/api/v1/servers/{web.server.uuid}").json()["offered"]
    assert api().post(f"/api/v1/servers/{web.server.uuid}/accept").status_code == 200
    assert api().post(f"/api/v1/servers/{web.server.uuid}/accept").status_code == 409
    tend()
    assert not speaks(web, web.key)
    made = enrol(token, "web-1", "another print", {})
    assert made.server == web.server
    assert speaks(web, made.key)


def test_two_machines_with_one_key_are_told_as_an_event(machine: Make, now: float) -> None:
    web = machine()
    fresh = clones.Clones()
    journal.on_commit(fresh.take)
    try:
        for number in range(4):
            web.report(now - 20 + number, boot=f"b{number % 2}", cpu_used_percent=1.0)
            web.report(now - 20 + number + 0.2, boot=f"b{number % 2}", cpu_used_percent=1.0)
            web.seq += 1
        assert fresh.found == set()
        web.report(now - 15, boot="b0", cpu_used_percent=1.0)
        fresh.tell()
        fresh.tell()
    finally:
        journal._listeners.remove(fresh.take)
    assert Event.objects.get().kind == "two_machines"


def test_a_restart_whose_spool_is_emptied_late_is_one_machine(machine: Make, now: float) -> None:
    web = machine()
    fresh = clones.Clones()
    journal.on_commit(fresh.take)
    try:
        web.report(now - 30, boot="old", cpu_used_percent=1.0)
        for number in range(6):
            web.report(now - 20 + number, boot="new", cpu_used_percent=1.0)
            web.report(now - 29 + number, boot="old", cpu_used_percent=1.0)
        for number in range(6):  # started again and again
            web.report(now - 10 + number, boot=f"boot {number}", cpu_used_percent=1.0)
    finally:
        journal._listeners.remove(fresh.take)
    assert fresh.found == set()


def test_an_older_agent_is_shown_as_outdated(machine: Make, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    web = machine()
    place = f"/api/v1/servers/{web.server.uuid}"
    monkeypatch.setattr(versions, "own_version", lambda: "1.10.0")
    for told, outdated in (("1.9.3", True), ("1.10.0", False), ("2.0.0", False), ("test\0", False)):
        web.post({"agent": told, "samples": []})
        tend()
        assert api().get(place).json()["agent"] == {"version": told.rstrip("\0"), "outdated": outdated}
    assert Server.objects.get().agent == "test"
    assert versions._parts("1.0.0") < versions._parts("1.10.0")


def test_the_hub_knows_the_version_it_hands_out() -> None:
    assert versions._parts(versions.own_version())


def test_an_enrolment_of_a_stranger_is_not_read_beyond_a_mebibyte(client: Client, db: None) -> None:
    body = b'{"token": "wke_x.y", "hostname": "a", "fingerprint": "b", "facts": {"a": {"b": "%s"}}}'
    for size, status in ((1 << 20, 413), (1000, 401)):
        answer = client.post("/api/v1/enrol", body % (b"x" * size), content_type=JSON)
        assert (answer.status_code, set(answer.json())) == (status, {"error", "detail"})
