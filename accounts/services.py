"""Make the first team and admin, and the tokens that scripts use."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import ApiToken, Audit, Membership, Team, User
from core import tokens
from core.clock import now
from core.selector import Unreadable, parse

MAIN_TEAM = "Main"
LONGEST_SELECTOR = 500  # of a role or a token
RESOURCES = (
    "servers", "series", "live", "rules", "channels", "incidents", "notices", "metrics", "chains", "schedules",
    "people", "silences",
)  # fmt: skip


@dataclass(frozen=True)
class FirstAdmin:
    """Shown once at the end of the first start, never kept or logged."""

    email: str
    password: str | None


@transaction.atomic
def ensure_site(email: str, password: str | None) -> FirstAdmin | None:
    """Make the team Main and its admin when there is nobody yet; else change nothing."""
    team, _ = Team.objects.get_or_create(name=MAIN_TEAM)
    if User.objects.filter(is_superuser=True).exists():
        return None
    shown = None if password else "-".join(secrets.token_hex(2) for _ in range(4))
    admin = User.objects.create_superuser(email, password or shown)
    Membership.objects.create(team=team, user=admin, role="admin")
    return FirstAdmin(admin.email, shown)


_beginnings: list[Callable[[Team], None]] = []


def on_new_team(hook: Callable[[Team], None]) -> None:
    """Whoever gives a new team what it begins with; a topic downwards, not an import upwards."""
    if hook not in _beginnings:
        _beginnings.append(hook)


def begin_team(team: Team) -> None:
    """Give a team that was made just now what teams begin with; saying it twice adds nothing."""
    for hook in _beginnings:
        hook(team)


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


def audit(
    by: User | None,
    action: str,
    target: Any,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write down who changed what, in the transaction of the change; `None` is the product itself."""
    Audit.objects.create(
        team_id=getattr(target, "team_id", None),
        user=by,
        actor=by.email if by else "Watchkeeper",
        action=action,
        target=str(target)[:200],
        target_id=str(getattr(target, "uuid", "")),
        before=before or {},
        after=after or {},
    )
