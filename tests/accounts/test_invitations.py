"""Invitations: one address, one secret, one week; shown once where no mail is set up, else sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client

from accounts import mail, services
from accounts.models import Invitation, Team, User
from core.clock import now
from core.errors import Conflict
from tests.accounts.inside import JSON, browser, member, said, trail

Person = Callable[..., User]
pytestmark = pytest.mark.django_db
ASKED = {"do": "invite", "email": "Ana@Example.org", "role": "operator", "selector": "tag:db"}


@pytest.fixture
def mailed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Mail is set up; what would be sent."""
    sent: list[tuple[str, str, str]] = []
    monkeypatch.setattr(mail, "ready", lambda: True)
    monkeypatch.setattr(mail, "send", lambda to, subject, text: sent.append((to, subject, text)))
    return sent


def secret(text: str) -> str:
    found = re.search(r"/invitation/(wki_[\w.-]+)/", text)
    assert found
    return found[1]


def test_without_mail_the_address_is_shown_once_and_kept_nowhere(team: Team, person: Person) -> None:
    client = browser(person())
    clear = secret(client.post(f"/teams/{team.uuid}/", ASKED).content.decode())
    row = Invitation.objects.get()
    assert (row.email, row.role, row.selector) == ("ana@example.org", "operator", "tag:db")
    assert clear.split(".")[1] not in f"{row.key} {row.digest} {trail('invitation.make')}"
    assert clear not in client.get(f"/teams/{team.uuid}/").content.decode()
    assert "ana@example.org" in client.get(f"/teams/{team.uuid}/").content.decode()
    assert services.find_invitation(clear) == row
    assert services.find_invitation(clear[:-1] + "x") is None


def test_with_mail_it_is_sent_and_not_shown(
    team: Team, person: Person, mailed: list[tuple[str, str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        reply = browser(person()).post(f"/teams/{team.uuid}/", ASKED, follow=True)
    assert said(reply) == ["The invitation is on its way to ana@example.org."]
    ((to, subject, text),) = mailed
    assert (to, subject) == ("ana@example.org", "You are invited to Main on Watchkeeper")
    assert services.find_invitation(secret(text))
    assert "wki_" not in reply.content.decode()
    assert not outbox.outbox


def test_the_invited_joins_once_as_what_they_were_asked_to_be(team: Team, person: Person) -> None:
    made = services.invite(team, "ana@example.org", "operator", "tag:db", by=person())
    ana = User.objects.create_user("ana@example.org", "correct horse battery")
    row = services.find_invitation(secret(made.address))
    assert row
    joined = services.accept(row, ana)
    assert (joined.role, joined.selector) == ("operator", "tag:db")
    with pytest.raises(Conflict, match="no longer works"):
        services.accept(row, ana)
    assert trail("invitation.accept")[0][2] == {"role": "operator", "selector": "tag:db"}


def test_it_is_for_one_person_alone(team: Team, person: Person) -> None:
    made = services.invite(team, "ana@example.org", "admin", by=person())
    with pytest.raises(Conflict, match=r"for ana@example\.org"):
        services.accept(made.invitation, User.objects.create_user("eve@example.org", "x"))


def test_whoever_is_a_member_by_then_keeps_their_role(team: Team, person: Person) -> None:
    boss = person()
    made = services.invite(team, "ana@example.org", "viewer", by=boss)
    ana = person("admin")
    User.objects.filter(pk=ana.pk).update(email="ana@example.org")
    services.accept(made.invitation, User.objects.get(pk=ana.pk))
    assert member(team, ana).role == "admin"


def test_sent_again_the_old_address_is_dead_and_the_week_begins_anew(team: Team, person: Person) -> None:
    client, boss = browser(person()), User.objects.get()
    made = services.invite(team, "ana@example.org", "viewer", by=boss)
    Invitation.objects.update(expires_at=now() - timedelta(days=1))
    page = client.get(f"/teams/{team.uuid}/").content.decode()
    assert "expired" in page
    again = client.post(f"/teams/{team.uuid}/", {"do": "resend", "id": str(made.invitation.uuid)})
    assert services.find_invitation(secret(made.address)) is None
    row = services.find_invitation(secret(again.content.decode()))
    assert row
    assert services.invitation_state(row, now()) == "waiting"


def test_asked_twice_the_first_door_is_closed(team: Team, person: Person) -> None:
    boss = person()
    first = services.invite(team, "ana@example.org", "viewer", by=boss)
    second = services.invite(team, "ana@example.org", "operator", by=boss)
    first.invitation.refresh_from_db()
    assert services.invitation_state(first.invitation, now()) == "revoked"
    assert services.invitation_state(second.invitation, now()) == "waiting"


def test_revoked_it_opens_nothing(team: Team, person: Person) -> None:
    boss = person()
    made = services.invite(team, "ana@example.org", "viewer", by=boss)
    body = {"do": "revoke", "id": str(made.invitation.uuid)}
    assert said(browser(boss).post(f"/teams/{team.uuid}/", body, follow=True)) == ["The invitation is revoked."]
    with pytest.raises(Conflict):
        services.accept(made.invitation, User.objects.create_user("ana@example.org", "x"))
    with pytest.raises(Conflict, match="used or revoked"):
        services.resend(made.invitation, by=boss)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"email": "nonsense"}, "valid email"), ({"role": "owner"}, "valid choice"),
        ({"selector": "tag="}, "tag:db"), ({"email": "admin0@example.org"}, "is a member already"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(wrong: dict[str, str], says: str, team: Team, person: Person) -> None:
    page = browser(person()).post(f"/teams/{team.uuid}/", {**ASKED, **wrong}).content.decode()
    assert says in page
    assert "errorlist" in page
    assert not Invitation.objects.exists()


def test_over_the_api_they_are_made_in_person_and_closed_by_scope(
    team: Team, other_team: Team, person: Person, api: Callable[..., Client]
) -> None:
    boss = person()
    address = f"/api/v1/teams/{team.uuid}/invitations"
    wish = {"email": "ana@example.org", "role": "viewer"}
    assert api(boss).post(address, wish, JSON).json()["error"] == "session_needed"
    client = browser(boss)
    made = client.post(address, wish, JSON)
    assert made.status_code == 201
    assert services.find_invitation(secret(made.json()["address"]))
    for wrong in ({"role": "owner"}, {"selector": "x"}, {"team": 3}, {"email": ""}):
        assert client.post(address, {**wish, **wrong}, JSON).status_code == 400
    (listed,) = client.get(address).json()["results"]
    assert (listed["state"], listed["by"], "address" in listed) == ("waiting", boss.email, False)
    one = f"{address}/{listed['id']}"
    assert secret(client.post(one).json()["address"])
    assert api(boss, ["teams:write"]).delete(one).status_code == 204
    assert client.get(address).json()["count"] == 0
    assert client.post(f"/api/v1/teams/{other_team.uuid}/invitations", wish, JSON).status_code == 404
    assert browser(person("viewer")).get(address).status_code == 403
