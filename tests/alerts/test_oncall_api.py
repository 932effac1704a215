"""Schedules and chains over the API: who is on call, where nobody is, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Audit, Membership, Team, User
from alerts.models import Chain, Override, Rule, Schedule
from core.clock import now
from tests.alerts.people import chain, hook

Person = Callable[..., User]
Api = Callable[..., Client]
JSON = "application/json"


def turns(*people: User, **more: Any) -> dict[str, Any]:
    usual = {"people": [str(one.uuid) for one in people], "starts_on": "2026-01-05", "hand_over": "08:00"}
    return {**usual, **more}


@pytest.fixture
def maria(person: Person) -> User:
    return person(first_name="Maria")


@pytest.fixture
def client(api: Api, maria: User) -> Client:
    return api(maria)


@pytest.fixture
def nights(client: Client, maria: User) -> str:
    body = {"name": "Nights", "zone": "Europe/Copenhagen", "rotations": [turns(maria)]}
    answer = client.post("/api/v1/schedules", body, JSON)
    assert answer.status_code == 201, answer.content
    return f"/api/v1/schedules/{answer.json()['id']}"


def test_rows_of_what_is_changed_in_part_are_given_whole(client: Client, nights: str) -> None:
    answer = client.patch(nights, {"rotations": [{}]}, JSON)
    assert answer.status_code == 400, answer.content
    assert "people" in str(answer.json()["fields"]["rotations"])
    assert client.patch(nights, {"name": "Days"}, JSON).status_code == 200


def test_a_schedule_says_who_is_on_call_now(
    client: Client, nights: str, maria: User, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = client.get(f"{nights}/now").json()
    assert answer == {
        "people": [{"id": str(maria.uuid), "name": "Maria"}], "fallback": False, "until": None, "gaps": [],
        "warnings": [],
    }  # fmt: skip
    ole = person("viewer", first_name="Ole")
    hour = {
        "starts_at": (now() - timedelta(hours=1)).timestamp(),
        "ends_at": (now() + timedelta(hours=1)).isoformat(),
    }
    made = client.post(f"{nights}/overrides", {"user": str(ole.uuid), **hour}, JSON)
    assert made.status_code == 201, made.content
    answer = client.get(f"{nights}/now").json()
    assert answer["people"] == [{"id": str(ole.uuid), "name": "Ole"}]
    assert len(client.get(nights).json()["overrides"]) == 1
    Override.objects.update(starts_at=now() - timedelta(days=2), ends_at=now() - timedelta(days=1))
    assert client.get(nights).json()["overrides"] == [], "what is over is in the plan of its days alone"
    Override.objects.update(ends_at=now() + timedelta(hours=1))
    monkeypatch.setattr("alerts.api.schedules.MOST_OVERRIDES", 1)
    assert client.post(f"{nights}/overrides", {"user": str(ole.uuid), **hour}, JSON).status_code == 409
    answer = client.get(f"{nights}/now").json()
    assert answer["until"] == pytest.approx((now() + timedelta(hours=1)).timestamp(), abs=5)
    assert [one["name"] for one in client.get(nights).json()["overrides"]] == ["Ole"]
    assert client.delete(f"{nights}/overrides/{made.json()['id']}").status_code == 204
    assert client.get(f"{nights}/now").json()["people"][0]["name"] == "Maria"
    assert Audit.objects.filter(action="schedule.override").count() == 2


def test_a_gap_is_said_when_it_is_saved_and_the_fallback_stands_in(client: Client, maria: User) -> None:
    body = {"name": "Work", "rotations": [turns(maria, weekdays=[0, 1, 2, 3, 4])]}
    made = client.post("/api/v1/schedules", body, JSON).json()
    assert "Nobody is on call " in made["warnings"][0]
    assert made["warnings"][0].endswith("Name a fallback; until then the team's default channels are told.")
    url = f"/api/v1/schedules/{made['id']}"
    saved = client.patch(url, {"fallback": str(maria.uuid)}, JSON).json()
    assert saved["warnings"][0].endswith("Maria is told then.")
    assert saved["rotations"] == made["rotations"]
    gap = client.patch(url, {"rotations": []}, JSON).json()
    assert gap["warnings"] == ["Nobody is on call in the coming four weeks. Maria is told then."]
    answer = client.get(f"{url}/now").json()
    assert (answer["people"][0]["name"], answer["fallback"], len(answer["gaps"])) == ("Maria", True, 1)


def test_somebody_who_leaves_makes_a_gap_that_is_said(client: Client, nights: str, person: Person) -> None:
    ole = person(first_name="Ole")
    client.patch(nights, {"rotations": [turns(ole)]}, JSON)
    assert client.get(nights).json()["warnings"] == []
    Membership.objects.filter(user=ole).delete()
    gap, left = client.get(nights).json()["warnings"]
    assert gap.startswith("Nobody is on call in the coming four weeks.")
    assert left == "Somebody in its turns has left the team or was switched off; those turns are gaps."


def test_the_final_plan_of_a_range_names_every_shift(
    client: Client, nights: str, maria: User, person: Person
) -> None:
    ole = person(first_name="Ole")
    client.patch(nights, {"rotations": [turns(maria, ole)]}, JSON)
    start = datetime(2026, 3, 23, 7, tzinfo=UTC)  # a Monday; the clock goes forward on the 29th
    answer = client.get(f"{nights}/shifts?from={start.timestamp()}&to=2026-04-06T06:00:00Z")
    assert answer.status_code == 200, answer.content
    assert [(one["name"], one["end"] - one["start"]) for one in answer.json()] == [
        ("Ole", 7 * 86_400 - 3600), ("Maria", 7 * 86_400),
    ]  # fmt: skip
    client.patch(nights, {"rotations": [turns(maria, ends_on="2026-03-22")]}, JSON)
    gap = client.get(f"{nights}/shifts?from={start.timestamp()}&to=2026-03-24").json()
    assert [(one["user"], one["name"]) for one in gap] == [(None, "")]
    for wrong in ("from=2026-04-06&to=2026-04-05", "from=0&to=2026-01-01", "from=soon", "since=1"):
        assert client.get(f"{nights}/shifts?{wrong}").status_code == 400, wrong


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"rotations": [{"people": []}]}, "rotations"),
        ({"rotations": [{"hand_over": "late"}]}, "rotations"),
        ({"rotations": [{"days": 0}]}, "rotations"),
        ({"rotations": [{"weekdays": [7]}]}, "rotations"),
        ({"rotations": [{"hours_from": "08:00"}]}, "rotations"),
        ({"rotations": [{"ends_on": "2026-01-04"}]}, "rotations"),
        ({"rotations": [{"people": ["5b0f6c1e-0000-4000-8000-000000000000"]}]}, "rotations"),
        ({"rotations": [{"speed": 1}]}, "rotations"),
        ({"fallback": "5b0f6c1e-0000-4000-8000-000000000000"}, "fallback"),
    ],
)
def test_a_wrong_schedule_is_refused_by_its_field(
    client: Client, maria: User, wrong: dict[str, Any], field: str
) -> None:
    if "rotations" in wrong:
        wrong = {"rotations": [turns(maria, **wrong["rotations"][0])]}
    answer = client.post("/api/v1/schedules", {"name": "x", **wrong}, JSON)
    assert answer.status_code == 400
    assert field in answer.json()["fields"]
    assert not Schedule.objects.exists()


def test_an_operator_may_take_over_but_not_plan_and_strangers_see_nothing(
    api: Api, client: Client, nights: str, person: Person, other_team: Team
) -> None:
    operator, viewer, stranger = person("operator"), person("viewer"), person(of=other_team)
    body = {"user": str(operator.uuid), "starts_at": 1_800_000_000, "ends_at": 1_800_003_600}
    assert api(operator).post(f"{nights}/overrides", body, JSON).status_code == 201
    assert api(operator).patch(nights, {"name": "x"}, JSON).status_code == 403
    assert api(viewer).post(f"{nights}/overrides", body, JSON).status_code == 403
    assert api(viewer).get(f"{nights}/now").status_code == 200
    foreign = api(stranger)
    for path in ("", "/now", "/shifts"):
        assert foreign.get(f"{nights}{path}").status_code == 404
    assert foreign.post(f"{nights}/overrides", body, JSON).status_code == 404
    for wrong in ({"user": str(stranger.uuid)}, {"ends_at": 1_800_000_000}, {"ends_at": 1_900_000_000}, {"x": 1}):
        assert client.post(f"{nights}/overrides", {**body, **wrong}, JSON).status_code == 400, wrong


def test_a_chain_is_kept_with_ids_of_its_team_alone(
    client: Client, nights: str, maria: User, person: Person, team: Team, other_team: Team
) -> None:
    stranger, foreign = person(of=other_team), hook(other_team, name="foreign")
    steps = [
        {"kind": "wait", "seconds": 300}, {"kind": "person", "person": str(maria.uuid), "important": True},
        {"kind": "on_call", "schedule": nights.rsplit("/", 1)[1]},
        {"kind": "channel", "channel": str(hook(team).uuid)},
        {"kind": "raise"}, {"kind": "team"}, {"kind": "repeat", "times": 3},
    ]  # fmt: skip
    made = client.post("/api/v1/chains", {"name": "Night", "default": True, "steps": steps}, JSON)
    assert made.status_code == 201, made.content
    assert made.json()["steps"] == steps
    second = client.post("/api/v1/chains", {"name": "Day", "default": True, "steps": [{"kind": "team"}]}, JSON).json()
    assert list(Chain.objects.filter(default=True).values_list("name", flat=True)) == ["Day"]
    for strange in (
        {"kind": "person", "person": str(stranger.uuid)}, {"kind": "channel", "channel": str(foreign.uuid)},
        {"kind": "channel", "channel": str(hook(owner=maria, name="own").uuid)}, {"kind": "person", "person": "me"},
        {"kind": "on_call", "schedule": str(foreign.uuid)},
    ):  # fmt: skip
        answer = client.patch(f"/api/v1/chains/{second['id']}", {"steps": [{"kind": "team"}, strange]}, JSON)
        assert answer.status_code == 400, strange
        assert answer.json()["fields"]["steps"][0].startswith("Step 2: the team has no such ")
    assert client.patch(f"/api/v1/chains/{second['id']}", {"unacknowledge": True}, JSON).json()["unacknowledge"]
    assert client.post("/api/v1/chains", {"name": "Day", "steps": [{"kind": "team"}]}, JSON).status_code == 400
    assert client.delete(nights).json()["error"] == "in_use"
    assert set(Audit.objects.values_list("action", flat=True)) >= {"chain.add", "chain.change", "schedule.add"}


def test_a_channel_that_a_chain_tells_stays(client: Client, team: Team) -> None:
    ops = hook(team, name="ops")
    made = chain(team, {"kind": "channel", "channel": str(ops.uuid)})
    assert client.delete(f"/api/v1/channels/{ops.uuid}").json()["error"] == "in_use"
    made.delete()
    assert client.delete(f"/api/v1/channels/{ops.uuid}").status_code == 204


def test_a_chain_that_rules_name_stays(client: Client, team: Team) -> None:
    made = chain(team, {"kind": "team"})
    rule = Rule.objects.create(team=team, name="hot", metric="cpu", critical=95, notify=[{"chain": str(made.uuid)}])
    answer = client.delete(f"/api/v1/chains/{made.uuid}")
    assert (answer.status_code, answer.json()["error"]) == (409, "in_use")
    rule.delete()
    assert client.delete(f"/api/v1/chains/{made.uuid}").status_code == 204


def test_chains_of_others_are_like_absent_ones_and_lookers_do_not_change_them(
    api: Api, team: Team, person: Person, other_team: Team
) -> None:
    made = chain(team, {"kind": "team"})
    url = f"/api/v1/chains/{made.uuid}"
    stranger, operator = api(person(of=other_team)), api(person("operator"))
    assert stranger.get(url).status_code == stranger.delete(url).status_code == 404
    assert operator.get(url).status_code == 200
    assert operator.patch(url, {"name": "x"}, JSON).status_code == 403


def test_whoever_may_look_alone_is_named_when_they_are_to_be_called(
    team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    admin, bob = person(), person("viewer", first_name="Bob")
    said = "Bob may look but not acknowledge: their messages carry no button."
    client = api(admin)

    def made(path: str, **body: Any) -> dict[str, Any]:
        reply = client.post(f"/api/v1/{path}", body, content_type="application/json")
        assert reply.status_code == 201, reply.content
        return dict(reply.json())

    turn = {"people": [str(bob.uuid)], "starts_on": "2026-01-01", "hand_over": "09:00"}
    schedule = made("schedules", name="Week", zone="UTC", rotations=[turn], fallback=str(admin.uuid))
    assert schedule["warnings"] == [said]
    both = [{"kind": "person", "person": str(admin.uuid)}, {"kind": "person", "person": str(bob.uuid)}]
    assert made("chains", name="One", steps=both)["warnings"] == [said]
    asked = [{"kind": "on_call", "schedule": schedule["id"]}]
    assert made("chains", name="Two", steps=asked)["warnings"] == [said]
    assert made("chains", name="Three", steps=both[:1])["warnings"] == []
    client = api(bob)
    assert made("ways", kind="email", address="bob@example.org")["warnings"] == [said]
