"""What a refusal says is missing: the scope of a token, a role, or the servers beyond a narrowed one."""

from __future__ import annotations

import pytest

from accounts.models import Membership
from accounts.services import make_token
from tests.access.world import World, bearer, signed_in

RULE = {"name": "Hot", "metric": "cpu_used_percent", "critical": 90}


def refused(client: object, path: str, **body: object) -> str:
    answer = client.post(path, body, content_type="application/json")  # type: ignore[attr-defined]
    assert (answer.status_code, set(answer.json())) == (403, {"error", "detail"}), answer.content
    return str(answer.json()["detail"])


@pytest.mark.django_db
def test_a_refusal_names_what_is_missing(world: World) -> None:
    team, admin = world.ours.team, world.people["admin"]
    rules = "/api/v1/rules"
    token = bearer(make_token(admin, "reads", ["rules:read"]))
    assert refused(token, rules, **RULE) == "This token may not do this: it needs rules:write."
    narrow = bearer(make_token(admin, "narrow", ["all"], selector="tag:db"))
    assert "This token is narrowed to tag:db" in refused(narrow, rules, **RULE)
    said = refused(signed_in(world.people["viewer"]), rules, **RULE)
    assert said == f"Only an admin of team {team.name} may do this. Your role there: Viewer."
    said = refused(signed_in(world.people["narrowed"]), rules, **RULE)
    assert f"Your role in team {team.name} is narrowed to tag:db" in said
    said = refused(signed_in(world.people["viewer"]), f"/api/v1/incidents/{world.ours.inside.uuid}/acknowledge")
    assert said.startswith(f"Only an operator or an admin of team {team.name} may")
    assert refused(signed_in(admin), "/api/v1/teams", name="X").startswith("Only site owners may")


@pytest.mark.django_db
def test_of_several_teams_a_refusal_names_all(world: World) -> None:
    viewer = world.people["viewer"]
    Membership.objects.create(team=world.theirs.team, user=viewer, role="operator")
    said = refused(signed_in(viewer), "/api/v1/rules", **RULE)
    assert said == "Only an admin may do this, and you are that in none of your teams: ours, theirs."


@pytest.mark.django_db
def test_a_wrong_token_is_told_where_to_make_one(world: World) -> None:
    answer = bearer("wkt_" + "a" * 16 + "." + "b" * 32).get("/api/v1/servers")
    assert answer.status_code == 401
    assert "My profile, API tokens" in answer.json()["detail"]
