"""Pages ask the database as often for many incidents as for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from alerts.models import Incident
from core.clock import now


@pytest.mark.parametrize("page", ["/", "/alerts/"])
def test_many_incidents_cost_no_more_questions_than_one(person: Callable[..., User], team: Team, page: str) -> None:
    client = Client()
    client.force_login(person())
    asked = []
    for number in range(4):
        Incident.objects.create(team=team, key=f"k{number}", title="t", severity="warn", opened_at=now())
        with CaptureQueriesContext(connection) as seen:
            assert len(client.get(page, headers={"accept": "application/json"}).json()["incidents"]) == number + 1
        asked.append(len(seen))
    assert asked[1] == asked[3]
