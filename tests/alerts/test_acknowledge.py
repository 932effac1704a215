"""The signed link of a message: looking changes nothing, the button acts as its person, while they may."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts.models import Audit, Membership, Team, User
from alerts import services
from alerts.models import Delivery, Incident, Notice
from alerts.services import answering_links, people
from core.clock import now
from tests.alerts.people import trouble

Person = Callable[..., User]
JSON = "application/json"


@pytest.fixture
def incident(team: Team) -> Incident:
    return trouble(team, now())


@pytest.fixture
def maria(person: Person) -> User:
    return person("operator", first_name="Maria")


def page(incident: Incident, user: User, **more: timedelta) -> str:
    return urlsplit(answering_links.link(incident, user, now() - more.get("old", timedelta()))).path


def test_looking_at_the_page_acknowledges_nothing(incident: Incident, maria: User) -> None:
    """A mail scanner opens every link before its reader does."""
    url = page(incident, maria)
    for _ in range(3):
        shown = Client().get(url)
        assert shown.status_code == 200
        assert Client().head(url).status_code == 200
    text = shown.content.decode()
    assert "web-1: CPU is hot." in text
    assert "Maria" in text
    assert "<form" in text
    assert "no-store" in shown.headers["Cache-Control"]
    incident.refresh_from_db()
    assert incident.acknowledged_at is None
    assert "sessionid" not in shown.cookies


def test_its_button_acknowledges_as_that_person_without_signing_in(incident: Incident, maria: User) -> None:
    client = Client(enforce_csrf_checks=True)
    url = page(incident, maria)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(url).content.decode())
    assert found
    done = client.post(url, {"csrfmiddlewaretoken": found[1]})
    assert done.status_code == 200
    assert "You look after it, Maria." in done.content.decode()
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.acknowledged_over) == (maria, "mail")
    assert Audit.objects.get(action="incident.acknowledge").user == maria
    assert client.get("/alerts/").status_code == 302  # it signs nobody in


def test_a_page_of_a_stranger_cannot_press_it(incident: Incident, maria: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(page(incident, maria)).status_code == 403
    incident.refresh_from_db()
    assert incident.acknowledged_at is None


def test_who_comes_second_reads_who_looks_after_it(incident: Incident, maria: User, person: Person) -> None:
    ole = person(first_name="Ole")
    Client().post(page(incident, maria))
    late = Client().post(page(incident, ole)).content.decode()
    assert "Maria looks after it already." in late
    incident.refresh_from_db()
    assert incident.acknowledged_by == maria
    Incident.objects.update(resolved_at=now())
    assert "It is over already." in Client().get(page(incident, ole)).content.decode()


@pytest.mark.parametrize("why", ["old", "switched off", "left", "looks only", "new password", "changed", "long"])
def test_a_link_dies_with_its_day_its_person_and_their_role(incident: Incident, maria: User, why: str) -> None:
    url = page(incident, maria, old=timedelta(hours=24, seconds=2) if why == "old" else timedelta(hours=23))
    if why == "switched off":
        User.objects.update(is_active=False)
    if why == "left":
        Membership.objects.all().delete()
    if why == "looks only":
        Membership.objects.update(role="viewer")
    if why == "new password":
        User.objects.update(password="!other")
    if why == "changed":
        url = url[:-8] + ("AAAAAAA/" if url[-8:] != "AAAAAAA/" else "BBBBBBB/")
    if why == "long":
        url = f"/acknowledge/{'x' * 5000}/"
    for answer in (Client().get(url), Client().post(url)):
        assert answer.status_code == 410
        assert "This link does not work any more" in answer.content.decode()
    token = url.split("/")[2]
    assert Client().post("/api/v1/acknowledge", {"token": token}, JSON).status_code in {400, 410}
    incident.refresh_from_db()
    assert incident.acknowledged_at is None


def test_who_may_not_acknowledge_gets_no_link(incident: Incident, person: Person, other_team: Team) -> None:
    for user in (person("viewer"), person("manager"), person(of=other_team), person(is_active=False)):
        assert answering_links.link(incident, user) == ""


def test_a_push_button_acknowledges_by_its_token(incident: Incident, maria: User) -> None:
    token = answering_links.token(incident, maria)
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/api/v1/acknowledge", {"token": token}, JSON)
    assert answer.json() == {"state": "acknowledged", "owner": "Maria", "title": incident.title}
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.acknowledged_over) == (maria, "push")
    assert client.get("/api/v1/acknowledge").status_code == 405
    for wrong in ({}, {"token": ""}, {"token": "x", "as": "y"}):
        assert client.post("/api/v1/acknowledge", wrong, JSON).status_code == 400
    dead = client.post("/api/v1/acknowledge", {"token": f"{token}x"}, JSON)
    assert (dead.status_code, dead.json()["error"]) == (410, "link_dead")


def test_the_page_speaks_the_language_of_its_person(incident: Incident, maria: User) -> None:
    User.objects.filter(pk=maria.pk).update(language="da")
    shown = Client().get(page(incident, maria)).content.decode()
    assert '<html lang="da"' in shown
    assert "Jeg tager mig af det" in shown


def test_the_short_address_leads_whoever_may_look_to_the_incident(
    person: Callable[..., User], team: Team, other_team: Team
) -> None:
    incident = Incident.objects.create(team=team, key="k", title="t", severity="warn", opened_at=now())
    address, client = f"/i/{incident.pk}", Client()
    assert client.get(address)["Location"].endswith(f"?next={address}")
    client.force_login(person("viewer"))
    assert client.get(address)["Location"] == f"/incidents/{incident.uuid}/"
    assert client.get(f"/i/{10**30}").status_code == 404
    client.force_login(person("viewer", other_team))
    assert client.get(address).status_code == 404


def test_who_took_it_is_not_told_so_over_their_own_channels(incident: Incident, maria: User, person: Person) -> None:
    ole = person()
    firing = Notice.objects.create(incident=incident, kind="firing", at=now(), told_at=now(), text="x")
    for user in (maria, ole):
        [reach] = people.ways(user, "critical", now())
        Delivery.objects.create(
            notice=firing, channel=reach.channel, recipient=user.email, person=user, due_at=now(), state="sent"
        )
    services.acknowledge(incident, now(), by=maria)
    assert list(Delivery.objects.filter(notice__kind="acknowledged").values_list("person", flat=True)) == [ole.pk]


def test_a_reminder_is_answered_by_its_button_and_nothing_else_changes(incident: Incident, maria: User) -> None:
    services.acknowledge(incident, now() - timedelta(hours=2), by=maria, how="sticky", reason="Disk is on its way.")
    Incident.objects.update(reminded_at=now())
    url = page(incident, maria)
    assert "I still look after it" in Client().get(url).content.decode()
    assert "Nobody else is called" in Client().post(url).content.decode()
    incident.refresh_from_db()
    assert (incident.reminded_at, incident.acknowledged_how) == (None, "sticky")
    assert incident.acknowledged_reason == "Disk is on its way."
    assert now() - incident.acknowledged_at < timedelta(minutes=1)  # type: ignore[operator]
    assert Notice.objects.filter(kind="acknowledged").count() == 1, "nobody needs to hear it once more"
