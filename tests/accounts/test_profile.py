"""Pages speak the language of their person and tell times in their zone; programs get one and the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from accounts.context import person as known
from accounts.middleware import Personal
from accounts.models import User

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
