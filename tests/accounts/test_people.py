"""Members and accounts: roles change and end at once, and neither the last admin nor the last owner can go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from accounts import services
from accounts.models import ApiToken, Membership, Team, User
from core.errors import Conflict
from tests.accounts.inside import JSON, browser, member, said, trail

Person = Callable[..., User]
Api = Callable[..., Client]
pytestmark = pytest.mark.django_db


def act(client: Client, team: Team, do: str, user: User | None = None, **more: str) -> Any:
    body = {"do": do, **({"id": str(user.uuid)} if user else {}), **more}
    return client.post(f"/teams/{team.uuid}/", body, follow=True)


def test_an_admin_changes_a_role_and_narrows_it_and_the_trail_has_both_sides(team: Team, person: Person) -> None:
    boss, ana = person(), person("viewer")
    row = member(team, ana)
    fields = {f"m{row.pk}-role": "operator", f"m{row.pk}-selector": " tag:db "}
    assert any("saved" in text for text in said(act(browser(boss), team, "change", ana, **fields)))
    row.refresh_from_db()
    assert (row.role, row.selector) == ("operator", "tag:db")
    ((_, before, after),) = trail("member.change")
    assert (before, after) == (
        {"role": "viewer", "selector": ""}, {"role": "operator", "selector": "tag:db"},
    )  # fmt: skip


def test_a_selector_that_cannot_be_read_is_said_and_changes_nothing(team: Team, person: Person) -> None:
    boss, ana = person(), person("viewer")
    row = member(team, ana)
    fields = {f"m{row.pk}-role": "viewer", f"m{row.pk}-selector": "tag="}
    (text,) = said(act(browser(boss), team, "change", ana, **fields))
    assert text.startswith(f"{ana}: ")
    assert "tag:db" in text
    assert not trail("member.change")


@pytest.mark.parametrize("how", ["demote", "narrow", "remove", "leave"])
def test_the_last_admin_of_a_team_stays(how: str, team: Team, person: Person) -> None:
    boss, _ana = person(), person("operator")
    row = member(team, boss)
    wishes = {
        "demote": ("change", {f"m{row.pk}-role": "viewer", f"m{row.pk}-selector": ""}),
        "narrow": ("change", {f"m{row.pk}-role": "admin", f"m{row.pk}-selector": "tag:db"}),
        "remove": ("remove", {}), "leave": ("leave", {}),
    }  # fmt: skip
    do, fields = wishes[how]
    reply = act(browser(boss), team, do, boss, **fields)
    assert said(reply) == ["A team needs an admin who manages all of it. Make somebody else admin first."]
    row.refresh_from_db()
    assert (row.role, row.selector) == ("admin", "")


def test_a_disabled_admin_does_not_count_as_the_last(team: Team, person: Person) -> None:
    boss = person()
    person(is_active=False)
    with pytest.raises(Conflict):
        services.remove_member(member(team, boss), by=boss)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database for threads; run with --db postgres")
@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_each_other_at_once_leave_one(team: Team, person: Person) -> None:
    one, other = person(), person()
    start, refused = threading.Barrier(2), list[str]()

    def remove(by: User, whom: User) -> None:
        start.wait(5)
        try:
            services.remove_member(member(team, whom), by=by)
        except Conflict as conflict:
            refused.append(conflict.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert refused == ["last_admin"]
    assert Membership.objects.filter(team=team).count() == 1


def test_whoever_is_removed_loses_the_team_and_their_tokens_at_once(team: Team, person: Person, api: Api) -> None:
    boss, ana = person(), person("operator")
    script = api(ana)
    assert script.get("/api/v1/rules").status_code == 200
    assert said(act(browser(boss), team, "remove", ana)) == [f"{ana} is no member any more."]
    assert script.get("/api/v1/rules").status_code == 401
    assert browser(ana).get(f"/teams/{team.uuid}/").status_code == 404
    assert browser(ana).get("/api/v1/rules").status_code == 403
    assert [action for action, *_ in trail("member.remove", "token.revoke")] == ["member.remove", "token.revoke"]


def test_a_member_of_another_team_keeps_tokens_for_that_one(
    team: Team, other_team: Team, person: Person, api: Api
) -> None:
    boss, ana = person(), person("operator")
    Membership.objects.create(team=other_team, user=ana, role="viewer")
    script = api(ana)
    services.remove_member(member(team, ana), by=boss)
    assert [one["name"] for one in script.get("/api/v1/teams").json()["results"]] == ["Strangers"]


def test_anybody_may_leave_a_team(team: Team, person: Person) -> None:
    person()
    ana = person("viewer")
    assert said(act(browser(ana), team, "leave")) == ["You left Main."]
    assert not ana.memberships.exists()


@pytest.mark.parametrize("role", ["viewer", "operator", "manager"])
def test_who_does_not_manage_sees_the_members_and_changes_nothing(role: str, team: Team, person: Person) -> None:
    boss, ana = person(), person(role)
    client = browser(ana)
    page = client.get(f"/teams/{team.uuid}/").content.decode()
    assert boss.email in page
    assert "Invite" not in page
    for do in ("remove", "change", "invite", "settings", "end"):
        assert client.post(f"/teams/{team.uuid}/", {"do": do, "id": str(boss.uuid)}).status_code == 404
    patch = client.patch(f"/api/v1/teams/{team.uuid}/members/{boss.uuid}", {"role": "viewer"}, JSON)
    assert patch.status_code == 403
    assert member(team, boss).role == "admin"


def test_members_over_the_api_are_managed_in_person(team: Team, person: Person, api: Api) -> None:
    boss, ana = person(), person("viewer")
    address = f"/api/v1/teams/{team.uuid}/members"
    seen = api(boss).get(address).json()["results"]
    assert [(one["email"], one["role"]) for one in seen] == [(boss.email, "admin"), (ana.email, "viewer")]
    by_token = api(boss).patch(f"{address}/{ana.uuid}", {"role": "admin"}, JSON)
    assert (by_token.status_code, by_token.json()["error"]) == (403, "session_needed")
    emptied = api(boss, ["teams:write"]).delete(f"{address}/{ana.uuid}")
    assert (emptied.status_code, b"people:write" in emptied.content) == (403, True)
    client = browser(boss)
    changed = client.patch(f"{address}/{ana.uuid}", {"role": "manager", "selector": "tag:db"}, JSON)
    assert (changed.status_code, changed.json()["role"], changed.json()["selector"]) == (200, "manager", "tag:db")
    for wrong in ({"role": "owner"}, {"selector": "nope"}, {"team": 1}, {"user": 1}, {"is_staff": True}):
        assert client.patch(f"{address}/{ana.uuid}", wrong, JSON).status_code == 400, wrong
    last = client.delete(f"{address}/{boss.uuid}")
    assert (last.status_code, last.json()["error"]) == (409, "last_admin")
    assert client.delete(f"{address}/{ana.uuid}").status_code == 204
    assert client.delete(f"{address}/{ana.uuid}").status_code == client.delete(f"{address}/{uuid4()}").status_code


def owner_acts(client: Client, do: str, user: User) -> Any:
    return client.post("/people/", {"do": do, "id": str(user.uuid)}, follow=True)


def test_accounts_are_for_site_owners(team: Team, person: Person, api: Api) -> None:
    boss, owner = person(), person(is_superuser=True, is_staff=True)
    assert browser(boss).get("/people/").status_code == 404
    assert browser(boss).post("/people/", {"do": "owner", "id": str(boss.uuid)}).status_code == 404
    assert browser(boss).get("/api/v1/accounts").status_code == 403
    page = browser(owner).get("/people/?q=ADMIN0").content.decode()
    assert boss.email in page
    assert {one["email"] for one in api(owner).get("/api/v1/accounts").json()["results"]} >= {boss.email, owner.email}
    assert api(owner).patch(f"/api/v1/accounts/{boss.uuid}", {"owner": True}, JSON).status_code == 403


def test_a_disabled_account_is_out_everywhere_until_it_is_enabled(person: Person, api: Api) -> None:
    owner, ana = person(is_superuser=True), person("viewer")
    inside, script = browser(ana), api(ana)
    assert inside.get("/teams/").status_code == 200
    client = browser(owner)
    assert said(owner_acts(client, "disable", ana)) == [f"{ana} is signed out and disabled."]
    assert inside.get("/teams/").status_code == 302
    assert script.get("/api/v1/teams").status_code == 401
    owner_acts(client, "enable", ana)
    assert script.get("/api/v1/teams").status_code == 200
    assert [action for action, *_ in trail("person.disable", "person.enable")] == ["person.disable", "person.enable"]


@pytest.mark.parametrize("do", ["disable", "no-owner"])
def test_the_last_site_owner_stays(do: str, person: Person) -> None:
    owner = person(is_superuser=True, is_staff=True)
    client = browser(owner)
    text = "Watchkeeper needs a site owner. Make somebody else owner first."
    assert said(owner_acts(client, do, owner)) == [text]
    wish = {"active": False} if do == "disable" else {"owner": False}
    refused = client.patch(f"/api/v1/accounts/{owner.uuid}", wish, JSON)
    assert (refused.status_code, refused.json()) == (409, {"error": "last_owner", "detail": text})
    owner.refresh_from_db()
    assert owner.is_active
    assert owner.is_superuser


def test_a_second_owner_lets_the_first_go(person: Person) -> None:
    owner, boss = person(is_superuser=True, is_staff=True), person()
    client = browser(owner)
    owner_acts(client, "owner", boss)
    owner_acts(client, "no-owner", owner)
    assert list(User.objects.filter(is_superuser=True)) == [boss]
    assert client.get("/people/").status_code == 404


def test_an_owner_makes_a_link_for_a_new_password_that_works_once(person: Person) -> None:
    owner, ana = person(is_superuser=True), person("viewer")
    page = owner_acts(browser(owner), "reset", ana)
    link = str(page.context["link"])
    assert link in page.content.decode()
    assert link not in str(trail("person.reset_link"))
    path = "/" + link.split("/", 3)[3]
    assert b"password1" in Client().get(path, follow=True).content
    ana.set_password("another battery staple")
    ana.save()
    assert b"password1" not in Client().get(path, follow=True).content


def test_acts_of_owners_ask_once_more_who_they_are(person: Person) -> None:
    owner, ana = person(is_superuser=True), person("viewer")
    reply = browser(owner, lately=False).post("/people/", {"do": "owner", "id": str(ana.uuid)})
    assert reply["Location"].startswith("/accounts/reauthenticate/")
    over_api = browser(owner, lately=False).patch(f"/api/v1/accounts/{ana.uuid}", {"owner": True}, JSON)
    assert over_api.json()["error"] == "sign_in_again"
    assert not User.objects.get(pk=ana.pk).is_superuser


def test_admins_see_and_end_the_tokens_of_their_members_alone(
    team: Team, other_team: Team, person: Person, api: Api
) -> None:
    boss, ana, stranger = person(), person("viewer"), person(of=other_team)
    api(ana)
    services.make_token(stranger, "theirs", ["all"])
    page = browser(boss).get(f"/teams/{team.uuid}/").content.decode()
    assert "theirs" not in page
    token = ApiToken.objects.get(user=ana)
    foreign = ApiToken.objects.get(user=stranger)
    client = browser(boss)
    assert client.post(f"/teams/{team.uuid}/", {"do": "end-token", "id": str(foreign.uuid)}).status_code == 404
    client.post(f"/teams/{team.uuid}/", {"do": "end-token", "id": str(token.uuid)})
    token.refresh_from_db()
    assert token.revoked_at
    assert client.delete(f"/api/v1/tokens/{foreign.uuid}").status_code == 404
    assert browser(ana).delete(f"/api/v1/tokens/{foreign.uuid}").status_code == 404
