"""The pages on which alerts are set up and answered: what they give, to whom, and what they keep to themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.base import narrow
from accounts.models import Membership, Team, User
from alerts.models import Alert, Chain, Channel, Delivery, Incident, Notice, Rule, Schedule, Silence, Step, Way
from core.clock import now
from dashboards.alerting import incidents, story
from dashboards.alerting.sentences import sentence
from dashboards.alerting.views import selectors
from metrics.models import Series
from servers.models import Server

Person = Callable[..., User]
ID = "00000000-0000-4000-8000-00000000000"
PAGES = ("/rules/new/", "/channels/", "/silences/", "/on-call/", "/me/notifications/")


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def props(client: Client, page: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(page, headers={"accept": "application/json"}).json()
    return found


def channel(team: Team | None = None, name: str = "Ops", owner: User | None = None, **fields: Any) -> Channel:
    made = Channel(team=team, owner=owner, name=name, kind="webhook", **fields)
    made.config = {"url": "https://example.org/hook", "secret": "s3cret-of-the-hook"}
    made.save()
    return made


def incident(team: Team, key: str = "k", **fields: Any) -> Incident:
    return Incident.objects.create(team=team, key=key, title=key, severity="warn", opened_at=now(), **fields)


def hot(team: Team, **fields: Any) -> Rule:
    return Rule.objects.create(
        **{"team": team, "name": "CPU hot", "metric": "cpu_used_percent", "critical": 95, **fields}
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"selector": "tag:db", "for_seconds": 300}, "When CPU used on tag:db is above 95 % for 5 min, tell Night"),
        (
            {"metric": "load1", "critical": 6, "params": {"per": "cores"}},
            "When Load over 1 minute per core on every server is above 6, tell Night",
        ),
        ({"warn": 85}, "When CPU used on every server is above 95 % (warning: 85 %), tell Night"),
        (
            {"kind": "change", "op": "below", "critical": 50, "params": {"window": 3600, "percent": True}},
            "When CPU used on every server falls by more than 50 % within 1 h, tell Night",
        ),
        (
            {"kind": "past", "critical": 40, "params": {"against": "week"}},
            "When CPU used on every server is 40 % above the same time of last week, tell Night",
        ),
        (
            {"kind": "no_data", "metric": "", "critical": None, "for_seconds": 90, "selector": "role:web"},
            "When a server of role:web sends nothing for 90 s, tell Night",
        ),
        (
            {
                "kind": "forecast", "metric": "forecast_seconds_left", "labels": {"metric": "disk_used_percent"},
                "op": "below", "critical": 14400,
            },
            "When Disk used on every server is forecast to run out within 4 h, tell Night",
        ),
        (
            {"kind": "composite", "metric": "", "critical": None, "params": {"rules": f"{ID}1 and not {ID}2"}},
            'When "Other" and not "a removed rule" hold on a server, tell Night',
        ),
        ({"notify": []}, "When CPU used on every server is above 95 %, tell the usual people"),
        (
            {"metric": "check_up", "labels": {"kind": "!heartbeat"}, "op": "below", "critical": 0.5},
            "When a check on any server fails, tell Night",
        ),
    ],
)  # fmt: skip
def test_a_rule_is_told_as_one_sentence(fields: dict[str, Any], said: str) -> None:
    plain = {"metric": "cpu_used_percent", "critical": 95, "notify": [{"chain": "n"}]}
    assert sentence(Rule(**{**plain, **fields}), {"n": "Night"}, {f"{ID}1": "Other"}) == said.replace(" %", "\u00a0%")


def test_the_list_of_rules_shows_faults_and_lets_only_those_change_who_may(
    team: Team, other_team: Team, person: Person
) -> None:
    made = hot(team, fault="No server tells it.")
    hot(other_team, name="Foreign")
    page = as_(person()).get("/rules/").content.decode()
    assert f'id="rule-{made.uuid}"' in page, "the form leads back to its place in the list"
    assert "When CPU used on every server is above 95\u00a0%" in page
    assert "Cannot be judged: No server tells it." in page
    assert "Foreign" not in page
    assert 'role="switch"' in page
    looking = as_(person("viewer")).get("/rules/").content.decode()
    assert "CPU hot" in looking
    assert 'role="switch"' not in looking
    assert "New rule" not in looking


def test_without_rules_the_page_tells_the_next_step(person: Person) -> None:
    assert "Make the first rule" in as_(person()).get("/rules/").content.decode()
    assert "Ask an admin" in as_(person("viewer")).get("/rules/").content.decode()


def test_the_editor_gets_the_body_that_the_api_takes(team: Team, other_team: Team, person: Person) -> None:
    rule, foreign = hot(team, for_seconds=60), hot(other_team)
    client = as_(person())
    given = props(client, f"/rules/{rule.uuid}/edit/")
    assert given["rule"]["for"] == 60
    assert given["manages"] == ["Main"]
    assert {"name": "cpu_used_percent", "title": "CPU used"}.items() <= given["metrics"][0].items()
    answer = client.patch(
        f"/api/v1/rules/{rule.uuid}", {"for": given["rule"]["for"] + 60}, content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    assert client.get(f"/rules/{foreign.uuid}/edit/").status_code == 404
    assert props(client, "/rules/new/?selector=tag:db")["start"]["selector"] == "tag:db"


@pytest.mark.parametrize("page", PAGES[1:])
def test_every_page_opens_for_a_viewer_who_may_change_nothing(person: Person, page: str) -> None:
    client = as_(person("viewer"))
    assert client.get(page).status_code == 200
    given = props(client, page)
    assert given["acts"] == given["manages"] == []
    assert Client().get(page).status_code == 302


def test_channels_show_their_health_and_never_their_secrets(team: Team, other_team: Team, person: Person) -> None:
    hook, admin = channel(team, fault="Revoked.", failures=3), person()
    channel(other_team, "Foreign")
    channel(None, "Bo's own", owner=person())
    notice = Notice.objects.create(incident=incident(team), kind="firing", at=now(), text="x")
    Delivery.objects.create(notice=notice, channel=hook, state="dead", due_at=now())
    page = as_(admin).get("/channels/").content.decode()
    assert "s3cret" not in page
    (shown,) = props(as_(admin), "/channels/")["channels"]
    assert (shown["fault"], shown["failures"], shown["dead"]) == ("Revoked.", 3, 1)


def test_a_silence_says_whether_it_mutes_now_and_when_next(team: Team, person: Person) -> None:
    at = now()
    common = {"team": team, "zone": "Europe/Copenhagen"}
    hour = timedelta(hours=1)
    Silence.objects.create(**common, reason="now", starts_at=at - hour, ends_at=at + hour)
    Silence.objects.create(**common, reason="over", starts_at=at - 2 * hour, ends_at=at - hour)
    daily = {"rrule": "FREQ=DAILY", "duration": 3600}
    Silence.objects.create(**common, reason="daily", starts_at=at - timedelta(days=3, hours=5), **daily)
    found = {one["reason"]: one for one in props(as_(person()), "/silences/")["silences"]}
    assert found["now"]["on"] is True
    assert (found["over"]["over"], found["over"]["window"]) == (True, None)
    assert found["daily"]["on"] is False
    assert found["daily"]["window"][0] > at.timestamp()


def test_who_is_on_call_comes_with_chains_and_people_of_the_team(team: Team, person: Person) -> None:
    admin = person()
    plan = Schedule.objects.create(team=team, name="Database", fallback=admin)
    turn = {"people": [str(admin.uuid)], "starts_on": now().date(), "hand_over": time(9, 0)}
    plan.rotations.create(**turn)
    plan.overrides.create(user=admin, starts_at=now(), ends_at=now() + timedelta(hours=1))
    Chain.objects.create(team=team, name="Night", steps=[{"kind": "team"}])
    given = props(as_(admin), "/on-call/")
    assert given["schedules"][0]["rotations"][0]["hand_over"] == "09:00"
    assert given["schedules"][0]["overrides"][0]["user"] == str(admin.uuid)
    assert {one["kind"] for one in given["targets"]} == {"chain", "person"}


def test_my_notifications_are_mine_alone(person: Person) -> None:
    me, bo = person(), person()
    for user in (me, bo):
        Way.objects.create(user=user, channel=channel(None, f"of {user}", owner=user))
    given = props(as_(me), "/me/notifications/")
    assert len(given["ways"]) == 1
    assert [one["name"] for one in given["channels"]] == [f"of {me}"]
    assert given["preference"]["zone"] == "UTC"


def held(team: Team, count: int) -> Incident:
    row = incident(team, "Many")
    series = Series.objects.create(metric="cpu_used_percent", labels="")
    rule = hot(team)
    for number in range(count):
        name = f"web-{number:02}"
        server = Server.objects.create(team=team, name=name, fingerprint=name, number=number + 1)
        alert = Alert.objects.create(
            rule=rule, server=server, series=series, incident=row, state="firing", value=97, limit=95, since=1,
            judged=2, severity="critical" if number == 7 else "warn",
        )  # fmt: skip
        Notice.objects.create(incident=row, alert=alert, kind="firing", transition=1, at=now(), text=server.name)
    return row


def test_the_page_of_a_server_tells_a_group_by_its_own_part(team: Team, person: Person) -> None:
    held(team, 9)
    (server,) = Server.objects.filter(name="web-03")
    (told,) = props(as_(person()), f"/servers/{server.uuid}/")["incidents"]
    assert told["title"].endswith(" on web-03")
    assert (told["server"]["name"], told["began"], told["members"]) == ("web-03", 0.001, 9)


def test_an_incident_shows_its_worst_member_first_and_all_on_demand(
    team: Team, other_team: Team, person: Person
) -> None:
    row, client = held(team, 25), as_(person())
    given = props(client, f"/incidents/{row.uuid}/")
    assert given["incident"]["members"] == given["incident"]["open"] == 25
    assert given["incident"]["server"]["name"] == "web-07"
    assert len(given["members"]) == 20
    assert given["members"][0]["server"]["name"] == "web-07"
    assert len(props(client, f"/incidents/{row.uuid}/members/")["members"]) == 25
    stranger = as_(person("admin", of=other_team))
    assert stranger.get(f"/incidents/{row.uuid}/members/").status_code == 404


def test_however_many_alerts_it_holds_an_incident_costs_the_same_questions(team: Team) -> None:
    row = held(team, 12)
    with CaptureQueriesContext(connection) as many:
        incidents.incident(Incident.objects.get(pk=row.pk))
    with CaptureQueriesContext(connection) as few:
        incidents.incident(incident(team, "Few"))
    assert len(many) <= len(few) + 4  # one speaks for all: its rule, server and series


def test_the_timeline_folds_what_one_message_told_and_shows_each_answer(team: Team, person: Person) -> None:
    row = held(team, 3)
    bo = person()
    bundle = Notice.objects.create(incident=row, kind="firing", at=now(), text="3 servers", told_at=now())
    Notice.objects.filter(incident=row).exclude(pk=bundle.pk).update(told_in=bundle)
    private = channel(None, "Phone", owner=bo)
    Delivery.objects.create(
        notice=bundle, channel=private, person=bo, recipient="+4512345678", state="sent", due_at=now(),
        sent_at=now(), answer="queued SM1",
    )  # fmt: skip
    common = {"incident": row, "chain": "Night", "due_at": now() + timedelta(minutes=5)}
    Step.objects.create(**common, place=0, kind="person", args={"person": str(bo.uuid), "after": 300})
    told, step = story.timeline(row)
    assert [one["text"] for one in told["tells"]] == ["web-00", "web-01", "web-02"]
    assert told["deliveries"][0]["answer"] == "queued SM1"
    assert "+45" not in str(told)
    assert (step["place"], step["args"]["name"], step["done"]) == (1, str(bo), None)


def test_related_incidents_lead_to_each_other(team: Team, person: Person) -> None:
    down = incident(team, "Server down")
    child = incident(team, "CPU hot", parent=down)
    client = as_(person())
    assert props(client, f"/incidents/{down.uuid}/")["children"][0]["url"] == f"/incidents/{child.uuid}/"
    given = props(client, f"/incidents/{child.uuid}/")
    assert given["parent"]["title"] == given["incident"]["held"] == "Server down"


def test_the_inbox_knows_what_is_mine(team: Team, person: Person) -> None:
    me = person()
    row = incident(team)
    notice = Notice.objects.create(incident=row, kind="firing", at=now(), text="x")
    Delivery.objects.create(notice=notice, channel=channel(team), person=me, state="sent", due_at=now())
    given = props(as_(me), "/alerts/")
    assert given["told"] == [str(row.uuid)]
    assert given["me"] == str(me.uuid)
    assert given["acts"] == ["Main"]


def test_what_may_stand_after_on_is_quoted_where_it_must_be() -> None:
    assert selectors([("web 1", ["db"], "shop", "")]) == ["tag:db", "role:shop", 'name:"web 1"']


def test_only_what_was_delivered_shows_that_a_channel_works(team: Team, person: Person) -> None:
    channel(team, "Untried")
    works, failed = channel(team, "Works"), channel(team, "Failed")
    notices = [Notice.objects.create(incident=incident(team, key), kind="firing", at=now()) for key in ("a", "b")]
    for one, states in ((works, ("dead", "sent")), (failed, ("sent", "dead"))):
        for notice, state in zip(notices, states, strict=True):
            error = "No route." if state == "dead" else ""
            Delivery.objects.create(notice=notice, channel=one, state=state, error=error, due_at=now())
    found = {one["name"]: one for one in props(as_(person()), "/channels/")["channels"]}
    assert {name: (one["tried"], one["last_error"]) for name, one in found.items()} == {
        "Untried": (False, ""), "Works": (True, ""), "Failed": (True, "No route."),
    }  # fmt: skip


def test_a_channel_does_the_same_for_all_but_its_provider_speaks_to_its_admins(team: Team, person: Person) -> None:
    admin, viewer = person(), person(role="viewer")
    Membership.objects.filter(user=viewer).update(selector="tag:nothing")
    narrow.forget()
    failed = channel(team, "Failed")
    notice = Notice.objects.create(incident=incident(team), kind="firing", at=now())
    Delivery.objects.create(notice=notice, channel=failed, state="dead", error="invalid_auth of T123", due_at=now())
    (whole,) = props(as_(admin), "/channels/")["channels"]
    (less,) = props(as_(viewer), "/channels/")["channels"]
    assert (whole["last_error"], whole["dead"], whole["tried"]) == ("invalid_auth of T123", 1, True)
    assert (bool(less["last_error"]), less["dead"], less["tried"]) == (True, 1, True)
    assert "T123" not in less["last_error"]


def test_the_fleet_knows_where_this_person_may_acknowledge(team: Team, person: Person) -> None:
    assert props(as_(person("viewer")), "/")["acts"] == []
    assert props(as_(person("operator")), "/")["acts"] == [team.name]


def test_rules_of_several_teams_are_told_apart_by_their_team(
    team: Team, other_team: Team, person: Person, django_user_model: type[User]
) -> None:
    hot(team, name="CPU hot")
    hot(other_team, name="CPU hot")
    everywhere = django_user_model.objects.create_superuser(email="all@example.org", password="x")
    assert {one["name"] for one in props(as_(everywhere), "/silences/")["rules"]} == {
        f"CPU hot ({team.name})", f"CPU hot ({other_team.name})",
    }  # fmt: skip
    assert {one["name"] for one in props(as_(person()), "/silences/")["rules"]} == {"CPU hot"}


def test_my_notifications_say_whether_mail_goes_out_at_all(person: Person, settings: LazySettings) -> None:
    for host, mails in (("", False), ("mail.example.org", True)):
        settings.EMAIL_HOST = host
        assert props(as_(person()), "/me/notifications/")["mails"] is mails
