"""The second factor: set up, asked for, used once, required by a team, kept sealed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts import second_factor
from accounts.models import Audit, Team, User
from accounts.sign_in.links import password_link
from tests.accounts.signing import code, inside, set_up, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hash")]
Person = Callable[..., User]
PAGE = "/accounts/2fa/authenticate/"


def require(team: Team) -> None:
    Team.objects.filter(pk=team.pk).update(require_second_factor=True)
    second_factor.asking.forget()


def test_after_the_password_comes_the_code(person: Person) -> None:
    user = person()
    first, _ = sign_in(user)
    elsewhere, _ = sign_in(user)
    secret, _codes = set_up(first)
    assert inside(first)
    assert not inside(elsewhere)  # a password alone let it in
    client, answer = sign_in(user)
    assert answer["Location"] == PAGE
    assert not inside(client)
    assert client.post(PAGE, {"code": "000000"}).status_code == 200
    assert not inside(client)
    assert client.post(PAGE, {"code": code(secret)}).status_code == 302
    assert inside(client)
    assert Audit.objects.filter(action="sign_in", user=user, after__method="password and totp").exists()


def test_a_code_that_somebody_looked_at_is_worth_nothing_afterwards(person: Person) -> None:
    user = person()
    secret, _codes = set_up(sign_in(user)[0])
    shown = code(secret)
    first, _ = sign_in(user)
    assert first.post(PAGE, {"code": shown}).status_code == 302
    second, _ = sign_in(user)
    again = second.post(PAGE, {"code": shown})
    assert b"used already" in again.content
    assert not inside(second)


def test_a_recovery_code_lets_in_once_and_says_how_many_are_left(person: Person) -> None:
    user = person()
    secret, codes = set_up(sign_in(user)[0])
    assert len(codes) == 10
    for number, one in enumerate(codes):
        client, _ = sign_in(user)
        answer = client.post(PAGE, {"code": one}, follow=True)
        left = 9 - number
        told = "That was your last" if not left else f"{left} recovery code"
        assert told in answer.content.decode(), number
    client, _ = sign_in(user)
    assert client.post(PAGE, {"code": codes[0]}).status_code == 200
    client.post(PAGE, {"code": code(secret)})
    assert b"All are used" in client.get("/accounts/2fa/").content


def test_recovery_codes_are_downloaded_and_made_anew(person: Person) -> None:
    user = person()
    client, _ = sign_in(user)
    _secret, codes = set_up(client)
    file = client.get("/accounts/2fa/codes/file/")
    assert "attachment" in file["Content-Disposition"]
    assert all(one in file.content.decode() for one in codes)
    assert client.post("/accounts/2fa/codes/new/").status_code == 302
    assert not set(codes) & set(client.get("/accounts/2fa/codes/").context["unused_codes"])


def test_guessing_codes_must_wait(person: Person) -> None:
    user = person()
    secret, _codes = set_up(sign_in(user)[0])
    client, _ = sign_in(user)
    statuses = [client.post(PAGE, {"code": "123456"}).status_code for _try in range(6)]
    assert statuses == [200] * 5 + [429]
    late = client.post(PAGE, {"code": code(secret)})
    assert (late.status_code, "Retry-After" in late.headers) == (429, True)


def test_setting_up_asks_who_it_is_when_signing_in_was_long_ago(person: Person, monkeypatch: Any) -> None:
    client, _ = sign_in(person())
    monkeypatch.setattr("accounts.adapter.RECENT", -1.0)
    answer = client.get("/accounts/2fa/totp/activate/")
    assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
    again = client.post(answer["Location"], {"password": "wrong"})
    assert again.status_code == 200
    assert b"Is it you?" in again.content


def test_seeds_are_sealed_in_the_database(person: Person) -> None:
    secret, codes = set_up(sign_in(person())[0])
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(one in kept for one in codes)


def test_a_team_that_asks_for_it_shows_nothing_before(person: Person, team: Team, api: Callable[..., Client]) -> None:
    user = person(is_staff=True)
    client, _ = sign_in(user)
    assert inside(client)
    require(team)
    page = client.get("/")
    assert (page.status_code, page["Location"]) == (302, "/accounts/2fa/totp/activate/")
    assert f"The team {team.name} asks for a second factor" in client.get(page["Location"]).content.decode()
    refused = client.get("/api/v1/servers")
    assert (refused.status_code, refused.json()["error"]) == (403, "second_factor_required")
    assert client.get("/admin/").status_code == 302
    assert api(user).get("/api/v1/servers").status_code == 200  # a token is a credential of its own
    set_up(client)
    assert inside(client)
    assert client.get("/api/v1/servers").status_code == 200


def test_whoever_showed_it_at_sign_in_goes_on_at_once(person: Person, team: Team) -> None:
    user = person()
    secret, _codes = set_up(sign_in(user)[0])
    require(team)
    client, _ = sign_in(user)
    client.post(PAGE, {"code": code(secret)})
    assert inside(client)


def test_it_cannot_be_switched_off_while_it_is_asked_for(person: Person, team: Team) -> None:
    user = person()
    client, _ = sign_in(user)
    set_up(client)
    require(team)
    page = client.post("/accounts/2fa/totp/deactivate/")
    assert b"cannot be switched off" in page.content
    assert second_factor.has(user)
    Team.objects.update(require_second_factor=False)
    second_factor.asking.forget()
    assert client.post("/accounts/2fa/totp/deactivate/").status_code == 302
    assert not Authenticator.objects.filter(user=user).exists()


def test_one_team_that_asks_is_enough_for_a_site_owner(person: Person, other_team: Team) -> None:
    owner, stranger = person(is_superuser=True), person()
    require(other_team)
    assert second_factor.required(owner)
    assert not second_factor.required(stranger)


def test_it_can_be_asked_of_owners_or_of_everybody(person: Person, settings: Any) -> None:
    owner, member = person(is_superuser=True), person()
    settings.SECOND_FACTOR = "owners"
    assert second_factor.required(owner)
    assert not second_factor.required(member)
    settings.SECOND_FACTOR = "all"
    assert second_factor.required(member)


def test_a_form_without_a_code_is_an_empty_one(person: Person) -> None:
    user = person()
    set_up(sign_in(user)[0])
    client, _ = sign_in(user)
    assert client.post(PAGE, {"credential": "{}"}).status_code == 200


def test_a_new_password_does_not_go_round_it(person: Person) -> None:
    user = person()
    set_up(sign_in(user)[0])
    user.refresh_from_db()  # a link dies with the next sign-in
    form = Client()
    page = form.get(urlsplit(password_link(user)).path, follow=True)
    new = "quite another sentence"
    form.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert not inside(form)
    client, answer = sign_in(user, new)
    assert answer["Location"] == PAGE
    assert not inside(client)
