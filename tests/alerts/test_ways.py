"""How a person is told: over their own channels, by severity, after a while, at night only of the worst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Audit, Team, User
from alerts.models import Channel, Preference, Way
from alerts.services import own, people
from tests.alerts.people import NIGHT, NOON, hook, mail, rests, way

Person = Callable[..., User]
Api = Callable[..., Client]
JSON = "application/json"


def reached(user: User, severity: str, now: object = NOON) -> list[tuple[str, float]]:
    """Over what, and how many seconds later."""
    found = people.ways(user, severity, now)  # type: ignore[arg-type]
    return [(one.channel.name, (one.due_at - now).total_seconds()) for one in found]  # type: ignore[operator]


def test_ways_are_followed_in_order_by_severity_and_after_their_delay(person: Person) -> None:
    user = person()
    phone, desk = hook(owner=user, name="phone"), hook(owner=user, name="desk")
    way(user, phone, severity="critical", place=2, after=300)
    way(user, desk, severity="warn", place=1)
    assert reached(user, "warn") == [("desk", 0)]
    assert reached(user, "critical") == [("desk", 0), ("phone", 300)]


def test_a_channel_named_twice_is_used_at_the_sooner_time(person: Person) -> None:
    user = person()
    phone = hook(owner=user, name="phone")
    way(user, phone, severity="warn", after=900)
    way(user, phone, severity="critical", after=0, place=1)
    assert reached(user, "warn") == [("phone", 900)]
    assert reached(user, "critical") == [("phone", 0)]


def test_at_night_a_warning_waits_for_the_morning_and_the_worst_does_not(person: Person) -> None:
    user = person()
    rests(user)
    way(user, hook(owner=user, name="phone"))
    way(user, hook(owner=user, name="later"), after=600)
    four_hours = 4 * 3600
    assert reached(user, "warn", NIGHT) == [("phone", four_hours), ("later", four_hours + 600)]
    assert reached(user, "critical", NIGHT) == [("phone", 0), ("later", 600)]
    assert reached(user, "warn", NOON) == [("phone", 0), ("later", 600)]


def test_a_delay_that_ends_in_quiet_hours_waits_for_their_end(person: Person) -> None:
    user = person()
    rests(user)
    way(user, hook(owner=user, name="phone"), after=3600)
    just_before = NIGHT - timedelta(hours=5, minutes=30)  # 21:30
    assert reached(user, "warn", just_before) == [("phone", 9.5 * 3600)]


def test_whoever_chose_nothing_is_told_by_mail_to_their_address(person: Person) -> None:
    user = person()
    found = people.ways(user, "warn", NOON)
    assert [(one.channel.kind, one.recipient, one.due_at) for one in found] == [("email", user.email, NOON)]
    assert people.ways(user, "warn", NOON)[0].channel == found[0].channel
    user.email = "new@example.org"
    user.save()
    assert people.ways(user, "warn", NOON)[0].channel.config == {"to": ["new@example.org"]}


def test_the_last_way_to_somebody_leads_to_them_whatever_they_made_of_it(person: Person) -> None:
    user = person()
    taken = hook(owner=user, name=people.ADDRESS)
    first = people.own_address(user)
    assert (first.kind, first.config, first == taken) == ("email", {"to": [user.email]}, False)
    Channel.objects.filter(pk=first.pk).update(enabled=False)
    assert people.own_address(user).enabled


@pytest.mark.parametrize("why", ["only critical", "switched off"])
def test_what_no_way_fits_goes_by_mail_and_is_not_lost(person: Person, why: str) -> None:
    user = person()
    off = why == "switched off"
    way(user, hook(owner=user, name="phone", enabled=not off), severity="warn" if off else "critical")
    assert reached(user, "warn") == [(people.ADDRESS, 0)]


def test_who_is_switched_off_is_not_told(person: Person) -> None:
    assert people.ways(person(is_active=False), "critical", NOON) == []


def test_only_active_people_who_may_look_at_the_team_may_be_told(
    person: Person, team: Team, other_team: Team
) -> None:
    viewer, admin = person("viewer"), person()
    stranger, gone = person(of=other_team), person(is_active=False)
    owner = User.objects.create(email="owner@example.org", is_superuser=True)
    assert set(people.tellable(team)) == {viewer, admin, owner}
    assert [people.may_be_told(one, team) for one in (viewer, owner, stranger, gone, None)] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert people.on_duty(team) == [admin]
    assert people.on_duty(other_team) == [stranger]


def test_a_way_and_its_channel_are_made_in_one_go(api: Api, person: Person) -> None:
    user = person("viewer")
    client = api(user)
    body = {"kind": "email", "address": "phone@example.org", "severity": "critical", "after": 60}
    made = client.post("/api/v1/ways", body, JSON)
    assert made.status_code == 201, made.content
    answer = made.json()
    assert (answer["over"], answer["to"], answer["after"], answer["place"]) == ("email", "phone@example.org", 60, 0)
    assert "address" not in answer
    again = client.post("/api/v1/ways", {**body, "severity": "warn", "after": 0}, JSON).json()
    assert (again["channel"], again["place"]) == (answer["channel"], 1)
    assert client.post("/api/v1/ways", body, JSON).status_code == 409
    assert Channel.objects.get().owner == user
    assert reached(user, "critical") == [("E-mail", 0)]
    url = f"/api/v1/ways/{answer['id']}"
    assert client.patch(url, {"after": 5, "place": 7}, JSON).json()["after"] == 5
    assert client.patch(url, {"address": "x@example.org"}, JSON).status_code == 400
    assert client.delete(url).status_code == 204
    assert [way_.severity for way_ in Way.objects.all()] == ["warn"]
    assert set(Audit.objects.values_list("action", flat=True)) >= {
        "channel.add",
        "way.add",
        "way.change",
        "way.remove",
    }


@pytest.mark.parametrize(
    ("kind", "address", "config"),
    [
        ("sms", "+4520123456", {"to": ["+4520123456"]}),
        ("slack", "https://hooks.slack.com/services/x", {"url": "https://hooks.slack.com/services/x"}),
        ("slack", "@maria", {"channel": "@maria"}),
        ("webhook", "https://example.org/x", {"url": "https://example.org/x"}),
    ],
)
def test_an_address_alone_is_enough_for_every_kind(kind: str, address: str, config: dict[str, object]) -> None:
    assert own.config_of(kind, address) == config


def test_a_way_that_would_stand_twice_is_refused_in_words_of_ways(api: Api, person: Person) -> None:
    user = person()
    client, body = api(user), {"kind": "email", "address": user.email}
    first = client.post("/api/v1/ways", body, JSON).json()
    client.post("/api/v1/ways", body | {"severity": "critical"}, JSON)
    answer = client.patch(f"/api/v1/ways/{first['id']}", {"severity": "critical"}, JSON)
    assert (answer.status_code, answer.json()["error"]) == (409, "taken")
    assert "from this severity on already" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "non_field_errors"),
        ({"kind": "pigeon", "address": "x"}, "kind"),
        ({"kind": "email", "address": "not an address"}, "address"),
        ({"kind": "sms", "address": "20 12 34 56"}, "address"),
        ({"kind": "push", "address": "my phone"}, "address"),
        ({"kind": "email"}, "address"),
        ({"kind": "webhook", "address": "ftp://example.org"}, "address"),
        ({"kind": "webhook", "config": {"uri": "https://example.org"}}, "config"),
        ({"kind": "email", "address": "a@example.org", "severity": "worst"}, "severity"),
        ({"kind": "email", "address": "a@example.org", "after": 86_401}, "after"),
        ({"kind": "email", "address": "a@example.org", "prio": 1}, "prio"),
    ],
)
def test_a_wrong_way_is_refused_by_its_field(api: Api, body: dict[str, object], field: str) -> None:
    answer = api().post("/api/v1/ways", body, JSON)
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["fields"]
    assert not Way.objects.exists()


def test_a_persons_ways_and_channels_are_nobody_elses_business(api: Api, person: Person, team: Team) -> None:
    user, other = person(), person()
    mine = way(user, mail(user))
    client = api(other)
    assert client.get("/api/v1/ways").json()["count"] == 0
    assert client.delete(f"/api/v1/ways/{mine.uuid}").status_code == 404
    assert client.post("/api/v1/ways", {"channel": str(mine.channel.uuid)}, JSON).status_code == 400
    assert client.post("/api/v1/ways", {"channel": str(hook(team).uuid)}, JSON).status_code == 400
    boss = api(User.objects.create(email="owner@example.org", is_superuser=True))
    assert boss.get("/api/v1/ways").json()["count"] == 0


def test_preferences_are_ones_own_and_checked(api: Api, person: Person) -> None:
    user = person("viewer")
    client = api(user)
    assert client.get("/api/v1/preferences").json()["zone"] == "UTC"
    wish = {"language": "da", "zone": "Europe/Copenhagen", "quiet_from": "22:00", "quiet_until": "07:00"}
    assert client.put("/api/v1/preferences", wish, JSON).status_code == 200
    assert client.patch("/api/v1/preferences", {"quiet_days": [6, 0, 6]}, JSON).json()["quiet_days"] == [0, 6]
    row = Preference.objects.get()
    assert (row.user, row.user.language, row.user.zone) == (user, "da", "Europe/Copenhagen")
    for wrong in (
        {"zone": "Europe/Nowhere"}, {"zone": "../etc/passwd"}, {"quiet_until": None}, {"quiet_days": [7]},
        {"language": "tlh"}, {"quiet_until": "22:00", "quiet_days": []}, {"user": 1}, {"quiet_from": "25:00"},
    ):  # fmt: skip
        answer = client.patch("/api/v1/preferences", wrong, JSON)
        assert answer.status_code == 400, wrong
    assert api(person()).get("/api/v1/preferences").json()["zone"] == "UTC"
    assert Audit.objects.filter(action="preference.change", user=user).count() == 2


def test_people_of_ones_teams_are_listed_and_no_others(api: Api, person: Person, other_team: Team) -> None:
    user, stranger = person("viewer"), person(of=other_team)
    names = {one["email"] for one in api(user).get("/api/v1/people").json()["results"]}
    assert user.email in names
    assert stranger.email not in names


def test_a_token_needs_the_scope(api: Api) -> None:
    assert api(scopes=["rules:write"]).get("/api/v1/ways").status_code == 403
    assert api(scopes=["people:read"]).get("/api/v1/ways").status_code == 200
    assert api(scopes=["people:read"]).put("/api/v1/preferences", {}, JSON).status_code == 403


def test_a_way_is_tried_at_once_and_its_failure_is_said(api: Api, person: Person, team: Team) -> None:
    user = person("viewer")
    mine = way(user, hook(owner=user, name="phone"))
    mine.channel.config = {"url": "http://127.0.0.1:9/x"}
    mine.channel.save()
    answer = api(user).post(f"/api/v1/ways/{mine.uuid}/test")
    assert (answer.status_code, answer.json()["error"]) == (502, "not_delivered")
    assert "WATCHKEEPER_OUTGOING_ALLOW" in answer.json()["detail"]
    assert api(person()).post(f"/api/v1/ways/{mine.uuid}/test").status_code == 404


def test_only_who_manages_may_reach_into_networks_by_a_channel_of_their_own(
    api: Api, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = "http://10.0.0.1/x"
    wishes: list[dict[str, object]] = [
        {"kind": "webhook", "address": inner}, {"kind": "slack", "address": inner},
        {"kind": "teams", "address": "https://10.0.0.1/x"}, {"kind": "apprise", "address": "json://10.0.0.1/"},
        {"kind": "email", "config": {"to": ["a@example.org"], "server": "smtp://10.0.0.1"}},
    ]  # fmt: skip
    operator, admin = api(person("operator")), api(person())
    for wish in wishes:
        answer = operator.post("/api/v1/ways", wish, JSON)
        assert answer.status_code == 400, wish
        assert "ask an admin" in answer.json()["fields"]["kind"][0]
        own = {"own": True, "name": "mine", "kind": wish["kind"], "config": wish.get("config", {"url": inner})}
        assert operator.post("/api/v1/channels", own, JSON).status_code == 400
    assert not Channel.objects.exists()
    assert operator.post("/api/v1/ways", {"kind": "sms", "address": "+4520123456"}, JSON).status_code == 201
    assert "WATCHKEEPER_OUTGOING_ALLOW" in admin.post("/api/v1/ways", wishes[0], JSON).json()["detail"]
    monkeypatch.setattr(settings, "ENV", replace(settings.ENV, outgoing_allow=("10.0.0.0/8",)))
    assert admin.post("/api/v1/ways", wishes[0], JSON).status_code == 201
