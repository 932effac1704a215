"""API tokens: what they may open, how they are made, and how they end."""

from __future__ import annotations

from datetime import datetime

from accounts.models import ApiToken, User
from core import tokens
from core.clock import now
from core.selector import Unreadable, parse

LONGEST_SELECTOR = 500  # of a role or a token
RESOURCES = (
    "servers", "series", "live", "rules", "channels", "incidents", "notices", "metrics", "chains", "schedules",
    "people", "silences", "limits", "search",
)  # fmt: skip


class WrongScopes(ValueError):
    """A scope that no address asks for would make a token that opens nothing."""


class WrongToken(ValueError):
    """What is wished for would make a token that opens nothing; says what to write instead."""


def make_token(
    user: User, name: str, scopes: list[str], *, selector: str = "", expires: datetime | None = None
) -> str:
    """A token that acts as this user; its clear text is seen here and never again."""
    check_selector(selector)
    if expires is not None and expires <= now():
        raise WrongToken("This time is over. Give one that is to come, or none: the token then never expires.")
    known = {"all", *(f"{resource}:{verb}" for resource in RESOURCES for verb in ("read", "write"))}
    wrong = sorted(set(scopes) - known)
    if wrong or not scopes:
        raise WrongScopes(
            f"{', '.join(wrong) or 'No scope'} is not known. Write all, or some of "
            f"{', '.join(f'{resource}:read, {resource}:write' for resource in RESOURCES)}."
        )
    token = tokens.make("wkt")
    ApiToken.objects.create(
        user=user, name=name, key=token.key, digest=token.digest, scopes=scopes, selector=selector, expires_at=expires
    )
    return token.clear


def check_selector(text: str) -> None:
    """Unreadable says what is wrong with the selector of a role, an invitation or a token."""
    if len(text) > LONGEST_SELECTOR:
        raise Unreadable(f"This selector may be {LONGEST_SELECTOR} characters long; this one has {len(text)}.")
    parse(text)
