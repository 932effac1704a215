"""What a page asks of the database does not grow with the fleet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team, User
from alerts.models import Incident
from servers.models import Server

pytestmark = pytest.mark.django_db

PATHS = (
    "/", "/list/", "/alerts/", "/rules/", "/rules/new/", "/silences/", "/channels/", "/on-call/", "/record/",
    "/teams/", "/settings/", "/settings/health/", "/me/", "/me/notifications/", "/servers/{server}/",
    "/incidents/{incident}/",
)  # fmt: skip


def some(team: Team, first: int, count: int) -> None:
    Server.objects.bulk_create(
        Server(team=team, number=n, name=f"s{n}", hostname="h", fingerprint=f"f{n}", os="Debian 12", role="web")
        for n in range(first, first + count)
    )
    at = timezone.now()
    for number in range(first, first + count, 10):
        Incident.objects.create(
            team=team, key=f"k{number}", title=f"t{number}", severity="warn", opened_at=at,
            resolved_at=at if number % 20 else None,
        )  # fmt: skip


def test_a_fleet_of_ten_times_the_size_costs_no_more_questions(
    team: Team, person: Callable[..., User], client: Client
) -> None:
    client.force_login(person("admin"))
    some(team, 1000, 30)
    known = {"server": Server.objects.order_by("pk")[0].uuid, "incident": Incident.objects.order_by("pk")[0].uuid}

    def asked() -> dict[str, int]:
        found = {}
        for path in PATHS:
            with CaptureQueriesContext(connection) as questions:
                assert client.get(path.format(**known)).status_code == 200, path
            found[path] = len(questions)
        return found

    asked()  # what is kept for a while is read now
    few = asked()
    some(team, 2000, 270)
    many = asked()
    # What is kept for some seconds may be read anew between two pages.
    assert {path: (few[path], many[path]) for path in PATHS if many[path] > few[path] + 2} == {}
