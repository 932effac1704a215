"""Selectors: what they match, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest
from django.utils import translation

from core.selector import Unreadable, given, parse, veiled

DB = {
    "name": ["db-1"],
    "tag": ["db", "eu"],
    "os": ["linux", "Debian", "Debian 12"],
    "env": ["production"],
    "id": ["1"],
}
DEV = {**DB, "env": ["dev"]}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("tag:db", True),
        ("TAG:DB", True),
        ("tag:d*", True),
        ("name:db-?", True),
        ("tag:web", False),
        ("not tag:web", True),
        ("tag:db and os:linux", True),
        ("tag:web or os:linux and tag:eu", True),
        ("(tag:web or os:linux) and not tag:eu", False),
        ('os:"Debian 12"', True),
        ('tag:"d*"', False),
        ("env:dev", False),
    ],
)
def test_what_a_selector_matches(text: str, matches: bool) -> None:
    assert parse(text).matches(DB) is matches


def test_servers_that_are_not_in_production_must_be_asked_for() -> None:
    assert not parse("tag:db").matches(DEV)
    assert parse("tag:db and env:dev").matches(DEV)
    assert parse("env:*").matches(DEV)


@pytest.mark.parametrize(
    "text", ["tag:", "db", "(tag:a", "tag:a)", "tag:a tag:b", "and tag:a", "color:red", 'tag:"a', "not", "(" * 50]
)
def test_a_selector_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Unreadable, match="Write it like"):
        parse(text)


def test_a_pattern_of_stars_does_not_hang() -> None:
    assert not parse("name:" + "*a" * 30 + "b").matches({**DB, "name": ["a" * 200]})


def test_a_selector_that_cannot_be_read_is_told_in_the_readers_language() -> None:
    with translation.override("da"), pytest.raises(Unreadable, match=r"^'tag:\(\(' er ikke nøgle:værdi .* Skriv"):
        parse("tag:((")


def test_a_veil_is_read_and_never_kept() -> None:
    text = veiled('tag:db and not (NAME:"web 1" or id:7 or name:db-?)', [DB])
    assert text == "tag:db and not (NAME:… or id:… or name:db-?)"
    assert parse(text).matches({**DB, "name": ["web 1"]})
    with pytest.raises(Unreadable, match="may not see"):
        given(text)
    assert given('tag:… or name:"…"').text
