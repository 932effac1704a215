"""Every page of the admin opens, as fast with many rows as with few, and shows no more than one may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Audit, Invitation, Membership, Team, User
from alerts.models import Channel, Rule, Silence
from core.admin_site import REST
from core.team_admin import TeamAdmin
from monitor.schedule import install
from servers.models import Enrolment, Server
from tests.accounts.inside import browser
from tests.admin.rows import fill

pytestmark = pytest.mark.django_db
PAGES: list[tuple[type[Model], Any]] = sorted(admin.site._registry.items(), key=lambda one: one[0].__name__)
FEW, MANY = 3, 12


def address(model: type[Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def owner(person: Callable[..., User]) -> Client:
    return browser(person(is_superuser=True, is_staff=True))


@pytest.fixture
def staff(person: Callable[..., User]) -> Callable[..., Client]:
    def make(role: str, of: Team | None = None) -> Client:
        client = Client()
        client.force_login(person(role, of, is_staff=True))
        return client

    return make


def asked(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        reply = client.get(path)
    assert reply.status_code == 200, path
    return len(queries)


def test_each_list_and_each_row_asks_as_often_with_many_rows_as_with_few(owner: Client, team: Team) -> None:
    install()
    for number in range(FEW):
        fill(team, number)
    few = {model: asked(owner, address(model)) for model, _page in PAGES}
    row = {model: asked(owner, last(model)) for model, _page in PAGES}
    for number in range(FEW, MANY):
        fill(team, number)
    for model, _page in PAGES:
        assert asked(owner, address(model)) <= few[model] + 1, f"the list of {model.__name__} asks once a row"
        assert asked(owner, last(model)) <= row[model] + 1, f"the page of {model.__name__} asks once a row"
        assert few[model] <= 20
        assert asked(owner, f"{address(model)}?q=row") <= few[model] + 1


def last(model: type[Model]) -> str:
    request = RequestFactory().get("/")
    request.user = User.objects.get(is_superuser=True)
    found = admin.site._registry[model].get_queryset(request).order_by("-pk").first()
    assert found is not None, f"nobody made a {model.__name__}"
    return address(model, "change", found.pk)


@pytest.mark.parametrize("page", [page for _model, page in PAGES], ids=lambda page: type(page).__name__)
def test_each_list_can_be_searched_and_is_in_an_order(page: TeamAdmin) -> None:
    assert page.search_fields
    assert page.ordering or page.model._meta.ordering
    assert len(page.list_display) >= 2
    names = str(page.model._meta.verbose_name_plural)
    assert not re.search(r"([^aeiou]ys|ss)$", names), names


def test_what_is_stored_stands_in_sections(owner: Client) -> None:
    reply = owner.get("/admin/")
    sections = {
        str(one["name"]): [str(model["name"]) for model in one["models"]] for one in reply.context["app_list"]
    }
    assert list(sections)[-1] == str(REST)
    assert "deliveries" in [name.lower() for name in sections["What happened"]]
    page = reply.content.decode()
    for wrong in ("Deliverys", "Solar", "Email addresses", "Authenticators", "Clocked", "Social"):
        assert wrong not in page


def test_no_page_shows_a_secret(owner: Client, team: Team) -> None:
    fill(team, 1)
    channel = Channel(team=team, name="hook", kind="webhook")
    channel.config = {"url": "https://hooks.example.org/verysecret", "secret": "verysecret"}
    channel.save()
    for model, page in PAGES:
        for row in model._default_manager.all()[:3]:
            body = owner.get(address(model, "change", row.pk)).content.decode()
            assert "verysecret" not in body
            assert channel.sealed_config not in body
            assert "d" * 64 not in body, f"the page of {model.__name__} shows a hash"
            assert "argon2" not in body
            assert "session-row" not in body
        assert not {"digest", "password", "sealed_config"} & set(map(str, page.list_display))


def test_staff_of_one_team_see_nothing_of_another(staff: Callable[..., Client], team: Team, other_team: Team) -> None:
    fill(team, 1, "ours")
    fill(other_team, 2, "theirs")
    client = staff("admin")
    for model, page in PAGES:
        reply = client.get(address(model))
        if not page.for_teams:
            assert reply.status_code == 403, model
            continue
        body = reply.content.decode()
        assert "theirs" not in body, f"the list of {model.__name__} shows another team's"
        assert "Strangers" not in body, f"a filter of {model.__name__} names another team"
        for row in model._default_manager.all():
            foreign = "theirs" in str(vars(row)) or getattr(row, "team_id", None) == other_team.pk
            if foreign:
                for way in ("change", "history", "delete"):
                    answer = client.get(address(model, way, row.pk))
                    assert answer.status_code in {302, 403}, f"{way} of {model.__name__}"


def test_autocomplete_offers_what_one_may_see(staff: Callable[..., Client], team: Team, other_team: Team) -> None:
    client = staff("admin")
    reply = client.get("/admin/autocomplete/?app_label=alerts&model_name=rule&field_name=team&term=")
    assert [one["text"] for one in reply.json()["results"]] == ["Main"]


def test_who_only_looks_changes_nothing_in_the_admin(staff: Callable[..., Client], team: Team) -> None:
    fill(team, 1)
    client, server = staff("viewer"), Server.objects.get()
    assert client.get(address(Server)).status_code == 200
    assert client.post(address(Server, "change", server.pk), {"name": "taken"}).status_code == 403
    assert client.post(address(Server, "delete", server.pk), {"post": "yes"}).status_code == 403
    client.post(address(Server), {"action": "pause", "_selected_action": [server.pk]})
    server.refresh_from_db()
    assert (server.name, server.paused) == ("row 1", False)


def test_an_action_touches_only_rows_of_teams_one_manages(
    staff: Callable[..., Client], person: Callable[..., User], team: Team, other_team: Team
) -> None:
    fill(team, 1, "ours")
    fill(other_team, 2, "theirs")
    somebody = person("admin", is_staff=True)
    Membership.objects.create(team=other_team, user=somebody, role="viewer")
    client = Client()
    client.force_login(somebody)
    ticked = list(Server.objects.values_list("pk", flat=True))
    client.post(address(Server), {"action": "pause", "_selected_action": ticked})
    assert list(Server.objects.filter(paused=True).values_list("name", flat=True)) == ["ours 1"]


def test_a_server_removed_in_the_admin_goes_the_way_of_the_product(owner: Client, team: Team) -> None:
    fill(team, 1)
    server = Server.objects.get()
    assert "row 1" in owner.get(address(Server, "delete", server.pk)).content.decode()
    owner.post(address(Server, "delete", server.pk), {"post": "yes"})
    assert not Server.objects.exists()
    row = Audit.objects.get(action="server.remove")
    assert (row.over, row.address) == ("admin", "127.0.0.1")


def test_what_the_admin_changes_stands_in_the_trail_and_in_its_history(owner: Client, team: Team) -> None:
    fill(team, 1)
    server, channel, silence = Server.objects.get(), Channel.objects.get(team=team), Silence.objects.get()
    fields = {
        "name": "web-9",
        "hostname": "web-9",
        "environment": "production",
        "role": "",
        "site": "",
        "tags": "[]",
        "interval": 10,
    }
    inline = {"keys-TOTAL_FORMS": 0, "keys-INITIAL_FORMS": 0}
    reply = owner.post(address(Server, "change", server.pk), {**fields, **inline})
    assert reply.status_code == 302, reply.context["adminform"].form.errors
    owner.post(address(Channel, "change", channel.pk), {"name": "ring", "language": "", "storm_cap": ""})
    owner.post(address(Silence), {"action": "end", "_selected_action": [silence.pk]})
    changed = Audit.objects.get(action="server.change", target="web-9")
    assert (changed.before["name"], changed.after["name"]) == ("row 1", "web-9")
    assert Audit.objects.get(action="channel.change").after["name"] == "ring"
    assert Audit.objects.filter(action="silence.end").exists()
    page = owner.get(address(Server, "history", server.pk)).content.decode()
    assert "name: row 1" in page
    assert "web-9" in page


def test_people_are_invited_not_given_a_password(owner: Client, team: Team) -> None:
    assert owner.get(address(User, "add")).status_code == 403
    wish = {"email": "new@example.org", "team": team.pk, "role": "viewer", "selector": ""}
    reply = owner.post(address(Invitation, "add"), wish, follow=True)
    made = Invitation.objects.get()
    assert (made.email, made.team, made.by is not None) == ("new@example.org", team, True)
    assert "/invitation/" in reply.content.decode()  # no mail is set up: the address is shown once
    assert Audit.objects.get(action="invitation.make").over == "admin"


def test_the_last_owner_and_the_last_admin_stay(owner: Client, team: Team) -> None:
    mine = User.objects.get(is_superuser=True)
    membership = mine.memberships.get()
    inline = {
        "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 1, "memberships-0-id": membership.pk,
        "memberships-0-user": mine.pk, "memberships-0-role": "viewer", "memberships-0-selector": "",
    }  # fmt: skip
    person = {"first_name": "Ann", "last_name": "", "is_active": "on"}
    reply = owner.post(address(User, "change", mine.pk), {**person, **inline}, follow=True)
    assert "needs a site owner" in reply.content.decode()
    reply = owner.post(address(User, "change", mine.pk), {**person, "is_superuser": "on", **inline}, follow=True)
    assert "needs an admin" in reply.content.decode()
    mine.refresh_from_db()
    assert (mine.is_superuser, mine.first_name, mine.memberships.get().role) == (True, "", "admin")


def test_roles_are_changed_by_the_verbs_of_the_product(owner: Client, team: Team) -> None:
    fill(team, 1)
    user = User.objects.get(first_name="row 1")
    inline = {
        "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": user.memberships.get().pk, "memberships-0-user": user.pk,
        "memberships-0-role": "operator", "memberships-0-selector": "tag:(",
    }  # fmt: skip
    wish = {"first_name": "row 1", "last_name": "", "is_active": "on"}
    assert owner.post(address(User, "change", user.pk), {**wish, **inline}).status_code == 200
    owner.post(address(User, "change", user.pk), {**wish, **inline, "memberships-0-selector": "tag:db"})
    member = user.memberships.get()
    assert (member.role, member.selector) == ("operator", "tag:db")
    assert Audit.objects.get(action="member.change").before["role"] == "viewer"


def test_invitations_of_machines_and_silences_end_here(owner: Client, team: Team) -> None:
    fill(team, 1)
    owner.post(address(Enrolment), {"action": "withdraw", "_selected_action": [Enrolment.objects.get().pk]})
    assert Enrolment.objects.get().revoked_at
    owner.post(
        address(Rule), {"action": "delete_selected", "_selected_action": [Rule.objects.get().pk], "post": "yes"}
    )
    assert Rule.objects.get().removed_at
    assert "row 1" not in owner.get(address(Rule)).content.decode()


def test_the_schedule_reads_as_a_schedule(owner: Client) -> None:
    install()
    page = owner.get("/admin/django_celery_beat/periodictask/").content.decode()
    assert "every 10 seconds" in page
    assert "Sweeps behind the loops" in page
