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
from ml.models import Episode, Forecast, Watch
from servers.models import Server

pytestmark = pytest.mark.django_db

PATHS = (
    "/", "/list/", "/alerts/", "/rules/", "/rules/new/", "/silences/", "/channels/", "/on-call/", "/record/",
    "/teams/", "/settings/", "/settings/health/", "/me/", "/me/notifications/", "/servers/{server}/",
    "/incidents/{incident}/", "/anomalies/", "/capacity/", "/models/", "/servers/{server}/model/",
    "/api/v1/anomalies/now",
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
    _judged(list(Server.objects.filter(number__gte=first, number__lt=first + count)))


def _judged(servers: list[Server]) -> None:
    """Unusual now or yesterday, and full soon."""
    at, top = timezone.now(), [{"column": "cpu_used_percent", "share": 1.0, "z": 9.0, "low": 1.0, "high": 5.0}]
    Watch.objects.bulk_create(Watch(server=one, since=0, full_at=0) for one in servers)
    Episode.objects.bulk_create(
        Episode(
            server=one, began_at=at, last_at=at, peak_at=at, peak=1e4 / one.number, top=top, version=1, ended_at=ended
        )
        for one in servers
        for ended in (None, at)
    )
    Forecast.objects.bulk_create(
        Forecast(
            server=one,
            metric="disk_used_bytes",
            labels='{mount="/"}',
            state="predictable",
            value=5e9,
            limit=9e9,
            seconds_left=86400.0,
            seconds_low=80000.0,
            seconds_high=90000.0,
            at=0,
        )
        for one in servers
    )


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
    asked()
    many = asked()
    # What is kept for some seconds may be read anew between two pages.
    assert {path: (few[path], many[path]) for path in PATHS if many[path] > few[path] + 2} == {}
