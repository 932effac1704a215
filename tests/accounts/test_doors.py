"""Ways around: links that outlive their reason, doors that ask for less, addresses spelt another way."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import limits, mail, services
from accounts.models import Audit, Membership, Team, User
from accounts.sign_in import join, links
from tests.accounts.inside import JSON, browser

Person = Callable[..., User]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hash")]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    letters: list[tuple[str, ...]] = []
    monkeypatch.setattr(mail, "ready", lambda: True)
    monkeypatch.setattr(mail, "send", lambda *letter: letters.append(letter))
    return letters


def test_a_new_password_ends_the_link_to_another_address(
    team: Team, person: Person, sent: list[tuple[str, ...]]
) -> None:
    """Who borrowed a browser and asked for an address of theirs must not be let in by it after all."""
    user = person("viewer")
    browser(user).post("/me/address/", {"email": "thief@example.org"})
    path = re.findall(r"/me/address/\S+", sent[0][2])[0]
    assert Client().get(path).status_code == 200
    user.set_password("a new long password")
    user.save()
    assert Client().get(path).status_code == 410
    assert Client().post(path).status_code == 410
    user.refresh_from_db()
    assert user.email != "thief@example.org"


def test_an_invitation_that_was_mailed_is_told_to_its_reader_alone(
    team: Team, person: Person, sent: list[tuple[str, ...]], django_capture_on_commit_callbacks: Any
) -> None:
    """Whoever invites must not be able to make the account of another's address."""
    where, client = f"/api/v1/teams/{team.uuid}/invitations", browser(person())
    with django_capture_on_commit_callbacks(execute=True):
        made = client.post(where, {"email": "ana@example.org", "role": "viewer"}, JSON).json()
        again = client.post(f"{where}/{made['id']}").json()
    assert [(one["mailed"], "address" in one) for one in (made, again)] == [(True, False)] * 2
    assert len(sent) == 2


def test_an_invitation_names_the_role_in_the_readers_language(team: Team, person: Person) -> None:
    made = services.invite(team, "ana@example.org", "manager", by=person())
    path = "/invitation/" + made.address.split("/invitation/")[1]
    said = Client().get(path, headers={"accept-language": "pt-BR"}).content.decode()
    assert "como Gestor" in said


def test_whoever_comes_too_late_leaves_no_account_behind(
    team: Team, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked at the very moment in which the form is sent."""
    made = services.invite(team, "ana@example.org", "viewer", by=person())
    services.revoke_invitation(made.invitation, by=person())
    monkeypatch.setattr(join, "invitation_state", lambda *_: "waiting")
    password = "a sentence of my own"
    path = "/invitation/" + made.address.split("/invitation/")[1]
    reply = Client().post(path, {"name": "Ana", "password": password, "again": password})
    assert "no longer works" in reply.content.decode()
    assert not User.objects.filter(email="ana@example.org").exists()


def test_a_letter_that_only_looks_alike_counts_for_the_same_person(person: Person) -> None:
    """PostgreSQL compares in capitals, in which a long s is an S."""
    user = person()
    User.objects.filter(pk=user.pk).update(email="jesse@example.org")
    for spelt in ("jesse", "je\u017fse", "jes\u017fe", "JE\u017f\u017fE"):
        Client().post("/accounts/login/", {"login": f"{spelt}@example.org", "password": "wrong"})
    assert limits.Limit.objects.get(kind="sign_in_account").count == 4


def test_a_reset_writes_as_much_for_nobody_as_for_somebody(person: Person, sent: list[tuple[str, ...]]) -> None:
    """A line in the trail takes as long as the disk does."""
    for email in (person().email, "nobody@example.org"):
        links.send_reset(email)
    assert Audit.objects.filter(action="password.ask").count() == 2


def test_tokens_of_a_team_are_told_to_whoever_manages_it(team: Team, other_team: Team, person: Person) -> None:
    """Else the answer would tell who of one's own works in another team as well."""
    ana = person("viewer")
    Membership.objects.create(team=other_team, user=ana, role="viewer")
    services.give_token(ana, "t", ["all"])
    client = browser(person())
    assert client.get(f"/api/v1/tokens?team={team.uuid}").json()["count"] == 1
    assert client.get(f"/api/v1/tokens?team={other_team.uuid}").status_code == 404


def test_the_admin_asks_who_it_is_before_rights_are_given(person: Person) -> None:
    """As the page of people does: a borrowed browser makes no site owner."""
    boss, ana = person(is_superuser=True, is_staff=True), person("viewer")
    path = reverse("admin:accounts_user_change", args=[ana.pk])
    form = {"first_name": "", "last_name": "", "is_active": "on", "is_superuser": "on",
            "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}  # fmt: skip
    late = browser(boss, lately=False).post(path, form)
    assert late["Location"].startswith("/accounts/reauthenticate/")
    ana.refresh_from_db()
    assert not ana.is_superuser
    assert browser(boss).post(path, form)["Location"] == reverse("admin:accounts_user_changelist")
    ana.refresh_from_db()
    assert ana.is_superuser
