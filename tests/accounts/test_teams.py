"""Teams: site owners make and remove them, their admins name them; one with servers stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts import services
from accounts.models import Team, User
from alerts.models import Rule
from servers.models import Server
from tests.accounts.inside import JSON, browser, member, said, trail

Person = Callable[..., User]
pytestmark = pytest.mark.django_db
IN_USE = "The team has 1 server. Move or remove it first."


def test_an_owner_makes_a_team_that_begins_with_rules_and_them_as_admin(team: Team, person: Person) -> None:
    owner = person(is_superuser=True)
    reply = browser(owner).post("/teams/", {"name": "Databases"}, follow=True)
    assert said(reply) == ["The team is made. Invite its people."]
    made = Team.objects.get(name="Databases")
    assert member(made, owner).role == "admin"
    assert Rule.objects.filter(team=made).exists()
    again = browser(owner).post("/teams/", {"name": "databases"})
    assert "There is a team of this name already" in again.content.decode()
    assert trail("team.make") == [("team.make", {}, {"name": "Databases"})]


def test_nobody_else_makes_teams(team: Team, person: Person) -> None:
    boss = browser(person())
    assert "Make a team" not in boss.get("/teams/").content.decode()
    assert boss.post("/teams/", {"name": "Mine"}).status_code == 404
    assert boss.post("/api/v1/teams", {"name": "Mine"}, JSON).status_code == 403


def test_ones_own_teams_are_listed_with_ones_role(team: Team, other_team: Team, person: Person) -> None:
    page = browser(person("operator")).get("/teams/").content.decode()
    assert "you: Operator" in page
    assert "1 member" in page
    assert "Strangers" not in page


def test_whoever_is_in_no_team_reads_what_to_do(person: Person) -> None:
    ana = User.objects.create_user("ana@example.org", "x")
    assert "Ask an admin" in browser(ana).get("/teams/").content.decode()
    assert browser(ana).get("/me/").status_code == 200
    assert browser(ana).get("/api/v1/me").json()["teams"] == []


def test_its_admin_renames_it_and_asks_for_a_second_factor(team: Team, other_team: Team, person: Person) -> None:
    client = browser(person())
    address = f"/teams/{team.uuid}/"
    taken = client.post(address, {"do": "settings", "name": "Strangers"})
    assert "There is a team of this name already" in taken.content.decode()
    over_api = client.patch(f"/api/v1/teams/{team.uuid}", {"name": "strangers"}, JSON)
    assert (over_api.status_code, over_api.json()["error"]) == (409, "taken")
    renamed = client.patch(f"/api/v1/teams/{team.uuid}", {"name": "Webs"}, JSON)
    assert (renamed.json()["name"], renamed.json()["members"]) == ("Webs", 1)
    client.post(address, {"do": "settings", "name": "Webs", "require_second_factor": "on"})
    team.refresh_from_db()
    assert (team.name, team.require_second_factor) == ("Webs", True)
    assert trail("team.change") == [
        ("team.change", {"name": "Main"}, {"name": "Webs"}),
        ("team.change", {"require_second_factor": False}, {"require_second_factor": True}),
    ]


def test_a_team_with_servers_is_not_removed_and_says_why(team: Team, other_team: Team, person: Person) -> None:
    owner = person(is_superuser=True)
    server = Server.objects.create(team=other_team, name="web-1", number=1)
    client = browser(owner)
    reply = client.post(f"/teams/{other_team.uuid}/", {"do": "end"}, follow=True)
    assert said(reply) == [IN_USE]
    refused = client.delete(f"/api/v1/teams/{other_team.uuid}")
    assert (refused.status_code, refused.json()) == (409, {"error": "team_in_use", "detail": IN_USE})
    server.delete()
    assert client.delete(f"/api/v1/teams/{other_team.uuid}").status_code == 204
    assert not Team.objects.filter(pk=other_team.pk).exists()
    assert trail("team.remove")[0][1]["name"] == "Strangers"


def test_a_renamed_first_team_stays_the_first(team: Team, person: Person) -> None:
    owner = person(is_superuser=True)
    services.change_team(team, by=owner, name="Webs")
    assert services.ensure_site("admin@localhost", None) is None
    assert [row.name for row in Team.objects.all()] == ["Webs"]


def test_the_only_team_stays(team: Team, person: Person) -> None:
    reply = browser(person(is_superuser=True)).post(f"/teams/{team.uuid}/", {"do": "end"}, follow=True)
    assert said(reply) == ["This is the only team. Make another one first."]


def test_an_admin_does_not_remove_teams(team: Team, other_team: Team, person: Person) -> None:
    client = browser(person())
    assert client.post(f"/teams/{team.uuid}/", {"do": "end"}).status_code == 404
    assert client.delete(f"/api/v1/teams/{team.uuid}").status_code == 403


@pytest.mark.parametrize("path", ["/teams/{}/", "/teams/{}/audit/", "/api/v1/teams/{}", "/api/v1/teams/{}/members"])
def test_a_foreign_team_answers_like_none(path: str, other_team: Team, person: Person) -> None:
    client = browser(person())
    missing = client.get(path.format("5d3a4c1e-0000-4000-8000-000000000000"))
    foreign = client.get(path.format(other_team.uuid))
    assert foreign.status_code == missing.status_code == 404
    if "api" in path:
        assert foreign.content == missing.content


def test_a_narrowed_admin_manages_nothing_of_the_whole_team(team: Team, person: Person) -> None:
    person()
    some = person()
    services.change_member(member(team, some), by=some, selector="tag:db")
    client = browser(some)
    assert "Invitations" not in client.get(f"/teams/{team.uuid}/").content.decode()
    assert client.post(f"/teams/{team.uuid}/", {"do": "settings", "name": "x"}).status_code == 404


@pytest.mark.parametrize("path", ["/me/", "/me/tokens/", "/me/sessions/", "/teams/", "/audit/", "/people/"])
def test_strangers_are_sent_to_sign_in(path: str, db: None) -> None:
    assert Client().get(path)["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["me", "tokens", "sessions", "teams", "audit", "accounts"])
def test_the_api_wants_to_know_who_asks(path: str, db: None) -> None:
    assert Client().get(f"/api/v1/{path}").status_code == 401
