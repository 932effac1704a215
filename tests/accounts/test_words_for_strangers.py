"""What people read who were just let in, or were not: sentences that are true and say what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.test import Client

from accounts.models import Invitation, Team, User
from accounts.services import invite
from accounts.templatetags.people import here_only
from tests.access.world import person, signed_in

pytestmark = pytest.mark.django_db


def test_a_link_that_opens_nowhere_else_says_so() -> None:
    for address, here in (
        ("http://127.0.0.1:8000/invitation/x/", True), ("https://localhost/x/", True),
        ("https://watch.example.org/invitation/x/", False), ("wkt_secret.of-a-token", False),
    ):  # fmt: skip
        assert here_only(address) is here
        shown = render_to_string("people/_once.html", {"secret": address, "title": "", "text": ""})
        assert ("WATCHKEEPER_HOST" in shown and "WATCHKEEPER_URL" in shown) is here


def test_an_invitation_says_which_servers_it_is_for(client: Client, settings: Any, mailoutbox: list[Any]) -> None:
    team = Team.objects.create(name="Main")
    made = invite(team, "ana@example.org", "operator", "tag:db", by=User.objects.create_superuser("o@example.org"))
    page = client.get(f"/invitation/{made.address.rstrip('/').rsplit('/', 1)[1]}/")
    assert "Only for some of its servers: tag:db." in page.content.decode()
    assert Invitation.objects.get().selector == "tag:db"


def test_a_wrong_password_is_told_in_plain_words(client: Client) -> None:
    page = client.post("/accounts/login/", {"login": "ana@example.org", "password": "wrong one"})
    assert "This address and password do not fit together. Try again." in page.content.decode()


def test_nobody_is_given_an_editor_whose_rule_they_may_not_make() -> None:
    team = Team.objects.create(name="Main")
    admin = person("boss", team, "admin")
    refused = signed_in(person("ana", team, "viewer")).get("/rules/new/")
    assert refused.status_code == 403
    assert admin.email in refused.content.decode(), "it names who can"
    assert signed_in(admin).get("/rules/new/").status_code == 200


def test_a_password_like_the_address_is_refused_in_our_words() -> None:
    with pytest.raises(ValidationError, match="too much like your name or address"):
        validate_password("anastasia-example", User(email="anastasia-example@example.org"))
