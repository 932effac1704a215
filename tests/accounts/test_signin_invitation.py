"""Invitations from the other side: new people, people who are here, and doors that are closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Audit, Invitation, Membership, Team, User
from accounts.services import invite, revoke_invitation
from core.clock import now
from tests.accounts.signing import inside, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hash")]
Person = Callable[..., User]
PASSWORD = "a sentence of my own"
FORM = {"name": "Ana Sá", "password": PASSWORD, "again": PASSWORD}


def door(team: Team, by: User, email: str = "ana@example.org", role: str = "operator") -> str:
    address = invite(team, email, role, by=by).address
    return "/invitation/" + address.split("/invitation/")[1]


def test_a_new_person_names_themselves_and_is_in(person: Person, team: Team) -> None:
    path = door(team, person())
    client = Client()
    page = client.get(path).content.decode()
    assert team.name in page
    assert "ana@example.org" in page
    assert client.post(path, FORM).status_code == 302
    assert inside(client)
    ana = User.objects.get(email="ana@example.org")
    assert (str(ana), ana.is_staff, ana.is_superuser) == ("Ana Sá", False, False)
    assert Membership.objects.get(user=ana).role == "operator"
    assert Audit.objects.filter(action="invitation.accept", user=ana).exists()
    assert Client().get(path).status_code == 410
    assert inside(sign_in(ana, PASSWORD)[0])


def test_nothing_in_the_form_makes_somebody_more_than_invited(person: Person, team: Team) -> None:
    path = door(team, person(), role="viewer")
    more = {"role": "admin", "is_staff": "on", "is_superuser": "on", "email": "other@example.org"}
    Client().post(path, {**FORM, **more})
    ana = User.objects.get(email="ana@example.org")
    assert (ana.is_staff, ana.is_superuser, ana.memberships.get().role) == (False, False, "viewer")


def test_somebody_who_is_here_signs_in_and_joins(person: Person, team: Team, other_team: Team) -> None:
    bo = person("viewer", of=other_team)
    path = door(team, person(), email=bo.email)
    client = Client()
    page = client.get(path)
    assert f"/accounts/login/?next={path}" in page.content.decode()
    answer = client.post(f"/accounts/login/?next={path}", {"login": bo.email, "password": "correct horse battery"})
    assert answer["Location"] == path
    assert client.post(path, follow=True).redirect_chain[0] == ("/", 302)
    assert bo.memberships.get(team=team).role == "operator"


def test_the_page_is_the_same_whether_or_not_the_address_has_an_account(person: Person, team: Team) -> None:
    by, bo = person(), person("viewer", of=Team.objects.create(name="Elsewhere"))
    pages = [Client().get(door(team, by, email=email)) for email in ("ana@example.org", bo.email)]
    texts = [page.content.decode() for page in pages]
    plain = [
        text.replace(email, "X").replace(page.wsgi_request.path, "PATH").split("<main")[1]
        for text, email, page in zip(texts, ("ana@example.org", bo.email), pages, strict=True)
    ]
    without_key = [part.split('name="csrfmiddlewaretoken"')[0] for part in plain]
    assert without_key[0] == without_key[1]


def test_the_form_never_takes_an_account_over(person: Person, team: Team) -> None:
    bo = person("viewer", of=Team.objects.create(name="Elsewhere"))
    client = Client()
    page = client.post(door(team, person(), email=bo.email), FORM)
    assert page.status_code == 200
    assert "sign in with it" in page.content.decode()
    assert not inside(client)
    assert not bo.memberships.filter(team=team).exists()
    assert inside(sign_in(bo)[0])


def test_somebody_else_cannot_use_it(person: Person, team: Team) -> None:
    path = door(team, person())
    client, _ = sign_in(person("viewer", of=Team.objects.create(name="Elsewhere")))
    page = client.post(path)
    assert "Sign out and open it again" in page.content.decode()
    assert not Invitation.objects.get().accepted_at


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_closed_door_says_how_to_get_a_new_one(person: Person, team: Team, how: str) -> None:
    by = person()
    path = door(team, by)
    if how == "expired":
        Invitation.objects.update(expires_at=now() - timedelta(hours=1))
    else:
        revoke_invitation(Invitation.objects.get(), by=by)
    page = Client().post(path, FORM)
    assert page.status_code == 410
    assert "For a new one ask an admin of your team" in page.content.decode()
    assert not User.objects.filter(email="ana@example.org").exists()


def test_a_mistyped_door_says_so_and_guessing_ends(person: Person) -> None:
    statuses = [Client().get(f"/invitation/wki_{number:016x}.{'x' * 43}/").status_code for number in range(22)]
    assert statuses[0] == 404
    assert statuses[-1] == 429


WRONG: list[tuple[str, dict[str, str]]] = [
    ("again", {"again": "another"}),
    ("password", {"password": "short", "again": "short"}),
    ("password", {"password": "ana@example.org", "again": "ana@example.org"}),
    ("name", {"name": ""}),
]


@pytest.mark.parametrize(("field", "said"), WRONG)
def test_what_is_wrong_stands_beside_the_field(person: Person, team: Team, field: str, said: dict[str, str]) -> None:
    page = Client().post(door(team, person()), {**FORM, **said})
    assert page.context["form"].errors[field]
    assert not User.objects.filter(email="ana@example.org").exists()
