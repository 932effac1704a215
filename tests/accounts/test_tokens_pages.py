"""Tokens and sessions as pages: made for what is ticked, shown once, ended at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiToken, Team, User, UserSession
from core.clock import now
from tests.accounts.inside import JSON, browser, said, trail

Person = Callable[..., User]
pytestmark = pytest.mark.django_db
PAGE = "/me/tokens/"
WRONG: list[dict[str, Any]] = [
    {"scopes": ["x:y"]}, {"scopes": []}, {"expires_at": "2020-01-01T00:00:00Z"}, {"digest": "x"},
]  # fmt: skip


def clear_of(page: str) -> str:
    found = re.search(r"wkt_[0-9a-f]{16}\.[\w-]+", page)
    assert found
    return found[0]


def speaks(clear: str) -> Client:
    return Client(headers={"authorization": f"Bearer {clear}"})


def test_a_token_opens_what_was_ticked_and_is_shown_once(team: Team, person: Person) -> None:
    client = browser(person())
    wish = {"name": "Grafana", "scopes": ["rules:read", "servers:read"], "days": "30"}
    clear = clear_of(client.post(PAGE, wish).content.decode())
    row = ApiToken.objects.get()
    assert row.scopes == ["rules:read", "servers:read"]
    assert row.expires_at
    assert timedelta(days=29) < row.expires_at - now() < timedelta(days=31)
    again = client.get(PAGE).content.decode()
    assert "wkt_" not in again
    assert "Servers" in again
    assert speaks(clear).get("/api/v1/rules").status_code == 200
    assert speaks(clear).get("/api/v1/channels").status_code == 403
    ((_, _, after),) = trail("token.make")
    assert after["scopes"] == ["rules:read", "servers:read"]
    assert clear.split(".")[1] not in str(after)


def test_everything_is_one_tick(team: Team, person: Person) -> None:
    clear = clear_of(browser(person()).post(PAGE, {"name": "all", "everything": "on"}).content.decode())
    assert ApiToken.objects.get().scopes == ["all"]
    assert ApiToken.objects.get().expires_at is None
    assert speaks(clear).get("/api/v1/me").json()["owner"] is False


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"name": ""}, "required"), ({"everything": ""}, "Tick at least one thing"),
        ({"everything": "", "scopes": ["bogus:read"]}, "bogus:read"), ({"selector": "tag="}, "tag:db"),
        ({"days": "9999"}, "valid choice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_made(
    wish: dict[str, str], says: str, team: Team, person: Person
) -> None:
    page = browser(person()).post(PAGE, {"name": "n", "everything": "on", **wish}).content.decode()
    assert says in page
    assert not ApiToken.objects.exists()


def test_making_one_asks_once_more_who_one_is(team: Team, person: Person) -> None:
    user = person()
    reply = browser(user, lately=False).post(PAGE, {"name": "n", "everything": "on"})
    assert reply["Location"].startswith("/accounts/reauthenticate/")
    over_api = browser(user, lately=False).post("/api/v1/tokens", {"name": "n", "scopes": ["all"]}, JSON)
    assert (over_api.status_code, over_api.json()["error"]) == (403, "sign_in_again")
    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing_and_the_list_forgets_it(
    team: Team, person: Person, api: Callable[..., Client]
) -> None:
    user = person()
    script, token = api(user), ApiToken.objects.get()
    assert script.get("/api/v1/me").status_code == 200
    reply = browser(user).post(PAGE, {"revoke": str(token.uuid)}, follow=True)
    assert said(reply) == ["The token test opens nothing any more."]
    assert script.get("/api/v1/me").status_code == 401
    assert "You have none" in reply.content.decode()


def test_nobody_revokes_a_strangers_token(other_team: Team, person: Person, api: Callable[..., Client]) -> None:
    stranger = person(of=other_team)
    script, token = api(stranger), ApiToken.objects.get()
    client = browser(person())
    client.post(PAGE, {"revoke": str(token.uuid)})
    client.post(PAGE, {"revoke": "nonsense"})
    assert client.delete(f"/api/v1/tokens/{token.uuid}").status_code == 404
    assert script.get("/api/v1/me").status_code == 200


def test_over_the_api_no_token_makes_another(team: Team, person: Person, api: Callable[..., Client]) -> None:
    user = person()
    wish = {"name": "n", "scopes": ["rules:read"], "selector": "tag:db"}
    assert api(user).post("/api/v1/tokens", wish, JSON).json()["error"] == "session_needed"
    client = browser(user)
    made = client.post("/api/v1/tokens", wish, JSON)
    assert (made.status_code, made.json()["selector"]) == (201, "tag:db")
    assert speaks(made.json()["token"]).get("/api/v1/rules").status_code == 200
    for wrong in WRONG:
        assert client.post("/api/v1/tokens", {**wish, **wrong}, JSON).status_code == 400, wrong
    assert all("token" not in one for one in client.get("/api/v1/tokens").json()["results"])
    assert client.get(f"/api/v1/tokens?team={team.uuid}").json()["count"] == 2
    assert client.get("/api/v1/tokens?team=nonsense").status_code == 404


def test_sessions_are_listed_and_all_others_end_at_once(team: Team, person: Person) -> None:
    user = person()
    here, there = browser(user), browser(user)
    for client in (here, there):
        client.get("/teams/", headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    page = here.get("/me/sessions/").content.decode()
    assert page.count("Firefox on Linux") >= 2
    assert page.count("this one") == 1
    listed = here.get("/api/v1/sessions").json()
    assert sorted(one["here"] for one in listed) == [False, True]
    assert said(here.post("/me/sessions/", {"end": "others"}, follow=True)) == ["Signed out there."]
    assert there.get("/teams/").status_code == 302
    assert here.get("/teams/").status_code == 200
    assert len(trail("session.end")) == 1


def test_nobody_ends_a_strangers_session(team: Team, person: Person) -> None:
    ana, eve = person("viewer"), person("viewer")
    theirs = browser(ana)
    theirs.get("/teams/")
    row = UserSession.objects.get(user=ana)
    client = browser(eve)
    client.post("/me/sessions/", {"end": str(row.uuid)})
    assert client.delete(f"/api/v1/sessions/{row.uuid}").status_code == 404
    assert theirs.get("/teams/").status_code == 200
