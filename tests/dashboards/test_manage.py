"""The pages of a server's settings, its keys and its end: for those who manage its team."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Audit, Team, User
from monitor.parts import _marks as reach_marks
from servers import orders
from servers.models import AgentKey, Enrolment, Order, Server
from servers.services import add_events, make_enrolment, watch
from tests.conftest import Machine

Make = Callable[..., Machine]
Person = Callable[..., User]
FORM = {
    "name": "web-1",
    "tags": "db, shop",
    "role": "store",
    "site": "muc",
    "environment": "staging",
    "interval": "5",
}


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_admin_describes_a_server_on_its_page(machine: Make, person: Person) -> None:
    web, client = machine(), as_(person())
    page = f"/servers/{web.server.uuid}/"
    assert client.get(page, headers={"accept": "application/json"}).json()["may_manage"] is True
    assert client.get(f"{page}edit/").status_code == 200
    assert client.post(f"{page}edit/", {**FORM, "paused": "on"}).status_code == 302
    web.server.refresh_from_db()
    assert (web.server.tags, web.server.role, web.server.interval) == (["db", "shop"], "store", 5)
    assert web.server.paused
    machine("db-1")
    for wrong in ({"interval": "0"}, {"name": "db-1"}, {"tags": "x" * 61}, {"role": "a\u202eb"}, {"site": "a\tb"}):
        assert client.post(f"{page}edit/", {**FORM, **wrong}).status_code == 200


def test_a_server_page_says_when_we_were_away_and_when_its_agent_is_old(machine: Make, person: Person) -> None:
    web, client = machine(), as_(person("viewer"))
    web.report(cpu_used_percent=1.0)
    Server.objects.update(agent="0.0.1")
    page = f"/servers/{web.server.uuid}/"
    shown = client.get(page).content.decode()
    assert "older than the one this hub hands out" in shown
    assert "The hub was away" not in shown
    (received, at), mono = reach_marks()[web.server.pk], time.monotonic()
    watch.begin({web.server.pk: (received - 1_800_000, at)})
    assert mono < watch.back_at
    watch.seen[web.server.pk].mark = (received, at)
    assert "The hub was away" in client.get(page).content.decode()


def test_keys_are_rotated_and_revoked_and_a_server_is_removed_by_buttons(machine: Make, person: Person) -> None:
    web, client = machine(), as_(person())
    page = f"/servers/{web.server.uuid}/"
    Server.objects.update(offered="print of another", agent="0.0.1")
    add_events(web.server.pk, [(web.server.created_at, "k", "<b>said</b>", {})])
    shown = client.get(f"{page}edit/").content.decode()
    assert "Accept this machine" in shown
    assert "is older than" in shown
    assert "&lt;b&gt;said" in shown
    client.post(f"{page}act/", {"do": "rotate"})
    assert Order.objects.get().kind == "rotate_key"
    key = AgentKey.objects.get()
    client.post(f"{page}act/", {"do": "revoke", "key": key.key})
    key.refresh_from_db()
    assert key.revoked_at
    client.post(f"{page}act/", {"do": "accept", "offered": "print of a third"})
    assert Server.objects.get().offered == "print of another"
    assert 'name="offered" value="print of another"' in shown
    client.post(f"{page}act/", {"do": "accept", "offered": "print of another"})
    assert Server.objects.get().fingerprint == "print of another"
    assert client.get(f"{page}act/").status_code == 405
    assert client.post(f"{page}act/", {"do": "remove"}).status_code == 302
    assert not Server.objects.exists()
    orders.refresh()


@pytest.mark.parametrize("role", ["viewer", "operator", "manager", "stranger"])
def test_others_find_no_such_page(machine: Make, person: Person, other_team: Team, role: str) -> None:
    web = machine()
    client = as_(person("admin", of=other_team) if role == "stranger" else person(role))
    page = f"/servers/{web.server.uuid}/"
    assert client.post(f"{page}act/", {"do": "remove"}).status_code == 404
    assert client.post(f"{page}edit/", FORM).status_code == 404
    assert client.get(f"{page}edit/").status_code == 404
    if role != "stranger":
        assert client.get(page, headers={"accept": "application/json"}).json()["may_manage"] is False


def test_invitations_are_seen_and_revoked_by_their_team_alone(
    person: Person, team: Team, other_team: Team, transactional_db: None
) -> None:
    make_enrolment(team, "rack 1", reusable=True)
    make_enrolment(other_team, "foreign")
    client = as_(person())
    page = client.get("/servers/invitations/").content.decode()
    assert "rack 1" in page
    assert "foreign" not in page
    for invitation in Enrolment.objects.all():
        client.post("/servers/invitations/", {"key": invitation.key})
    assert set(Enrolment.objects.filter(revoked_at=None).values_list("name", flat=True)) == {"foreign"}
    assert "rack 1" not in client.get("/servers/invitations/").content.decode()


def test_a_line_that_leads_to_loopback_is_behind_a_word_of_warning(person: Person, settings: LazySettings) -> None:
    client = as_(person())
    settings.SITE_URL = "http://127.0.0.1:8000"
    page = client.get("/servers/add/").content.decode()
    assert page.index("more-of") < page.index("works on this machine alone") < page.index('class="steps"')
    settings.SITE_URL = "https://watch.example.org"
    page = client.get("/servers/add/", headers={"host": "127.0.0.1:8000"}).content.decode()
    assert "works on this machine alone" not in page, "however the page was opened"


def test_a_hub_on_loopback_says_that_its_machine_is_watched_already(person: Person, settings: LazySettings) -> None:
    settings.SITE_URL = "http://127.0.0.1:8000"
    said = as_(person()).get("/servers/add/").content.decode()
    assert "which the hub watches already: do not paste a line on it" in said
    assert "WATCHKEEPER_HOST=0.0.0.0 ./watchkeeper up" in said


def test_the_line_to_paste_says_in_the_audit_trail_who_made_it(person: Person) -> None:
    admin = person()
    assert as_(admin).post("/servers/add/").status_code == 200
    assert Audit.objects.get(action="enrolment.make").actor == admin.email
