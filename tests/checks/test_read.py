"""Series of checks that stand alone: read by whoever may see the check, and by nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, Team, User
from alerts.models import Alert, Incident, Rule
from checks import series, services
from checks.models import Check, Run
from core.clock import milliseconds, now
from dashboards.alerting import around_incident, incidents
from dashboards.finding.services import find
from metrics.models import Series

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
    opened = Incident.objects.create(team=team, title="Check down on Till port", severity="critical", opened_at=now())
    named = Series.objects.create(metric="check_up", labels='{check="Till port"}')
    Alert.objects.create(
        rule=rule, server=row.server, series=named, incident=opened, state="firing", severity="critical",
        since=milliseconds(), judged=milliseconds(), value=0, limit=1,
    )  # fmt: skip
    place = {"id": str(row.server.uuid), "name": "Till port", "url": f"/checks/{row.uuid}/", "check": True}
    assert incidents.incident(opened)["server"] == place
    assert incidents.members(opened)[0]["server"] == place
    user = person("viewer")
    assert around_incident.reach(opened, user) == {"servers": 1, "names": ["Till port"], "more": 0, "checks": True}

    found = [one for one in find(user, "127.0.0.1:80")["found"] if one["kind"] == "check"]
    assert [(one["name"], one["url"]) for one in found] == [("Till port", f"/checks/{row.uuid}/")]
    browser = Client()
    browser.force_login(user)
    assert b"Till port" in browser.get("/list/?q=till").content
    stranger = person(of=Team.objects.create(name="Others"))
    assert "check" not in {one["kind"] for one in find(stranger, "till")["found"]}


def test_a_message_says_where_it_looked_and_what_it_found(loopback: None, check: Callable[..., Check]) -> None:
    port, job = check("tcp", target="127.0.0.1:80"), check("heartbeat", config={"period": 600})
    for row, said in ((port, "Connection refused."), (job, "It told that it failed.")):
        labels = {"check": row.label, "kind": row.kind}
        assert services.why(row.server_id, labels) == ""
        Run.objects.filter(check_ref=row).update(state="down", said=said)
    assert services.why(port.server_id, {"check": port.label}) == "127.0.0.1:80: Connection refused."
    assert services.why(job.server_id, {"check": job.label}) == "It told that it failed."
    assert services.why(job.server_id, {}) == ""
