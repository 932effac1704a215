"""Passwords: one answer for everybody, links that work once, sessions that end at once, and who is locked out."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from accounts import sessions
from accounts.models import Audit, User, UserSession
from tests.accounts.signing import PASSWORD, inside, set_up, sign_in

pytestmark = pytest.mark.django_db
NEW = "another long password 2"
Person = Callable[..., User]


@pytest.fixture
def post(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.org"


def letters(count: int = 1) -> list[Any]:
    """They go out beside the answer."""
    until = time.monotonic() + 5
    while len(mail.outbox) < count and time.monotonic() < until:
        time.sleep(0.01)
    return list(mail.outbox)


def link(text: str) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found, text
    return found[1]


def set_password(client: Client, path: str, password: str = NEW) -> Any:
    form = client.get(path, follow=True)
    return client.post(form.redirect_chain[-1][0], {"password1": password, "password2": password})


def test_a_letter_brings_a_new_password_and_ends_every_session(person: Person, post: None) -> None:
    user = person()
    elsewhere, _ = sign_in(user)
    browser = Client()
    assert browser.post("/accounts/password/reset/", {"email": user.email.upper()}).status_code == 302
    (letter,) = letters()
    assert letter.to == [user.email]
    path = link(letter.body)
    assert set_password(browser, path).status_code == 302
    assert not inside(elsewhere)
    assert not inside(sign_in(user)[0])
    assert inside(sign_in(user, NEW)[0])
    assert b"does not work any more" in browser.get(path, follow=True).content


@pytest.mark.usefixtures("quick_hash")
def test_the_reset_answers_everybody_alike_and_writes_to_its_people_only(person: Person, post: None) -> None:
    known, gone = person(), person(is_active=False)
    answers = [
        Client().post("/accounts/password/reset/", {"email": email}, follow=True)
        for email in (known.email, gone.email, "nobody@example.org")
    ]
    pages = {re.sub(rb'(csrf-token" content|value|nonce)="[^"]*"', b"", answer.content) for answer in answers}
    assert len(pages) == 1
    time.sleep(0.1)
    assert [letter.to for letter in letters()] == [[known.email]]


@pytest.mark.usefixtures("quick_hash")
def test_the_link_of_a_letter_never_leads_where_a_stranger_wrote(person: Person, post: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    Client().post("/accounts/password/reset/", {"email": person().email}, headers={"host": "evil.example"})
    assert "evil" not in letters()[0].body
    assert settings.SITE_URL in letters()[0].body


@pytest.mark.usefixtures("quick_hash")
def test_without_mail_the_page_says_who_helps_and_the_command_does(person: Person, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    page = Client().get("/accounts/password/reset/")
    assert b"manage password_link --email" in page.content
    out = StringIO()
    user = person()
    call_command("password_link", email=user.email, stdout=out)
    assert set_password(Client(), link(out.getvalue())).status_code == 302
    assert inside(sign_in(user, NEW)[0])
    with pytest.raises(CommandError, match="Nobody here has the address"):
        call_command("password_link", email="nobody@example.org")


def test_a_changed_password_ends_all_other_sessions_and_keeps_this_one(person: Person) -> None:
    user = person()
    here, _ = sign_in(user)
    there, _ = sign_in(user)
    asked = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert here.post("/accounts/password/change/", asked).status_code == 302
    assert inside(here)
    assert not inside(there)
    assert Audit.objects.filter(action="password.change", user=user).exists()


@pytest.mark.usefixtures("quick_hash")
def test_guessing_the_present_password_in_a_borrowed_browser_is_counted(person: Person) -> None:
    user = person()
    here, _ = sign_in(user)
    asked = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    statuses = [here.post("/accounts/password/change/", asked).status_code for _try in range(6)]
    assert statuses == [200] * 5 + [429]


@pytest.mark.parametrize("password", ["short", "password123", "operator0@example.org"])
@pytest.mark.usefixtures("quick_hash")
def test_weak_passwords_are_refused_with_a_reason(person: Person, password: str, post: None) -> None:
    user = person("operator")
    Client().post("/accounts/password/reset/", {"email": user.email})
    answer = set_password(Client(), link(letters()[0].body), password)
    assert answer.status_code == 200
    assert answer.context["form"].errors


def seconds(*asks: Callable[[], object], clock: Callable[[], float] = time.process_time) -> list[float]:
    """The median of each, asked in turns, so that a busy moment meets all of them."""
    taken: list[list[float]] = [[] for _ask in asks]
    for _time in range(5):
        for ask, found in zip(asks, taken, strict=True):
            start = clock()
            ask()
            found.append(clock() - start)
    return [statistics.median(found) for found in taken]


def test_sign_in_takes_as_long_for_an_unknown_address(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.limits.check", lambda *_: None)
    monkeypatch.setattr("accounts.limits.count", lambda *_: None)
    known, outside = person(), person()
    outside.set_unusable_password()
    outside.save()

    def with_(email: str) -> Callable[[], object]:
        return lambda: Client().post("/accounts/login/", {"login": email, "password": "wrong"})

    with_(known.email)()
    times = seconds(*(with_(email) for email in (known.email, outside.email, "nobody@example.org")))
    assert max(times) < 1.4 * min(times), times


@pytest.mark.usefixtures("quick_hash")
def test_a_reset_takes_as_long_for_an_unknown_address(person: Person, post: None, monkeypatch: Any) -> None:
    monkeypatch.setattr("accounts.limits.check", lambda *_: None)
    monkeypatch.setattr("accounts.limits.count", lambda *_: None)
    user = person()
    answered, waited = threading.Event(), []

    def carry(letter: Any) -> bool:
        waited.append(not answered.wait(5))
        return True

    monkeypatch.setattr("accounts.mail._sent", carry)

    def with_(email: str) -> Callable[[], object]:
        return lambda: Client().post("/accounts/password/reset/", {"email": email})

    with_("warm@example.org")()
    # The mail server takes no letter before all are answered; what else takes time is the work of this thread.
    known, unknown = seconds(with_(user.email), with_("nobody@example.org"), clock=time.thread_time)
    assert not any(waited), "an answer waited for the mail server"
    answered.set()
    assert abs(known - unknown) < 0.05, (known, unknown)


def test_a_wrong_password_costs_one_hash(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        real = getattr(Argon2PasswordHasher, name)

        def noted(*args: Any) -> Any:
            hashed.append(name)
            return real(*args)

        return noted

    for name in ("verify", "encode"):
        monkeypatch.setattr(Argon2PasswordHasher, name, noting(name))
    user = person()
    hashed.clear()
    sign_in(user, "wrong")
    sign_in(User(email="nobody@example.org"), "wrong")
    assert hashed == ["verify", "encode"]


@pytest.mark.usefixtures("quick_hash")
def test_people_see_where_they_are_signed_in_and_end_it(person: Person) -> None:
    user = person()
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    here, _ = sign_in(user, **{"user-agent": agent})
    there, _ = sign_in(user)
    assert inside(here)
    assert inside(there)
    found = sessions.of(user)
    assert {session.browser for session in found} == {"Firefox on Linux", "Unknown browser"}
    other = next(session for session in found if session.key == there.session.session_key)
    sessions.end(other)
    assert inside(here)
    assert not inside(there)
    assert [session.key for session in sessions.of(user)] == [here.session.session_key]


@pytest.mark.usefixtures("quick_hash")
def test_a_session_is_noted_once_and_costs_no_question_more(person: Person) -> None:
    user = person()
    client, _ = sign_in(user)
    inside(client)
    with CaptureQueriesContext(connection) as asked:
        inside(client)
    assert not [query for query in asked if "usersession" in query["sql"]]
    assert UserSession.objects.filter(user=user).count() == 1


@pytest.mark.usefixtures("quick_hash")
def test_signing_in_begins_a_new_session(person: Person) -> None:
    client = Client()
    client.get("/accounts/login/")
    client.session.save()
    before = client.session.session_key
    client.post("/accounts/login/", {"login": person().email, "password": PASSWORD})
    assert client.session.session_key != before


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
@pytest.mark.usefixtures("quick_hash")
def test_nobody_is_sent_elsewhere_after_signing_in(person: Person, target: str) -> None:
    user = person()
    answer = Client().post(
        f"/accounts/login/?next={target}", {"login": user.email, "password": PASSWORD, "next": target}
    )
    assert answer["Location"] == "/"


@pytest.mark.usefixtures("quick_hash")
def test_a_switched_off_account_stays_out(person: Person) -> None:
    user = person(is_active=False)
    client, answer = sign_in(user)
    assert answer["Location"] == "/accounts/inactive/"
    assert b"switched off" in client.get("/accounts/inactive/").content
    assert not inside(client)


@pytest.mark.usefixtures("quick_hash")
def test_a_link_from_the_command_line_lets_somebody_in_once(person: Person) -> None:
    user = person(is_superuser=True)
    out = StringIO()
    call_command("sign_in_link", email=user.email, stdout=out)
    path = link(out.getvalue())
    browser = Client()
    assert user.email.encode() in browser.get(path).content
    assert not inside(browser)  # looking is not using: programs that look at links in mail must not use them up
    assert browser.post(path).status_code == 302
    assert inside(browser)
    assert Client().post(path).status_code == 404


@pytest.mark.usefixtures("quick_hash")
def test_the_link_asks_for_the_second_factor_unless_it_is_taken_away(person: Person) -> None:
    user = person()
    client, _ = sign_in(user)
    set_up(client)
    out = StringIO()
    call_command("sign_in_link", email=user.email, stdout=out)
    browser = Client()
    assert browser.post(link(out.getvalue()))["Location"] == "/accounts/2fa/authenticate/"
    assert not inside(browser)
    out = StringIO()
    call_command("sign_in_link", email=user.email, remove_second_factor=True, stdout=out)
    assert not inside(client)
    browser.post(link(out.getvalue()))
    assert inside(browser)


@pytest.mark.usefixtures("quick_hash")
def test_an_old_link_is_worth_nothing(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    call_command("sign_in_link", email=person().email, stdout=out)
    later = time.time() + timedelta(minutes=11).total_seconds()
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert Client().get(link(out.getvalue())).status_code == 404


@pytest.mark.usefixtures("quick_hash")
def test_where_the_provider_alone_signs_in_passwords_open_nothing(person: Person, settings: Any) -> None:
    user = person()
    settings.LOCAL_LOGIN = False
    client, answer = sign_in(user)
    assert answer.status_code == 403
    assert not inside(client)
    assert b'name="password"' not in client.get("/accounts/login/").content
    with pytest.raises(CommandError, match="sign_in_link"):
        call_command("password_link", email=user.email)


def test_of_allauth_only_pages_with_our_look_are_mounted() -> None:
    def names(patterns: Any) -> set[str]:
        found: set[str] = set()
        for one in patterns:
            found |= names(one.url_patterns) if hasattr(one, "url_patterns") else {str(one.name)}
        return found

    mounted = {
        name
        for name in names(get_resolver().url_patterns)
        if name.startswith(("account_", "mfa_", "socialaccount_", "openid", "usersessions"))
    }
    assert mounted == {
        "account_login", "account_logout", "account_inactive", "account_reauthenticate", "account_change_password",
        "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
        "mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
        "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
    }  # fmt: skip
