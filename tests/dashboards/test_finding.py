"""Finding by a few letters: what one may see, the likeliest first, quickly and bounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils.translation import override

from accounts.models import Team, User
from dashboards.finding.services import SERVERS, find
from servers.models import Server

pytestmark = pytest.mark.django_db


def made(team: Team, *names: str, **said: object) -> None:
    start = Server.objects.count()
    Server.objects.bulk_create(
        Server(team=team, number=start + i, name=name, hostname=name, fingerprint=f"{team.pk} {name}", **said)
        for i, name in enumerate(names)
    )


def names(user: User, text: str, kind: str = "server") -> list[str]:
    return [one["name"] for one in find(user, text)["found"] if one["kind"] == kind]


def test_what_is_so_called_comes_first_then_what_begins_so(team: Team, person: Callable[..., User]) -> None:
    made(team, "old-db-1", "db-10", "db-1", "web-1")
    made(team, "web-2", role="db-1 reader")
    assert names(person(), "db-1") == ["db-1", "db-10", "old-db-1", "web-2"]


def test_every_word_counts_and_tags_are_words(team: Team, person: Callable[..., User]) -> None:
    made(team, "eu-1", tags=["payments"], site="Oslo")
    made(team, "eu-2", tags=["payments"], site="Berlin")
    assert names(person(), "payments oslo") == ["eu-1"]


def test_nobody_finds_what_is_not_theirs(team: Team, other_team: Team, person: Callable[..., User]) -> None:
    made(other_team, "secret-1")
    assert names(person(), "secret") == []
    assert names(person(of=other_team), "secret") == ["secret-1"]


def test_pages_are_those_one_may_use_in_ones_language(person: Callable[..., User]) -> None:
    assert "Settings" in names(person("admin"), "", "page")
    assert "Settings" not in names(person("viewer"), "", "page")
    with override("en"):
        assert names(person("viewer"), "alert ru", "page") == ["Alert rules"]


def test_ten_thousand_servers_are_searched_in_few_questions_and_answered_by_a_screenful(
    team: Team, person: Callable[..., User], django_assert_max_num_queries: Callable[..., object]
) -> None:
    user = person()
    made(team, *(f"node-{i:05}" for i in range(10_000)))
    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
        answer = find(user, "node-0")
    found = [one["name"] for one in answer["found"] if one["kind"] == "server"]
    assert found == [f"node-{i:05}" for i in range(SERVERS)]
    assert answer["more"]
    assert names(user, "09999") == ["node-09999"]


def test_signs_of_a_pattern_are_letters_and_a_long_text_is_cut(team: Team, api: Callable[..., Client]) -> None:
    made(team, "100%_sure")
    client = api()
    assert [one["name"] for one in client.get("/api/v1/search", {"q": "%_s"}).json()["found"]] == ["100%_sure"]
    assert client.get("/api/v1/search", {"q": "%%%"}).json()["found"] == []
    assert client.get("/api/v1/search", {"q": "x" * 10_000}).status_code == 200
    assert Client().get("/api/v1/search").status_code == 401
