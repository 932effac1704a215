"""Tokens for scripts: one secret and nothing else, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.auth import find_token
from accounts.models import Team, User


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_token_is_all_that_is_printed(person: Callable[..., User]) -> None:
    user = person()
    printed = run(
        "api_token", "--email", user.email.upper(), "--name", "script", "--scopes", "rules:read,metrics:read"
    )
    token = find_token(printed.strip())
    assert printed.count("\n") == 1
    assert token is not None
    assert (token.user, token.allows("rules", write=False), token.allows("rules", write=True)) == (user, True, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["api_token", "--email", "nobody@x.org", "--name", "n"], "Nobody here"),
        (["api_token", "--email", "admin0@example.org", "--name", "n", "--scopes", "bogus"], "rules:read"),
        (["enrol_token", "--name", "n", "--team", "Nope"], "Teams here: Main"),
        (["enrol_token", "--name", "n", "--hours", "0"], "more than 0"),
    ],
)
def test_a_wrong_word_is_answered_by_a_sentence(
    words: list[str], says: str, team: Team, person: Callable[..., User]
) -> None:
    person()
    with pytest.raises(CommandError, match=says):
        run(*words)
