"""Tries are counted for all processes, whoever must wait is told how long, and nobody is locked out by others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import devices, entering, limits, tally
from accounts.limits import KINDS, Limit
from accounts.models import Audit, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
HOME, AWAY = "192.0.2.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cache.clear()
    tally.strangers.__init__()  # type: ignore[misc]
    yield
    cache.clear()
    tally.strangers.__init__()  # type: ignore[misc]


def later(monkeypatch: pytest.MonkeyPatch, **span: float) -> None:
    at = timezone.now() + timedelta(**span)
    monkeypatch.setattr(limits, "now", lambda: at)


def sign_in(client: Client, email: str, password: str, address: str = HOME) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password}, REMOTE_ADDR=address)


def inside(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_sixth_wrong_password_is_answered_with_the_minutes_to_wait(person: Callable[..., User]) -> None:
    email, client = person().email, Client()
    told = [sign_in(client, email, f"wrong {number}").status_code for number in range(6)]
    assert told == [200] * 5 + [429]
    reply = sign_in(client, email, PASSWORD)
    assert (reply.status_code, reply["Retry-After"]) == (429, "300")
    assert "Wait 5 minutes, then try again." in reply.content.decode()
    assert not inside(client)


def test_an_unknown_address_waits_just_as_a_known_one(client: Client) -> None:
    told = [sign_in(client, "nobody@example.org", f"wrong {number}").status_code for number in range(6)]
    assert told == [200] * 5 + [429]


def test_after_the_wait_the_right_password_gets_in(
    person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    email, client = person().email, Client()
    for number in range(6):
        sign_in(client, email, f"wrong {number}")
    later(monkeypatch, minutes=6)
    assert sign_in(client, email, PASSWORD).status_code == 302
    assert inside(client)
    assert not Limit.objects.filter(kind="sign_in").exists()


def test_who_goes_on_waits_twice_as_long_each_time_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, minutes = [], 0.0
    for _ in range(7):
        later(monkeypatch, minutes=minutes)
        for _try in range(6):
            limited = limits.count("sign_in", "x")
        assert limited
        waits.append(limited.minutes)
        minutes += limited.minutes + 0.1
    assert waits == [5, 10, 20, 40, 60, 60, 60]


def test_a_device_that_is_known_gets_in_while_strangers_guess(person: Callable[..., User]) -> None:
    email, own, stranger = person().email, Client(), Client()
    sign_in(own, email, PASSWORD)
    own.post("/accounts/logout/")
    for number in range(30):
        sign_in(stranger, email, f"wrong {number}", f"203.0.113.{number}")
    assert sign_in(stranger, email, PASSWORD, AWAY).status_code == 429
    assert sign_in(own, email, PASSWORD, AWAY).status_code == 302
    assert inside(own)


def test_a_device_that_is_known_guesses_no_more_often_than_others(person: Callable[..., User]) -> None:
    email, own = person().email, Client()
    sign_in(own, email, PASSWORD)
    own.post("/accounts/logout/")
    told = [sign_in(own, email, f"wrong {number}").status_code for number in range(6)]
    assert told == [200] * 5 + [429]


def test_a_mark_of_one_person_opens_nothing_for_another(rf: RequestFactory) -> None:
    request = rf.get("/")
    from django.http import HttpResponse

    response = HttpResponse()
    devices.remember(request, response, "one@example.org")
    request.COOKIES["device"] = response.cookies["device"].value
    assert devices.known(request, "one@example.org")
    assert not devices.known(request, "other@example.org")
    request.COOKIES["device"] = response.cookies["device"].value[:-2] + "xx"
    assert not devices.known(request, "one@example.org")


def test_thousands_of_guesses_open_nothing(person: Callable[..., User]) -> None:
    """From five hundred addresses, in one night as an attacker would have it: no time passes between them."""
    user = person()
    factory = RequestFactory()
    doors = [factory.post("/", REMOTE_ADDR=f"10.{number % 4}.{number % 250}.9") for number in range(500)]
    judged = sum(entering.begin(door, user.email) is None for _again in range(4) for door in doors)
    assert judged == KINDS["sign_in_account"].most
    assert Limit.objects.count() < 2000


@pytest.mark.django_db(transaction=True)
def test_many_at_once_cannot_slip_through() -> None:
    passed: list[int] = []

    def patient() -> Any:
        while True:
            try:
                return limits.count("sign_in", "crowd")
            except OperationalError:  # SQLite in memory, as tests have it, refuses where a file waits
                time.sleep(0.01)

    def work() -> None:
        try:
            passed.extend(1 for _ in range(5) if patient() is None)
        finally:
            connection.close()

    crowd = [threading.Thread(target=work) for _ in range(6)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(passed) == 5


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown address"),
    ],
)
def test_an_address_counts_as_what_one_customer_gets(address: str, counted: str) -> None:
    assert limits.place(address) == counted


def test_a_password_typed_as_the_address_is_not_kept(client: Client) -> None:
    sign_in(client, "hunter2 and more", "wrong")
    assert not Limit.objects.filter(subject__contains="hunter2").exists()
    assert not Audit.objects.filter(target__contains="hunter2").exists()


def test_strangers_cannot_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ROWS", 50)
    monkeypatch.setattr(limits, "TRIM_EVERY", 0.0)
    for number in range(200):
        limits.count("reset", f"{number}@example.org")
    assert Limit.objects.count() <= 51


def test_a_clock_that_was_far_ahead_locks_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, days=400)
    for _ in range(6):
        limits.count("sign_in", "x")
    later(monkeypatch, minutes=0)
    assert limits.count("sign_in", "x") is None


def test_wrong_tokens_wait_but_a_right_one_does_not(api: Callable[..., Client]) -> None:
    right, wrong = api(), Client(headers={"authorization": f"Bearer wkt_{'0' * 16}.{'x' * 43}"})
    assert right.get("/api/v1/rules").status_code == 200
    told = [wrong.get("/api/v1/rules") for _ in range(130)]
    assert {reply.status_code for reply in told[:100]} == {401}
    assert told[-1].status_code == 429
    assert told[-1].json()["error"] == "too_many"
    assert int(told[-1]["Retry-After"]) > 0
    assert right.get("/api/v1/rules").status_code == 200
    assert Limit.objects.get(kind="api_token").subject == "127.0.0.1"


def test_wrong_enrolment_tokens_wait_and_a_right_one_does_not(team: Any) -> None:
    from servers.services import make_enrolment

    body = {"token": f"wke_{'0' * 16}.{'x' * 43}", "hostname": "web-1", "fingerprint": "f"}
    told = [Client().post("/api/v1/enrol", body, "application/json").status_code for _ in range(32)]
    assert told == [401] * 30 + [429] * 2
    body["token"] = make_enrolment(team, "web-1")
    assert Client().post("/api/v1/enrol", body, "application/json").status_code == 201


def test_one_token_may_ask_so_often_and_no_more(api: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "pace", tally.Pace(5))
    one, other = api(), api()
    told = [one.get("/api/v1/rules") for _ in range(8)]
    assert [reply.status_code for reply in told].count(429) in {1, 2}
    assert int(told[-1]["Retry-After"]) <= 13
    assert other.get("/api/v1/rules").status_code == 200


def test_only_site_owners_see_who_must_wait_and_end_it(
    person: Callable[..., User], api: Callable[..., Client]
) -> None:
    for _ in range(6):
        limits.count("sign_in", "ann@example.org from 192.0.2.7")
    owner, admin = api(person(is_superuser=True)), api(person())
    assert admin.get("/api/v1/limits").status_code == 403
    (found,) = owner.get("/api/v1/limits").json()["results"]
    assert (found["kind"], found["subject"], found["tries"]) == ("sign_in", "ann@example.org from 192.0.2.7", 6)
    assert found["seconds"] > 290
    assert admin.delete(f"/api/v1/limits/{found['id']}").status_code in {403, 404}
    assert owner.delete(f"/api/v1/limits/{found['id']}").status_code == 204
    assert limits.check("sign_in", "ann@example.org from 192.0.2.7") is None
    assert [row.action for row in Audit.objects.filter(action__startswith="limit").order_by("pk")] == [
        "limit.begin",
        "limit.clear",
    ]
