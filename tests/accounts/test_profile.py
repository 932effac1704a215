"""Pages speak the language of their person and tell times in their zone; programs get one and the same."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from accounts import mail
from accounts.context import person as known
from accounts.middleware import Personal
from accounts.models import Team, User
from tests.accounts.inside import JSON, browser, said, trail

Person = Callable[..., User]


def seen(user: User | None, **headers: str) -> tuple[str, str, HttpResponse]:
    """The language and zone in which a page is made for them."""
    request = RequestFactory().get("/alerts/", headers=headers)
    request.user = user or AnonymousUser()
    found: list[str] = []

    def page(_request: HttpRequest) -> HttpResponse:
        found.extend((translation.get_language() or "", str(timezone.get_current_timezone())))
        return HttpResponse("x")

    answer = Personal(page)(request)
    return found[0], found[1], answer


@pytest.mark.parametrize(
    ("chosen", "browser", "got"),
    [("da", "pt-BR", "da"), ("", "pt-BR,en;q=0.8", "pt-br"), ("", "tlh", "en"), ("", "", "en"), ("tlh", "da", "da")],
)
def test_the_language_is_the_profiles_else_the_browsers_else_english(chosen: str, browser: str, got: str) -> None:
    language, _, answer = seen(User(language=chosen), **{"accept-language": browser})
    assert (language, answer["Content-Language"]) == (got, got)
    assert answer["Vary"] == "Accept-Language, Cookie"


@pytest.mark.parametrize(
    ("chosen", "cookie", "got"),
    [
        ("Europe/Copenhagen", "America/Sao_Paulo", "Europe/Copenhagen"),
        ("", "America/Sao_Paulo", "America/Sao_Paulo"),
        ("", "../../etc/passwd", "UTC"), ("", "", "UTC"), ("Mars/Base", "", "UTC"),
    ],
)  # fmt: skip
def test_the_zone_is_the_profiles_else_the_browsers_else_utc(chosen: str, cookie: str, got: str) -> None:
    assert seen(User(zone=chosen), cookie=f"zone={cookie}")[1] == got


def test_a_stranger_is_told_times_where_their_browser_is() -> None:
    assert seen(None, cookie="zone=America/Sao_Paulo")[1] == "America/Sao_Paulo"
    assert seen(None, cookie="zone=America%2FSao_Paulo")[1] == "America/Sao_Paulo"  # as our script writes it


def test_afterwards_nothing_of_it_stays() -> None:
    seen(User(language="da", zone="Europe/Copenhagen"))
    assert (translation.get_language(), str(timezone.get_current_timezone())) == ("en", "UTC")


def test_programs_get_english_and_utc_whatever_they_prefer(api: Callable[..., Client], person: Person) -> None:
    user = person(language="da", zone="Europe/Copenhagen")
    client = api(user)
    plain = client.get("/api/v1/servers/5d3a4c1e-0000-4000-8000-000000000000", headers={"accept-language": "da"})
    assert plain.json() == {"error": "not_found", "detail": "There is nothing at this address that you may see."}
    assert "Content-Language" not in plain
    browser = Client()
    browser.force_login(user)
    assert browser.get("/api/v1/servers/5d3a4c1e-0000-4000-8000-000000000000").json()["error"] == "not_found"


def test_templates_know_the_profile_of_whoever_looks() -> None:
    request = RequestFactory().get("/")
    assert known(request)["person"].single_keys
    request.user = User(theme="dark", zone="Europe/Copenhagen", simple=True)
    page = Template("{{ person.theme }} {{ person.zone }} {{ person.simple }}")
    assert page.render(Context(known(request))) == "dark Europe/Copenhagen True"


def test_the_profile_page_saves_and_tells_what_is_wrong(team: Team, person: Person) -> None:
    user = person("viewer")
    client = browser(user)
    page = client.get("/me/").content.decode()
    assert "As my browser" in page
    assert "Viewer" in page
    wish = {"first_name": "Ana", "language": "da", "zone": "America/Sao_Paulo", "theme": "dark", "simple": "on"}
    assert client.post("/me/", wish)["Location"] == "/me/"
    user.refresh_from_db()
    assert (user.first_name, user.language, user.zone, user.theme) == ("Ana", "da", "America/Sao_Paulo", "dark")
    assert (user.simple, user.single_keys) == (True, False)
    ((_, before, after),) = trail("profile.change")
    assert (before["zone"], after["zone"]) == ("", "America/Sao_Paulo")
    assert "email" not in after
    refused = client.post("/me/", {**wish, "zone": "Mars/Base", "is_superuser": "on", "email": "x@y.org"})
    assert refused.context["form"].errors.keys() == {"zone"}
    user.refresh_from_db()
    assert not user.is_superuser


def test_the_profile_over_the_api_takes_what_it_knows(team: Team, person: Person, api: Callable[..., Client]) -> None:
    user = person("viewer")
    client = api(user)
    changed = client.patch("/api/v1/me", {"theme": "light", "single_keys": False, "zone": "Asia/Kathmandu"}, JSON)
    assert changed.json()["zone"] == "Asia/Kathmandu"
    assert changed.json()["teams"][0]["role"] == "viewer"
    known_wrong = (
        {"zone": "Mars/Base"},
        {"theme": "blue"},
        {"language": "tlh"},
        {"is_superuser": True},
        {"password": "x"},
    )
    for wrong in known_wrong:
        assert client.patch("/api/v1/me", wrong, JSON).status_code == 400, wrong
    same = client.patch("/api/v1/me", {"email": "other@example.org", "owner": True}, JSON).json()
    assert (same["email"], same["owner"]) == (user.email, False)


def test_without_mail_the_address_changes_at_once_for_who_just_proved_it(team: Team, person: Person) -> None:
    user, other = person("viewer"), person("viewer")
    late = browser(user, lately=False).post("/me/address/", {"email": "new@example.org"})
    assert late["Location"].startswith("/accounts/reauthenticate/")
    client = browser(user)
    taken = client.post("/me/address/", {"email": other.email.upper()}, follow=True)
    assert said(taken) == ["This address cannot be used. Choose another."]
    client.post("/me/address/", {"email": "New@Example.org"})
    user.refresh_from_db()
    assert user.email == "new@example.org"
    assert trail("profile.change_email")[0][2] == {"email": "new@example.org"}


def test_with_mail_the_address_changes_when_its_link_is_opened(
    team: Team, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(mail, "ready", lambda: True)
    monkeypatch.setattr(mail, "send", lambda *letter: sent.append(letter))
    user, other = person("viewer"), person("viewer")
    client = browser(user)
    answers = [said(client.post("/me/address/", {"email": one}, follow=True)) for one in ("n@x.org", other.email)]
    assert [text[0].replace(other.email, "n@x.org") for text in answers] == [answers[0][0]] * 2, (
        "it tells who is here"
    )
    ((to, _, text),) = sent
    assert to == "n@x.org"
    path = re.findall(r"/me/address/\S+", text)[0]
    stranger = Client()
    assert stranger.get(path).status_code == 200
    assert User.objects.get(pk=user.pk).email == user.email, "looking changed it"
    stranger.post(path)
    assert User.objects.get(pk=user.pk).email == "n@x.org"
    assert stranger.get(path).status_code == stranger.get("/me/address/bogus/").status_code == 410
