"""What the inbox and an incident's page know: who is on it, what came before, why it is quiet, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team
from alerts.messages.advice import CPU
from alerts.models import Alert, Incident, Notice, Rule, Schedule, Silence
from alerts.services import answers, rules
from core.clock import now
from dashboards.alerting import ical, incidents
from metrics.models import Series
from metrics.store import latest
from servers.models import Change, Event, Server
from tests.conftest import Machine
from tests.dashboards.test_alerting import Person, as_, held, hot, incident, props

pytestmark = pytest.mark.django_db
Make = Callable[..., Machine]


def test_an_incident_says_what_changed_before_it_and_how_it_ended_last_time(team: Team, person: Person) -> None:
    me = person()
    first = incident(team, "Many", rule=None)
    answers.acknowledge(first, now(), by=me)
    answers.note(first, now(), by=me, text="<b>old logs</b>")
    answers.close(first, now(), by=me)
    row = held(team, 2)
    server = Server.objects.get(name="web-00")
    at = row.opened_at - timedelta(minutes=3)
    Change.objects.create(server=server, at=at, section="packages", key="nginx", before="1.26", after="1.27")
    Event.objects.create(server=server, at=at - timedelta(hours=3), kind="boot", text="too long ago")
    Event.objects.create(server=server, at=row.opened_at + timedelta(seconds=20), kind="boot", text="too late")
    given = props(as_(me), f"/incidents/{row.uuid}/")
    assert [(one["what"], one["before"], one["after"]) for one in given["causes"]] == [
        ("packages nginx", "1.26", "1.27")
    ]
    (past,) = given["similar"]["list"]
    assert (past["owner"], past["closed"], past["note"]) == (str(me), str(me), "<b>old logs</b>")
    assert given["reach"] == {"servers": 2, "names": ["web-00", "web-01"], "more": 0}
    assert given["by_rule"]["sentence"].endswith("is above 95\u00a0%, tell the usual people")
    assert given["by_rule"]["runbook"] == str(CPU)  # as the mail says it where the rule has no words of its own


def test_what_changed_after_the_first_bad_sample_is_no_cause(team: Team, person: Person) -> None:
    row = held(team, 1)
    began = row.opened_at - timedelta(minutes=10)
    row.alerts.update(since=round(began.timestamp() * 1000))
    server = Server.objects.get(name="web-00")
    for minutes, key in ((-3, "before"), (7, "after")):
        at = began + timedelta(minutes=minutes)
        Change.objects.create(server=server, at=at, section="packages", key=key, before="1", after="2")
    given = props(as_(person()), f"/incidents/{row.uuid}/")
    assert [one["what"] for one in given["causes"]] == ["packages before"]


def test_nothing_of_another_team_stands_around_an_incident(team: Team, other_team: Team, person: Person) -> None:
    row = held(team, 1)
    stranger = as_(person("admin", of=other_team))
    assert stranger.get(f"/incidents/{row.uuid}/").status_code == 404
    assert stranger.get(f"/alerts/sparks/?ids={row.uuid}").json()["lines"] == {}
    assert props(stranger, "/alerts/")["teams"] == [other_team.name]


def test_beside_its_line_stands_the_newest_value_while_it_still_describes_the_machine(
    machine: Make, team: Team, person: Person
) -> None:
    one, row, client = machine("web-x"), incident(team, "Hot"), as_(person())
    Alert.objects.create(
        rule=hot(team), server=one.server, series=Series.objects.create(metric="cpu_used_percent", labels=""),
        incident=row, state="firing", value=97, limit=95, since=1, judged=2, severity="warn",
    )  # fmt: skip

    def said(more: str = "") -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"/alerts/sparks/?ids={row.uuid}{more}").json()
        return found

    assert said()["newest"] == {str(row.uuid): None}, "nothing was heard"
    one.report(cpu_used_percent=97.25, memory_used_percent=5.0)
    assert said("&lines=no")["newest"] == {str(row.uuid): 97.25}
    assert said("&lines=no")["lines"] == {}
    assert said()["lines"], "asked for as a whole"
    Rule.objects.filter(name="CPU hot").update(params={"per": "cores"})
    assert said()["newest"] == {str(row.uuid): None}, "it is not the number that was judged"
    Rule.objects.filter(name="CPU hot").update(params={})
    heard = latest.rows[one.server.pk]
    heard.received -= 3 * one.server.interval * 1000 + 15_000
    assert said()["newest"] == {str(row.uuid): None}, "silence has no number"


def test_a_silence_says_why_it_is_quiet_only_where_it_covers_all_of_it(team: Team, person: Person) -> None:
    me, at = person(), now()
    row = held(team, 2)
    silence = Silence.objects.create(
        team=team, selector="name:web-00", starts_at=at, ends_at=at + timedelta(hours=1), reason="disk", owner=me
    )
    assert incidents.incident(row)["hushed"] is None, "web-01 still calls"
    Silence.objects.filter(pk=silence.pk).update(selector="name:web-*")
    assert incidents.incident(row)["hushed"] == {
        "why": "silenced: disk",
        "until": (at + timedelta(hours=1)).timestamp(),
    }


def test_however_many_incidents_the_inbox_costs_the_same_questions(team: Team) -> None:
    at = now()
    Silence.objects.create(team=team, selector="name:x", starts_at=at, ends_at=at + timedelta(hours=1), reason="x")
    series, rule = Series.objects.create(metric="cpu_used_percent", labels=""), hot(team)

    def more(count: int) -> int:
        for number in range(count):
            name = f"s-{Server.objects.count()}"
            server = Server.objects.create(team=team, name=name, fingerprint=name, number=Server.objects.count() + 1)
            row = incident(team, name)
            alert = Alert.objects.create(
                rule=rule, server=server, series=series, incident=row, state="firing", value=97, limit=95, since=1,
                judged=2, severity="warn",
            )  # fmt: skip
            Notice.objects.create(incident=row, alert=alert, kind="firing", transition=1, at=at, text=name)
            assert number >= 0
        with CaptureQueriesContext(connection) as asked:
            incidents.incidents(list(Incident.objects.all()))
        return len(asked)

    assert more(2) == more(20)


def test_the_versions_of_a_rule_lead_back_by_the_names_of_the_editor(team: Team, person: Person) -> None:
    me = person("admin")
    rule = hot(team, for_seconds=60)
    rules.change_rule(rule, {"critical": 97.0, "for_seconds": 300}, by=me)
    (version,) = props(as_(me), f"/rules/{rule.uuid}/edit/")["versions"]
    assert version["by"] == str(me.email)
    assert version["back"] == {"critical": 95, "for": 60}
    assert {(one["field"], one["before"], one["after"]) for one in version["changes"]} == {
        ("Critical limit", "95 %", "97 %"), ("Must last", "1 min", "5 min"),
    }  # fmt: skip


def test_a_calendar_file_is_read_by_other_calendars(team: Team, other_team: Team, person: Person) -> None:
    me = person()
    plan = Schedule.objects.create(team=team, name="Night; " + "æ" * 60, zone="UTC")
    plan.rotations.create(people=[str(me.uuid)], days=7, starts_on=now().date(), hand_over="09:00")
    text = ical.written(plan, now())
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert "Night\\; " in text
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") > 0
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert as_(person("admin", of=other_team)).get(f"/on-call/{plan.uuid}.ics").status_code == 404
    assert as_(me).get(f"/on-call/{plan.uuid}.ics")["Content-Type"].startswith("text/calendar")


def test_an_incident_names_the_servers_that_it_calls_silent_and_since_when(team: Team) -> None:
    row = held(team, 2)
    assert incidents.incident(row)["silent"] == []
    mine = Alert.objects.filter(incident=row)
    Series.objects.filter(pk__in=mine.values("series")).update(metric="silent_seconds")
    mine.update(value=60, judged=1_000_000)
    mine.filter(server__name="web-00").update(resolved_at=now())
    other = str(Server.objects.get(name="web-01").uuid)
    shown = incidents.incident(Incident.objects.get(pk=row.pk))
    assert (shown["silent"], shown["heard"]) == ([other], 940.0)
    assert [one["heard"] for one in incidents.members(row)] == [940.0, None]


@pytest.mark.parametrize("page", ["/rules/new/", "/channels/", "/on-call/"])
def test_every_page_without_its_scripts_says_what_it_is(team: Team, person: Person, page: str) -> None:
    text = as_(person("admin")).get(page).content.decode()
    after = text.partition('<div class="fallback">')[2]
    assert "<h1>" in after
    assert "cannot be used without its scripts" in after


def test_an_incident_without_its_scripts_says_its_title(team: Team, person: Person) -> None:
    row = held(team, 1)
    after = as_(person()).get(f"/incidents/{row.uuid}/").content.decode().partition('<div class="fallback">')[2]
    assert f"<h1>{row.title}</h1>" in after
