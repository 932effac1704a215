"""The trail as a page and over the API: filtered, page by page, as differences, and taken away without formulas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.act_names import choices, field_name
from accounts.models import Audit, Team, User
from accounts.services import audit, give_token
from dashboards.words.rule import WORDS as RULE_WORDS
from tests.accounts.inside import browser

Person = Callable[..., User]
pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(team: Team, other_team: Team, person: Person) -> User:
    """Who manages Main; both teams have a trail."""
    user, stranger = person(), person(of=other_team)
    audit(user, "team.change", team, before={"name": "Main", "size": 3}, after={"name": "Webs", "size": 3})
    audit(user, "rule.make", _Named(team, "=HYPERLINK(1)"), after={"critical": 90})
    audit(stranger, "rule.make", _Named(other_team, "theirs"))
    audit(None, "limit.begin", _Named(None, "of no team"))
    return user


class _Named:
    """Something in a trail."""

    def __init__(self, team: Team | None, name: str) -> None:
        self.team_id, self.name, self.uuid = team.pk if team else None, name, ""

    def __str__(self) -> str:
        return self.name


def body(reply: Any) -> str:
    return b"".join(reply.streaming_content).decode()


def test_the_page_shows_what_changed_and_how_it_was(boss: User, team: Team) -> None:
    page = browser(boss).get(f"/teams/{team.uuid}/audit/").content.decode()
    assert "<del>Main</del>" in page
    assert "<ins>Webs</ins>" in page
    assert "size" not in page
    assert "theirs" not in page


def test_owners_see_all_of_it_and_admins_what_is_of_their_teams(boss: User, person: Person) -> None:
    mine = browser(boss).get("/audit/").content.decode()
    assert "HYPERLINK" in mine
    assert "theirs" not in mine
    assert "of no team" not in mine
    whole = browser(person("viewer", is_superuser=True)).get("/audit/").content.decode()
    assert "theirs" in whole
    assert "of no team" in whole


@pytest.mark.parametrize("role", ["viewer", "operator", "manager"])
def test_who_manages_nothing_has_no_trail(role: str, team: Team, person: Person, api: Callable[..., Client]) -> None:
    user = person(role)
    assert browser(user).get("/audit/").status_code == 404
    assert browser(user).get(f"/teams/{team.uuid}/audit/").status_code == 404
    assert api(user).get("/api/v1/audit").status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("who=ADMIN0", 2), ("who=nobody", 0), ("action=rule", 1), ("action=rule.make", 1), ("action=rul", 0),
        ("target=hyper", 1), ("from=2020-01-01", 2), ("to=2020-01-01", 0), ("over=page", 0), ("from=soon", 0),
        ("to=9999-12-31", 0), ("from=0001-01-01", 0),
    ],
)  # fmt: skip
def test_it_is_filtered(query: str, found: int, boss: User) -> None:
    page = browser(boss).get(f"/audit/?{query}").content.decode()
    assert page.count('class="entry"') == found
    if query in {"from=soon", "to=9999-12-31", "from=0001-01-01"}:
        assert "errorlist" in page


def test_pages_go_on_by_key(boss: User, team: Team) -> None:
    Audit.objects.bulk_create([Audit(team=team, actor="a", action="x.y", target=f"no {n}") for n in range(60)])
    client = browser(boss)
    first = client.get("/audit/?action=x")
    assert first.content.decode().count('class="entry"') == 50
    older = client.get(f"/audit/?action=x&before={first.context['older']}").content.decode()
    assert older.count('class="entry"') == 10
    assert "Newest" in older
    assert client.get("/audit/?before=nonsense").status_code == 200


def test_a_table_of_it_holds_no_live_formula(boss: User) -> None:
    reply = browser(boss).get("/audit/?format=csv")
    assert reply["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(body(reply))))
    assert [row["target"] for row in rows] == ["'=HYPERLINK(1)", "Main"]
    assert json.loads(rows[1]["before"]) == {"name": "Main"}
    taken = json.loads(body(browser(boss).get("/audit/?format=json&action=team")))
    assert [one["after"] for one in taken] == [{"name": "Webs"}]


def test_five_hundred_hostile_names_give_no_formula(boss: User, team: Team) -> None:
    starts = ["=", "+", "-", "@", "\t", "\r", " =", "|", "%", "\n"]
    names = [f"{start}cmd{n}" for n in range(50) for start in starts]
    Audit.objects.bulk_create([Audit(team=team, actor=name, action="x.y", target=name) for name in names])
    table = csv.reader(io.StringIO(body(browser(boss).get("/audit/?format=csv&action=x"))))
    cells = [cell for row in table for cell in row]
    assert sum("cmd" in cell for cell in cells) == 1000
    assert not [cell for cell in cells if cell.lstrip(" ")[:1] in set("=+-@\t\r\n|%")]


def test_over_the_api_it_is_paged_filtered_and_taken_away(
    boss: User, team: Team, other_team: Team, api: Callable[..., Client]
) -> None:
    client = api(boss, ["audit:read"])
    first = client.get("/api/v1/audit?size=1").json()
    assert [one["action"] for one in first["results"]] == ["rule.make"]
    older = client.get(first["next"]).json()
    assert (older["results"][0]["before"], older["next"]) == ({"name": "Main"}, None)
    assert len(client.get(f"/api/v1/audit?team={team.uuid}").json()["results"]) == 2
    assert client.get(f"/api/v1/audit?team={other_team.uuid}").json()["results"] == []
    assert client.get("/api/v1/audit?from=2020-01-01T00:00:00Z&to=1600000000").json()["results"] == []
    assert "'=HYPERLINK(1)" in body(client.get("/api/v1/audit?format=csv"))
    for wrong in ("size=0", "from=soon", "nobody=1", "team=x", "before=-1"):
        assert client.get(f"/api/v1/audit?{wrong}").status_code == 400, wrong
    assert client.post("/api/v1/audit").status_code in {403, 405}
    assert api(boss, ["rules:read"]).get("/api/v1/audit").status_code == 403


def test_a_wrong_password_is_told_of_somebody_and_not_of_the_product(boss: User, team: Team, client: Client) -> None:
    client.post("/accounts/login/", {"login": boss.email, "password": "wrong"})
    row = Audit.objects.get(action="sign_in.wrong")
    assert (row.actor, row.user) == ("Somebody", None)
    page = " ".join(browser(boss).get(f"/teams/{team.uuid}/audit/?action=sign_in.wrong").content.decode().split())
    assert "<strong>Somebody</strong>" in page
    assert f'gave a wrong password for</span> <span class="t">{boss.email}</span>' in page


def test_a_token_of_who_works_in_one_team_stands_in_the_teams_trail(boss: User, team: Team) -> None:
    give_token(boss, "grafana", ["servers:read"])
    page = browser(boss).get(f"/teams/{team.uuid}/audit/?action=token.make").content.decode()
    assert page.count('class="entry"') == 1


def test_ids_are_told_by_their_names_and_times_to_the_second(boss: User, team: Team) -> None:
    channel = "5d3a4c1e-0000-4000-8000-000000000001"
    named = _Named(team, "Night mail")
    named.uuid = channel
    audit(boss, "channel.add", named, after={"kind": "email"})
    at = datetime(2026, 11, 21, 12, 0, 5, 123456, tzinfo=UTC)
    audit(boss, "rule.make", _Named(team, "CPU"), after={"notify": [{"channel": channel}], "starts_at": at})
    assert Audit.objects.latest("pk").after["starts_at"] == "2026-11-21T12:00:05+00:00"
    page = browser(boss).get(f"/teams/{team.uuid}/audit/").content.decode()
    assert "channel: Night mail" in page
    assert channel not in page


def test_no_two_actions_have_one_name() -> None:
    names = [name for _action, name in choices()]
    assert [name for name in names if names.count(name) > 1] == []


def test_the_trail_calls_the_fields_of_a_rule_as_its_form_does() -> None:
    form = {
        "for": "How long it must last", "keep_firing_for": "rule.keep", "warn": "rule.warn",
        "critical": "rule.critical", "warn_recover": "rule.warnRecover", "critical_recover": "rule.criticalRecover",
        "group_by": "rule.group", "group_wait": "rule.wait", "repeat_intervals": "rule.repeat",
        "runbook": "rule.runbook",
    }  # fmt: skip
    assert {name: field_name(name) for name in form} == {
        name: str(RULE_WORDS.get(key, key)) for name, key in form.items()
    }
