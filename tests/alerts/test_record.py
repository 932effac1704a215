"""The record over the API: who may read what, by which filters, as a timeline and as a table."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.models import Channel, Delivery, Incident, Notice, Silence
from alerts.services import people
from core.clock import now
from tests.alerts.people import NIGHT, rests, trouble
from tests.alerts.stage import Stage


@pytest.fixture
def stage(team: Team) -> Stage:
    made = Stage(team)
    made.hook()
    return made


@pytest.fixture
def told(stage: Stage) -> Stage:
    """One that is over, one that is open, on two servers."""
    first, second = stage.rule("First", group_wait=0), stage.rule("Second", group_wait=0)
    stage.fire(first, "web-1", "=cmd|' /C calc'!A0")
    stage.fire(second, "web-1", value=85)
    stage.at(5).end(first, "web-1")
    stage.at(10)
    Delivery.objects.update(state="sent", attempts=1, sent_at=stage.now, answer="200 OK")
    return stage


def got(client: Client, path: str) -> list[dict[str, Any]]:
    reply = client.get(f"/api/v1/{path}")
    assert reply.status_code == 200, reply.content
    return list(reply.json()["results"])


def test_incidents_are_found_by_what_one_asks(told: Stage, api: Callable[..., Client]) -> None:
    client = api()
    web = told.servers["web-1"].uuid
    counts = {
        "": 3, "state=open": 2, "state=resolved": 1, "state=standing": 2, "state=acknowledged": 0, "severity=warn": 1,
        f"server={web}": 2, f"server={web}&state=resolved": 1, f"since={told.now.timestamp() + 1}": 0,
        f"since={told.now.timestamp() - 6}": 1, "team=Main": 3, "team=Nobody": 0,
        f"rule={Incident.objects.filter(severity='warn').get().rule.uuid}": 1,  # type: ignore[union-attr]
    }  # fmt: skip
    assert {query: len(got(client, f"incidents?{query}")) for query in counts} == counts
    for wrong in ("state=nonsense", "server=1", "since=never", "severity=9"):
        assert client.get(f"/api/v1/incidents?{wrong}").status_code == 400


def test_notices_are_found_by_what_one_asks(told: Stage, api: Callable[..., Client]) -> None:
    client = api()
    hook, at = Channel.objects.get().uuid, told.now.timestamp()
    counts = {
        "": 4, "kind=resolved": 1, f"channel={hook}": 4, "state=sent": 4, "state=dead": 0, "state=held": 0,
        f"from={at - 6}": 1, f"to={at - 6}": 3, f"server={told.servers['web-1'].uuid}": 3,
        f"incident={Incident.objects.exclude(resolved_at=None).get().uuid}": 2,
    }  # fmt: skip
    assert {query: len(got(client, f"notices?{query}")) for query in counts} == counts
    assert got(client, "notices")[0]["deliveries"][0]["answer"] == "200 OK"
    assert client.get("/api/v1/notices?kind=nonsense").status_code == 400


def test_nobody_reads_another_teams_record(
    told: Stage, api: Callable[..., Client], person: Callable[..., User], other_team: Team
) -> None:
    stranger = api(person("admin", other_team))
    incident = Incident.objects.first()
    assert incident is not None
    assert got(stranger, "notices") == got(stranger, "incidents") == []
    assert stranger.get("/api/v1/notices?format=csv").content.count(b"\n") == 1
    for verb in ("acknowledge", "unacknowledge", "resolve", "note"):
        reply = stranger.post(f"/api/v1/incidents/{incident.uuid}/{verb}", {}, content_type="application/json")
        assert reply.status_code == 404
    assert stranger.get(f"/api/v1/incidents/{incident.uuid}/timeline").status_code == 404
    viewer = api(person("viewer"))
    assert viewer.post(f"/api/v1/incidents/{incident.uuid}/acknowledge").status_code == 403


def test_the_table_holds_no_formula(told: Stage, api: Callable[..., Client]) -> None:
    reply = api().get("/api/v1/notices?format=csv&kind=firing")
    assert reply["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(reply.content.decode().splitlines()))
    assert len(lines) == 3
    assert {line["server"] for line in lines} == {"web-1", "'=cmd|' /C calc'!A0"}
    assert {(line["channel"], line["delivery"], line["answer"]) for line in lines} == {("hook", "sent", "200 OK")}
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line.values())
    assert {line["value"] for line in lines} == {"99", "85"}


def test_a_persons_address_is_their_own(told: Stage, api: Callable[..., Client], person: Callable[..., User]) -> None:
    owner = person()
    own = Channel(owner=owner, name="phone", kind="sms")
    own.config = {}
    own.save()
    Delivery.objects.filter(notice__kind="resolved").update(channel=own, recipient="+4512345678", person=owner)
    client = api()
    texts = [client.get(f"/api/v1/notices{query}").content.decode() for query in ("", "?format=csv")]
    texts.append(client.get(f"/api/v1/incidents/{_over().uuid}/timeline").content.decode())
    for text in texts:
        assert "4512345678" not in text
        assert owner.email in text


def _over() -> Incident:
    return Incident.objects.exclude(resolved_at=None).get()


def test_the_timeline_says_all_that_happened(told: Stage, api: Callable[..., Client]) -> None:
    entries = api().get(f"/api/v1/incidents/{_over().uuid}/timeline").json()
    assert [(entry["entry"], entry["kind"], entry["state"]) for entry in entries] == [
        ("notice", "firing", "told"), ("notice", "resolved", "told"),
        ("delivery", "firing", "sent"), ("delivery", "resolved", "sent"),
    ]  # fmt: skip
    assert {entry["result"] for entry in entries if entry["entry"] == "delivery"} == {"200 OK"}


def test_verbs_of_an_incident(told: Stage, api: Callable[..., Client], person: Callable[..., User]) -> None:
    user = person("operator")
    client, incident = api(user), Incident.objects.filter(severity="warn").get()

    def do(verb: str, **body: Any) -> Any:
        return client.post(f"/api/v1/incidents/{incident.uuid}/{verb}", body, content_type="application/json")

    assert do("acknowledge", until=(now() - timedelta(hours=1)).isoformat()).status_code == 400
    assert do("acknowledge", how="until").status_code == 400
    assert do("acknowledge", how="forever").status_code == 400
    shown = do("acknowledge", how="sticky", reason="on it").json()
    assert (shown["state"], shown["owner"], shown["acknowledged_how"], shown["acknowledged_over"]) == (
        "acknowledged", user.email, "sticky", "api",
    )  # fmt: skip
    assert do("note", text="  ").status_code == 400
    assert do("note", text="disk replaced").status_code == 200
    assert do("unacknowledge").json()["state"] == "open"
    assert do("resolve").json()["state"] == "resolved"
    kinds = Notice.objects.filter(incident=incident).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["firing", "acknowledged", "note", "unacknowledged", "resolved"]


def test_what_was_held_says_why_and_when_it_was_told(stage: Stage, api: Callable[..., Client]) -> None:
    rule = stage.rule("First", group_wait=0)
    end = stage.now + timedelta(minutes=10)
    Silence.objects.create(team=stage.team, rule=rule, starts_at=stage.now, ends_at=end, reason="moving", owner=None)
    stage.fire(rule, "web-1")
    stage.at(1)
    where = f"/api/v1/incidents/{Incident.objects.get().uuid}/timeline"
    [entry] = api().get(where).json()
    assert (entry["state"], entry["told_at"]) == ("held", None)
    assert "moving" in entry["held"]
    why = entry["held"]
    stage.at(1200)
    entry = api().get(where).json()[0]
    assert (entry["state"], entry["result"], entry["held"]) == ("told", "", why)
    assert entry["told_at"] > entry["at"]


def test_a_delivery_that_waits_for_the_end_of_quiet_hours_says_so(
    team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    user = person()
    rests(user)
    incident = trouble(team, NIGHT)
    notice = Notice.objects.create(incident=incident, kind="firing", at=NIGHT, told_at=NIGHT, text="x")
    [reach] = people.ways(user, "warn", NIGHT)
    common = {"notice": notice, "person": user, "channel": reach.channel}
    one = Delivery.objects.create(**common, recipient="a", due_at=reach.due_at)
    Delivery.objects.create(**common, recipient="b", due_at=NIGHT)

    def said() -> list[str]:
        entries = api().get(f"/api/v1/incidents/{incident.uuid}/timeline").json()
        return sorted(entry["held"] for entry in entries if entry["entry"] == "delivery")

    assert said() == ["", "waits for the end of quiet hours"]
    Delivery.objects.filter(pk=one.pk).update(state="sent", sent_at=reach.due_at)
    assert said() == ["", "waited for the end of quiet hours"]


def test_a_strangers_method_finds_nothing_and_an_unknown_one_is_not_known(
    told: Stage, api: Callable[..., Client], person: Callable[..., User], other_team: Team
) -> None:
    where = f"/api/v1/incidents/{_over().uuid}"
    for user in (person("viewer", other_team), person("admin", other_team)):
        stranger = api(user)
        for method in ("get", "patch", "put", "delete", "post"):
            assert getattr(stranger, method)(where).status_code == 404, method
        assert stranger.post(f"{where}/acknowledge").status_code == 404
    viewer = api(person("viewer"))
    assert [viewer.get(where).status_code, viewer.patch(where).status_code] == [200, 405]
    assert viewer.post(f"{where}/acknowledge").status_code == 403
    assert Client().patch(where).status_code == 401
