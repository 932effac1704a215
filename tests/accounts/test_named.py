"""Every door of the API takes a team by its id as by its name, and says what is wanted of a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team

CHECK = {"name": "Shop", "kind": "http", "target": "https://example.org/", "interval": 30}
DOORS: dict[str, dict[str, Any]] = {
    "checks": CHECK,
    "rules": {"name": "Hot", "kind": "threshold", "metric": "cpu_used_percent", "op": "above", "warn": 90},
    "schedules": {"name": "Nights"},
    "chains": {"name": "Ladder", "steps": [{"kind": "team"}]},
    "silences": {"selector": "", "reason": "Moving", "ends_at": "2031-01-01T00:00:00Z"},
    "enrolments": {"name": "db"},
    "views": {"name": "Ours", "query": "q=db"},
}


@pytest.mark.parametrize("door", DOORS)
def test_a_team_is_taken_by_id_and_by_name_alike(door: str, api: Callable[..., Client], team: Team) -> None:
    asking = api()
    listed = next(one for one in asking.get("/api/v1/teams").json()["results"] if one["name"] == team.name)
    for number, word in enumerate((listed["id"], team.name)):
        body = {**DOORS[door], "team": word}
        if "name" in body:
            body["name"] += str(number)
        reply = asking.post(f"/api/v1/{door}", body, content_type="application/json")
        assert reply.status_code == 201, reply.content
        assert reply.json()["team"] == team.name


@pytest.mark.parametrize("door", DOORS)
def test_a_team_that_is_not_ones_own_is_refused_with_what_is_wanted(
    door: str, api: Callable[..., Client], team: Team
) -> None:
    other = Team.objects.create(name="Other")
    for word in (str(other.uuid), other.name, "nowhere"):
        reply = api().post(f"/api/v1/{door}", {**DOORS[door], "team": word}, content_type="application/json")
        assert reply.status_code == 400
        assert f'You have no team "{word}" for this' in str(reply.json()["fields"]["team"])
        assert "Give the id or the name" in reply.json()["detail"]


def test_what_is_asked_of_a_team_takes_both_too(api: Callable[..., Client], team: Team) -> None:
    asking = api()
    for word in (str(team.uuid), team.name):
        for path in ("incidents", "tokens", "rules/file"):
            assert asking.get(f"/api/v1/{path}", {"team": word}).status_code == 200, path
        body = {"team": word, "per_week": 2.0}
        assert asking.put("/api/v1/anomalies/sensitivity", body, content_type="application/json").status_code == 200
    assert "Give the id or the name" in asking.get("/api/v1/rules/file?team=nowhere").json()["detail"]
