"""Series of checks that stand alone: read by whoever may see the check, and by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Membership, Team, User
from alerts.messages import group
from alerts.messages.said import Said
from alerts.models import Alert, Incident, Rule
from alerts.services import said as told
from alerts.services.work import Group, opened
from checks import history, series, services
from checks.models import Check, Run
from core.clock import milliseconds, now
from dashboards.alerting import around_incident, incidents
from dashboards.checks import lately
from dashboards.finding.services import find
from metrics.base import HOURS, MINUTES, RAW
from metrics.models import Series
from metrics.store import DatabaseStore
from servers.models import Server

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_sees_a_check_reads_its_series_as_the_chart_of_its_incident_does(
    loopback: None, check: Callable[..., Check], api: Callable[..., Client], person: Callable[..., User], team: Team
) -> None:
    row = check("tcp", target="127.0.0.1:80")
    assert series.store([series.Sample(row, milliseconds() - 1000, 0.0)])
    inside = api(person("viewer"))
    paths = f"/api/v1/series?server={row.server.uuid}&metric=check_up", f"/api/v1/servers/{row.server.uuid}/series"
    assert inside.get(paths[0]).json()["series"][0]["v"] == [0.0]
    assert "check_up" in {one["metric"] for one in inside.get(paths[1]).json()["results"]}

    outside = api(person("admin", of=Team.objects.create(name="Others")))
    narrowed = person("viewer")
    Membership.objects.filter(user=narrowed).update(selector="tag:else")
    for client in (outside, api(narrowed)):
        assert [client.get(path).status_code for path in paths] == [404, 404]
    assert str(row.server.uuid) not in inside.get("/api/v1/fleet/latest?metric=check_up").content.decode()


def test_its_incident_speaks_of_a_check_and_leads_to_its_page(
    loopback: None, check: Callable[..., Check], api: Callable[..., Client], person: Callable[..., User], team: Team
) -> None:
    row = check("tcp", target="127.0.0.1:80", name="Till port")
    rule = Rule.objects.create(
        team=team, name="Check down", kind="threshold", metric="check_up", op="below", critical=1
    )
    made = Incident.objects.create(team=team, title="Check down on Till port", severity="critical", opened_at=now())
    named = Series.objects.create(metric="check_up", labels='{check="Till port"}')
    Alert.objects.create(
        rule=rule, server=row.server, series=named, incident=made, state="firing", severity="critical",
        since=milliseconds(), judged=milliseconds(), value=0, limit=1,
    )  # fmt: skip
    place = {"id": str(row.server.uuid), "name": "Till port", "url": f"/checks/{row.uuid}/", "check": True}
    assert incidents.incident(made)["server"] == place
    assert incidents.members(made)[0]["server"] == place
    user = person("viewer")
    assert around_incident.reach(made, user) == {"servers": 1, "names": ["Till port"], "more": 0, "checks": True}

    found = [one for one in find(user, "127.0.0.1:80")["found"] if one["kind"] == "check"]
    assert [(one["name"], one["url"]) for one in found] == [("Till port", f"/checks/{row.uuid}/")]
    browser = Client()
    browser.force_login(user)
    assert b"Till port" in browser.get("/list/?q=till").content
    stranger = person(of=Team.objects.create(name="Others"))
    assert "check" not in {one["kind"] for one in find(stranger, "till")["found"]}


def test_an_hour_of_last_month_is_read_from_what_is_kept_of_it(
    loopback: None, check: Callable[..., Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = check("tcp", target="127.0.0.1:80")
    hour = 3_600_000
    begin = milliseconds() // hour * hour - 30 * 24 * hour
    samples = [series.Sample(row, begin + at, 1.0, at / hour) for at in range(0, hour, 60_000)]
    assert series.store(samples)
    kept = {RAW: milliseconds() - 7 * 24 * hour, MINUTES: begin - 24 * hour, HOURS: begin - 24 * hour}
    monkeypatch.setattr(DatabaseStore, "first", lambda _store, tier: kept[tier])
    found = history.history(row, begin + 6 * 60_000, begin + 36 * 60_000)
    assert found.tier == MINUTES
    assert found.share.up > 1500
    # Five minutes each; what began before the time and ends in it counts into it.
    assert [round(one["check_response_seconds"] * 60) for one in found.points] == [7, 12, 17, 22, 27, 32, 37]
    assert found.points[0]["t"] * 1000 == begin + 6 * 60_000
    assert found.percentiles[50] == pytest.approx(22 / 60)


def test_checks_that_fail_together_are_called_checks_also_when_they_are_gone(
    loopback: None, check: Callable[..., Check], team: Team
) -> None:
    rule = Rule.objects.create(
        team=team, name="Check down", kind="threshold", metric="check_up", op="below", critical=1
    )
    group = Group(Incident(team=team, title="", severity="critical"), by=["rule"])
    for number in range(3):
        row = check("tcp", target="127.0.0.1:80")
        named = Series(pk=number + 1, metric="check_up", labels=f'{{check="{row.label}"}}')
        alert = Alert(rule=rule, server=row.server, series=named, severity="critical")
        group.open[rule.pk, row.server.pk, number] = opened(alert, "critical")
    group.entitle(lambda _key: ("", {}))
    incident = group.incident
    assert incident.title == "Check down on 3 checks"
    Check.objects.all().delete()
    with translation.override("da"):
        assert told.title(incident) == "Check down på 3 tjek"
    group.open[rule.pk, 0, 9] = opened(Alert(rule=rule, server=Server(name="web-1"), severity="critical"), "critical")
    group.entitle(lambda _key: ("", {}))
    assert incident.title == "Check down on 4 servers"


def test_messages_of_checks_alone_say_checks() -> None:
    told_of = [Said(server=name, rule="Check down", metric="check_up", check=True) for name in ("Till", "Shop")]
    assert group.bundle(told_of, [], 2, (2, 0)) == "Check down on 2 checks: Till and Shop."
    kept = [Said.remembered(one.kept()) for one in told_of]
    assert group.bundle([], kept, 0, (0, 2)) == "Check down is over on 2 checks: Till and Shop. All is well."
    with translation.override("da"):
        assert group.firing(told_of) == "Check down på 2 tjek: Till og Shop."
    mixed = [*told_of, Said(server="web-1", rule="Check down", metric="check_up")]
    assert group.firing(mixed) == "Check down on 3 servers: Till, Shop and web-1."


def test_a_message_says_where_it_looked_and_what_it_found(loopback: None, check: Callable[..., Check]) -> None:
    port, job = check("tcp", target="127.0.0.1:80"), check("heartbeat", config={"period": 600})
    for row, said in ((port, "Connection refused."), (job, "It told that it failed.")):
        labels = {"check": row.label, "kind": row.kind}
        assert services.why(row.server_id, labels) == ""
        Run.objects.filter(check_ref=row).update(state="down", said=said)
    assert services.why(port.server_id, {"check": port.label}) == "127.0.0.1:80: Connection refused."
    assert services.why(job.server_id, {"check": job.label}) == "It told that it failed."
    assert services.why(job.server_id, {}) == ""


def test_the_list_reads_a_checks_day_once_and_anew_when_it_stands_otherwise(
    loopback: None, check: Callable[..., Check], person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [check("tcp", target="127.0.0.1:80", name=f"c{number:02}") for number in range(30)]
    lately._kept.clear()
    browser, read, real = Client(), list[Check](), services.recent

    def watched(row: Check, *more: Any) -> services.Recent:
        read.append(row)
        return real(row, *more)

    monkeypatch.setattr(services, "recent", watched)
    browser.force_login(person("viewer"))
    first = browser.get("/checks/")
    assert (first.status_code, first.content.count(b'class="probe"'), len(read)) == (200, 25, 25)
    assert browser.get("/checks/").status_code == 200
    assert len(read) == 25
    Run.objects.filter(check_ref=rows[29]).update(state="down", said="Connection refused.")
    worst = browser.get("/checks/").content.decode()
    assert worst.index(">c29<") < worst.index(">c00<")
    assert [row.name for row in read[25:]] == ["c29"]
    assert browser.get("/checks/?page=2").content.count(b'class="probe"') == 5
