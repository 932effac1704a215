"""There is one place to sign in, and it counts wrong passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _forget_tries() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def test_the_admin_has_no_form_of_its_own_to_guess_at(client: Client, person: Callable[..., User]) -> None:
    owner = person(is_staff=True, is_superuser=True)
    reply = client.post("/admin/login/?next=/admin/alerts/", {"username": owner.email, "password": PASSWORD})
    assert (reply.status_code, reply["Location"]) == (302, "/accounts/login/?next=/admin/alerts/")
    assert "_auth_user_id" not in client.session


def test_after_some_wrong_passwords_the_right_one_must_wait(client: Client, person: Callable[..., User]) -> None:
    owner = person(is_staff=True, is_superuser=True)
    for number in range(10):
        client.post("/accounts/login/", {"login": owner.email, "password": f"wrong{number}"})
    client.post("/accounts/login/?next=/admin/", {"login": owner.email, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_who_is_signed_in_goes_on_to_the_admin_or_is_refused(client: Client, person: Callable[..., User]) -> None:
    client.force_login(person(is_staff=True, is_superuser=True))
    assert client.get("/admin/login/")["Location"] == "/admin/"
    client.force_login(person("viewer"))
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/").status_code == 403
