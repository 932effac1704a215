"""Why a machine does not come, as its own team is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Team, User
from core.clock import now
from servers.models import Enrolment
from servers.refusals import INVITATIONS, TRIES
from servers.services import make_enrolment, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    refusals.clear()


def enrolled(client: Client, token: str, name: str = "web-1", fingerprint: str = "one") -> int:
    body = {"token": token, "hostname": name, "fingerprint": fingerprint, "facts": {}}
    return client.post("/api/v1/enrol", body, content_type="application/json").status_code


def told(client: Client, user: User, token: str) -> list[str]:
    """The titles of what the hub has seen."""
    client.force_login(user)
    invitation = Enrolment.objects.get(key=token[4:20])
    answer = client.get(f"/servers/add/{invitation.uuid}/")
    return [cause["title"] for cause in answer.json()["causes"] if cause["seen"]]


def test_each_refusal_is_told_by_its_reason(team: Team, person: Callable[..., User], client: Client) -> None:
    user, token = person(), make_enrolment(team, "one")
    assert told(client, user, token) == []
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert enrolled(client, wrong) == 401
    assert told(client, user, token) == ["The line was cut or changed"]
    Enrolment.objects.update(expires_at=now() - timedelta(minutes=1))
    enrolled(client, token)
    assert told(client, user, token) == ["The line is too old"]


def test_a_taken_name_and_a_used_line_are_told(team: Team, person: Callable[..., User], client: Client) -> None:
    user, first, second = person(), make_enrolment(team, "one"), make_enrolment(team, "two")
    assert enrolled(client, first) == 201
    assert told(client, user, first) == ["It enrolled and is silent"]
    assert enrolled(client, second, fingerprint="another") == 409
    assert told(client, user, second) == ["Another machine has this name"]
    assert enrolled(client, first, name="web-2", fingerprint="third") == 401
    assert "The line was used already" in told(client, user, first)


def test_other_teams_are_told_nothing_and_guesses_fill_nothing(
    team: Team, other_team: Team, person: Callable[..., User], client: Client
) -> None:
    token = make_enrolment(team, "one")
    for number in range(3):
        enrolled(client, f"wke_{number:016}.{'x' * 43}")
    assert not refusals.held
    for _ in range(TRIES + 3):
        refusals.note(token + "x", "10.0.0.1", "web-1")
    assert [len(tries) for tries in refusals.held.values()] == [TRIES]
    client.force_login(person(of=other_team))
    invitation = Enrolment.objects.get(key=token[4:20])
    assert client.get(f"/servers/add/{invitation.uuid}/").status_code == 404
    client.force_login(person("viewer"))
    assert client.get(f"/servers/add/{invitation.uuid}/").status_code == 404
    assert INVITATIONS < 1000
