"""Teams see what is theirs: every door, every kind of thing, the same answer for foreign and for absent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Membership, Team, User
from alerts.models import Channel, Incident, Rule
from tests.conftest import Machine

AT = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = "5d3a4c1e-0000-4000-8000-000000000000"  # the same in every process: it becomes part of a test's name


@pytest.fixture
def foreign(other_team: Team, machine: Callable[..., Machine]) -> dict[str, str]:
    """Addresses of things of another team."""
    server = machine("theirs", other_team).server
    rule = Rule.objects.create(team=other_team, name="r", metric="m", critical=1)
    channel = Channel.objects.create(team=other_team, name="c", kind="webhook")
    incident = Incident.objects.create(team=other_team, key="k", title="t", severity="warn", opened_at=AT)
    return {
        f"/api/v1/servers/{server.uuid}": "/api/v1/servers/{}",
        f"/api/v1/rules/{rule.uuid}": "/api/v1/rules/{}",
        f"/api/v1/channels/{channel.uuid}": "/api/v1/channels/{}",
        f"/api/v1/incidents/{incident.uuid}": "/api/v1/incidents/{}",
        f"/api/v1/series?metric=m&server={server.uuid}": "/api/v1/series?metric=m&server={}",
    }


def test_what_is_foreign_answers_like_what_is_not_there(
    foreign: dict[str, str], api: Callable[..., Client], person: Callable[..., User]
) -> None:
    client = api(person("admin"))
    for theirs, absent in foreign.items():
        for method in ("get", "patch", "delete"):
            call = getattr(client, method)
            found, missing = call(theirs), call(absent.format(uuid4()))
            assert (found.status_code, found.content) == (missing.status_code, missing.content), theirs
        assert client.get(theirs).status_code == 404


def test_lists_hold_only_ones_own(
    foreign: dict[str, str], machine: Callable[..., Machine], api: Callable[..., Client]
) -> None:
    mine = machine("mine").server
    client = api()
    assert [one["name"] for one in client.get("/api/v1/servers").json()["results"]] == ["mine"]
    for path in ("rules", "channels", "incidents", "notices"):
        assert client.get(f"/api/v1/{path}").json()["results"] == []
    assert client.get("/api/v1/fleet/latest?metrics=load1").json()["servers"] == [str(mine.uuid)]


def test_pages_of_another_team_are_not_there(foreign: dict[str, str], person: Callable[..., User]) -> None:
    browser = Client()
    browser.force_login(person("admin"))
    for theirs in foreign:
        page = theirs.partition("?")[0].replace("/api/v1", "") + "/"
        assert browser.get(page).status_code == 404
    assert b"theirs" not in browser.get("/").content


@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", False), ("manager", False), ("admin", True)]
)
def test_only_who_manages_makes_rules(
    role: str, may: bool, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    body = {"name": "hot", "metric": "cpu_used_percent", "critical": 95}
    reply = api(person(role)).post("/api/v1/rules", body, content_type="application/json")
    assert reply.status_code == (201 if may else 403)


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 200), ("manager", 403), ("admin", 200)])
def test_only_who_acts_acknowledges(
    role: str, status: int, team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    incident = Incident.objects.create(team=team, key="k", title="t", severity="warn", opened_at=AT)
    # A body that says nothing is one of no type: `curl -X POST -d ""` calls it a form.
    form = "application/x-www-form-urlencoded"
    reply = api(person(role)).generic("POST", f"/api/v1/incidents/{incident.uuid}/acknowledge", b"", form)
    assert reply.status_code == status, reply.content
    incident.refresh_from_db()
    assert bool(incident.acknowledged_by) == (status == 200)


def test_a_role_in_one_team_is_none_in_another(
    team: Team, other_team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    user = person("admin", of=other_team)
    Membership.objects.create(team=team, user=user, role="viewer")
    rule = Rule.objects.create(team=team, name="r", metric="m", critical=1)
    client = api(user)
    assert client.get(f"/api/v1/rules/{rule.uuid}").status_code == 200
    assert client.delete(f"/api/v1/rules/{rule.uuid}").status_code == 403
    body = {"name": "x", "metric": "m", "critical": 1, "team": team.name}
    assert client.post("/api/v1/rules", body, content_type="application/json").status_code == 400


def test_a_token_does_only_what_its_scopes_say(api: Callable[..., Client], person: Callable[..., User]) -> None:
    client = api(person("admin"), ["rules:read"])
    assert client.get("/api/v1/rules").status_code == 200
    assert client.get("/api/v1/servers").status_code == 403
    body = {"name": "x", "metric": "m", "critical": 1}
    assert client.post("/api/v1/rules", body, content_type="application/json").status_code == 403


@pytest.mark.parametrize("path", ["/", "/alerts/", "/servers/add/", f"/servers/{NOBODY}/", f"/incidents/{NOBODY}/"])
def test_strangers_are_sent_to_the_sign_in_page(path: str, db: None) -> None:
    reply = Client().get(path)
    assert (reply.status_code, reply.headers["Location"].partition("?")[0]) == (302, "/accounts/login/")


@pytest.mark.parametrize("path", ["servers", "rules", "channels", "incidents", "notices", "series", "live", "schema"])
def test_the_api_wants_to_know_who_asks(path: str, db: None) -> None:
    reply = Client().get(f"/api/v1/{path}")
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert set(reply.json()) == {"error", "detail"}
